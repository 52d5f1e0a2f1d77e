"""Training: views of the images, the frozen backbone's features, the head, what happened."""

from apparel_clf.training.augment import Augmentation
from apparel_clf.training.history import History
from apparel_clf.training.recipes import RECIPES, Recipe, recipe

__all__ = ["RECIPES", "Augmentation", "History", "Recipe", "recipe"]
