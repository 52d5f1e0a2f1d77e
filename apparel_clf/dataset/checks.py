"""Whether a set of images can be worked with, before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import DatasetError

if TYPE_CHECKING:
    from apparel_clf.dataset import ImageSet


def check_image_set(name: str, value: Any) -> None:
    """Raise DatasetError unless `value` is a set of samples whose labels are all classes of it."""
    if not hasattr(value, "samples") or not hasattr(value, "classes"):
        raise DatasetError(
            f"Expected {name} to be an ImageSet, as ImageFolder(path).split() gives. "
            f"Received: {type(value).__name__}"
        )
    strange = {sample.label for sample in value.samples} - set(value.classes)
    if strange:
        raise DatasetError(f"{name}: samples of {sorted(strange)}, which are none of its classes")


def labels_of(
    test: ImageSet, classes: tuple[str, ...], name: str = "test_set"
) -> NDArray[np.int64]:
    """Return the place of each image's label among the classes of a classifier.

    Args:
        test: labelled images.
        classes: in the order of the probabilities.
        name: what to call the images in an error.

    Returns:
        ``int64`` of shape ``(n,)``.

    Raises:
        DatasetError: no set, or it has a class that is none of these; names it.
    """
    places = {name: place for place, name in enumerate(classes)}
    check_image_set(name, test)
    unknown = sorted({sample.label for sample in test.samples} - set(classes))
    if unknown:
        raise DatasetError(
            f"{test.name or name}: has classes that the classifier doesn't know: "
            f"{', '.join(unknown)}. Expected some of {', '.join(classes)}"
        )
    return np.array([places[sample.label] for sample in test.samples], np.int64)
