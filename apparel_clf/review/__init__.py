"""The review page: a person looks through a version, decides, and publishes the next one."""

from apparel_clf.review.looks import Looks, order_by_looks
from apparel_clf.review.model import Predictions, judge_by_model
from apparel_clf.review.order import Judge, Order, Suspicion
from apparel_clf.review.server import ReviewServer
from apparel_clf.review.session import Review, Undone, open_reviewable

__all__ = [
    "Judge",
    "Looks",
    "Order",
    "Predictions",
    "Review",
    "ReviewServer",
    "Suspicion",
    "Undone",
    "judge_by_model",
    "open_reviewable",
    "order_by_looks",
]
