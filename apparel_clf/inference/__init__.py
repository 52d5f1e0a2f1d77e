"""Prediction: images in, labels with probabilities out."""

from apparel_clf.inference.prediction import Prediction

__all__ = ["Prediction"]
