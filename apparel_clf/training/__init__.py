"""Training: views of the images, the frozen backbone's features, the head, what happened."""

from apparel_clf.training.augment import Augmentation
from apparel_clf.training.history import History

__all__ = ["Augmentation", "History"]
