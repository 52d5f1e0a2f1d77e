"""Distances of an export in reduced precision: its features are others, so they are learnt anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apparel_clf.errors import DatasetError
from apparel_clf.inference.familiarity import Familiarity
from apparel_clf.inference.opening import open_model
from apparel_clf.inference.predictor import Predictor, means_of

if TYPE_CHECKING:
    from apparel_clf.dataset import ImageSet

# Of so many pictures one is not learnt from.
_HELD = 5


def relearnt(
    predictor: Predictor,
    partial: Path,
    calibrate_on: Sequence[Any] | None,
    verify_on: ImageSet,
    show: bool | None,
) -> dict[str, Any]:
    """Learn from an export's own features what pictures of the classes look like.

    Eight bits shift features by more than training images differ across their directions: by the
    original's measure nearly every picture would be a stranger.

    Args:
        predictor: the original, which knows distances.
        partial: the export, where it is now.
        calibrate_on: pictures to learn from, such as the training images; of each five one is
            held out for the limit, which keeps as large a share of these as the original's was
            set to keep. None keeps what the original learnt, for precisions that need no
            calibration.
        verify_on: without `calibrate_on` the limit is set on these.
        show: draw progress bars; None draws them on a terminal, else a line every 20 s.

    Returns:
        What the export's description says of it.

    Raises:
        DatasetError: `calibrate_on` has too few pictures to learn from, or `verify_on` none.
    """
    known = predictor.runtime.familiarity
    if known is None:
        return {}
    theirs = Predictor(open_model(partial).runtime, predictor.rule)

    def means(images: Iterable[Any], label: str) -> Any:
        return means_of(theirs.answers(images, label=label, show=show, sense=True))

    kept, name = known.kept, "verify_on" if calibrate_on is None else "calibrate_on"
    held = [sample.path for sample in verify_on.samples]
    try:
        if calibrate_on is not None:
            held = list(calibrate_on[::_HELD])
            learnt = (picture for i, picture in enumerate(calibrate_on) if i % _HELD)
            known = Familiarity.of(means(learnt, "distances"))
        theirs.runtime.familiarity = known.limited(means(held, "limit"), kept)
    except DatasetError as error:
        raise DatasetError(f"{name}: {error}") from error
    return theirs.facts()
