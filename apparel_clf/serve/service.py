"""What the service asks of a classifier: predictions, a picture of where it looked, its facts."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from apparel_clf.errors import ImageError, SettingsError
from apparel_clf.images import read_header
from apparel_clf.inference.kept import kept
from apparel_clf.serve.limits import Limits

if TYPE_CHECKING:
    from apparel_clf.classifier import ApparelClassifier
    from apparel_clf.inference import Prediction
    from apparel_clf.serve.uploads import Upload

# PNG's fastest level but one: a third of the time of the default for a tenth more bytes.
_PNG_LEVEL = 2


class Service:
    """A classifier behind limits; its methods run in threads, several at a time.

    Args:
        classifier: fitted or loaded; its `predict` and `explain` may be called from any thread.
        limits: `Limits.pixels` holds for each picture.
        threshold: confidence below which a prediction is uncertain; None leaves it to the model.

    Attributes:
        explains: whether this model can show where it looked.
    """

    def __init__(
        self, classifier: ApparelClassifier, limits: Limits, threshold: float | None = None
    ) -> None:
        self._classifier = classifier
        self._limits = limits
        self._threshold = threshold
        self.explains = self._warm_up()

    def predict(self, uploads: Sequence[Upload]) -> list[Prediction | ImageError]:
        """Label pictures.

        Args:
            uploads: files as they came in.

        Returns:
            In order, for each its prediction, or why there is none.
        """
        refused = [self._refused(upload) for upload in uploads]
        good = [u.data for u, error in zip(uploads, refused, strict=True) if error is None]
        labelled = self._classifier.predict(good, on_error="collect", threshold=self._threshold)
        answers = iter(labelled)
        return [next(answers) if error is None else error for error in refused]

    def explain(self, upload: Upload) -> tuple[bytes, bool]:
        """Show where the network looked.

        Args:
            upload: one file as it came in.

        Returns:
            A PNG: the upright picture under a heat map, at most 1024 pixels a side; and whether
            that map is empty, no part of the picture speaking for the class by itself.

        Raises:
            ImageError: the picture can't be read.
            SettingsError: this model can't tell.
        """
        self._check(upload)
        found = self._classifier.explain(upload.data)
        return _png(found.overlay()), found.empty

    def facts(self) -> dict[str, Any]:
        """Say what model this is, in plain values."""
        classifier = self._classifier
        own = self._threshold
        return {
            "classes": list(classifier.classes_),
            "runtime": classifier.runtime_,
            "weights": classifier.weights_,
            "dataset": classifier.dataset_,
            "metrics": classifier.metrics_,
            "temperature": classifier.temperature_,
            "threshold": classifier.threshold_ if own is None else own,
        }

    def _check(self, upload: Upload) -> None:
        """Look at a picture's header, before a pixel is decoded."""
        read_header(upload.data, upload.name, max_pixels=self._limits.pixels)

    def _refused(self, upload: Upload) -> ImageError | None:
        try:
            self._check(upload)
        except ImageError as error:
            return kept(error)
        return None

    def _warm_up(self) -> bool:
        """Run the network once, so that no visitor waits for it; tell whether it can explain."""
        blank = _png(Image.new("RGB", (64, 64), "white"))
        self._classifier.predict([blank], on_error="collect", threshold=self._threshold)
        try:
            self._classifier.explain(blank)
        except SettingsError:
            return False
        return True


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=_PNG_LEVEL)
    return buffer.getvalue()
