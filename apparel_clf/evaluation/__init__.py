"""How good a classifier is, with an interval: figures, a text table, JSON and an HTML report."""

from apparel_clf.evaluation.intervals import wilson_interval
from apparel_clf.evaluation.metrics import ClassScore
from apparel_clf.evaluation.report import EvaluationReport, Row, evaluate_predictions

__all__ = ["ClassScore", "EvaluationReport", "Row", "evaluate_predictions", "wilson_interval"]
