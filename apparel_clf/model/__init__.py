"""The network: VGG16 with its preprocessing inside the graph, its weights, its file."""

from apparel_clf.model.build import build_model

__all__ = ["build_model"]
