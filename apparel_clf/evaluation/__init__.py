"""How good a classifier is, with an interval: figures, a text table, JSON and an HTML report."""

from apparel_clf.evaluation.calibration import (
    Calibration,
    CalibrationBin,
    calibration,
    fit_temperature,
)
from apparel_clf.evaluation.compare import Comparison, compare
from apparel_clf.evaluation.intervals import paired_interval, wilson_interval
from apparel_clf.evaluation.label_issues import (
    LabelIssue,
    rank_label_issues,
    write_label_issues,
)
from apparel_clf.evaluation.metrics import ClassScore
from apparel_clf.evaluation.predictions import evaluate_predictions, split_id
from apparel_clf.evaluation.report import EvaluationReport, Row

__all__ = [
    "Calibration",
    "CalibrationBin",
    "ClassScore",
    "Comparison",
    "EvaluationReport",
    "LabelIssue",
    "Row",
    "calibration",
    "compare",
    "evaluate_predictions",
    "fit_temperature",
    "paired_interval",
    "rank_label_issues",
    "split_id",
    "wilson_interval",
    "write_label_issues",
]
