"""Prediction in every runtime, beside Keras as a user would write it."""
