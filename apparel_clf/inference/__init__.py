"""Prediction: images in, labels with probabilities out; exports to other runtimes."""

from apparel_clf.inference.explain import Explanation
from apparel_clf.inference.export import Exported
from apparel_clf.inference.prediction import Prediction

__all__ = ["Explanation", "Exported", "Prediction"]
