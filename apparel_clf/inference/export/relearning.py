"""Distances of an export in reduced precision: its features are others, so they are learnt anew."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apparel_clf.inference.familiarity import Familiarity
from apparel_clf.inference.opening import open_model
from apparel_clf.inference.predictor import Predictor, means_of

if TYPE_CHECKING:
    from apparel_clf.dataset import ImageSet


def relearnt(
    predictor: Predictor,
    partial: Path,
    calibrate_on: Iterable[Any] | None,
    verify_on: ImageSet,
    show: bool | None,
) -> dict[str, Any]:
    """Learn from an export's own features what pictures of the classes look like.

    Eight bits shift features by more than training images differ across their directions: by the
    original's measure nearly every picture would be a stranger.

    Args:
        predictor: the original, which knows distances.
        partial: the export, where it is now.
        calibrate_on: pictures to learn from, such as the training images; None keeps what the
            original learnt, for precisions that need no calibration.
        verify_on: the limit keeps as large a share of these as the original's was set to keep.
        show: draw progress bars; None draws them on a terminal only.

    Returns:
        What the export's description says of it.

    Raises:
        DatasetError: too few pictures to learn from.
    """
    known = predictor.runtime.familiarity
    if known is None:
        return {}
    theirs = Predictor(open_model(partial).runtime, predictor.rule)

    def means(images: Iterable[Any], label: str) -> Any:
        return means_of(theirs.answers(images, label=label, show=show, sense=True))

    kept = known.kept
    if calibrate_on is not None:
        known = Familiarity.of(means(calibrate_on, "distances"))
    paths = [sample.path for sample in verify_on.samples]
    theirs.runtime.familiarity = known.limited(means(paths, "limit"), kept)
    return theirs.facts()
