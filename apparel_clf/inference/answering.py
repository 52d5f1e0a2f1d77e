"""What a trained classifier can be asked, whatever it runs on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf.dataset.checks import labels_of
from apparel_clf.errors import DatasetError, ImageError, NotFittedError, SettingsError
from apparel_clf.images import ImageSource, describe, load_image, to_square
from apparel_clf.inference.familiarity import Familiarity
from apparel_clf.inference.prediction import Prediction, is_near
from apparel_clf.inference.predictor import Answer, Predictor, means_of
from apparel_clf.inference.sources import is_single, sources_of
from apparel_clf.inference.threshold import lowest_threshold
from apparel_clf.model.checks import check_choice, check_number, check_whole

if TYPE_CHECKING:
    from apparel_clf.dataset import ImageSet
    from apparel_clf.inference.explain import Explanation

_ON_ERROR = ("raise", "collect")
_Several: TypeAlias = "list[Any] | tuple[Any, ...] | ImageSet"


class Answering:
    """Labels images by a predictor that a subclass provides once it is fitted."""

    classes_: tuple[str, ...]
    threshold_: float | None
    verbose: bool
    _predictor: Predictor

    def predict(
        self,
        images: ImageSource | _Several,
        *,
        top_k: int | None = None,
        threshold: float | None = None,
        on_error: str = "raise",
    ) -> Any:
        """Label one image or several.

        Reading, decoding and computing overlap by themselves; several threads may call at once.

        Args:
            images: a path, the bytes of an image file, such a file opened for reading bytes, a PIL
                image or a ``uint8`` array of shape ``(height, width, 3)``; or several: a folder
                (all images in it and its sub-folders, sorted), a pattern such as
                ``"inbox/*.webp"``, a list of images, or an `ImageSet`. Nothing is fetched from
                the network: a URL is refused.
            top_k: how many classes to name in `Prediction.top_k`. Default None: all.
            threshold: confidence, 0 to 1, below which a prediction is `uncertain`. Default None:
                that of `fit_threshold`, if it was called. A picture too far from those that were
                trained on is uncertain at any threshold, if `fit_threshold` was given these.
            on_error: ``"raise"`` (default) stops at the first image that can't be read;
                ``"collect"`` puts its `ImageError` where its prediction would be.

        Returns:
            A `Prediction` for one image, a list of them, in order, for several.

        Raises:
            ImageError: an image can't be read, and `on_error` is ``"raise"``.
            NotFittedError: neither `fit` nor `load` came before.
            SettingsError: `top_k`, `threshold` or `on_error` has a value that is not allowed.

        Example:
            >>> clf.predict(["x.jpg", "y.jpg"])[1].confidence
            0.97
            >>> [p.label for p in clf.predict("inbox/*.webp", threshold=0.8) if not p.uncertain]
            ['saree', 'jeans']
        """
        given: Any = images
        results = list(
            self.iter_predict(given, top_k=top_k, threshold=threshold, on_error=on_error)
        )
        return results[0] if is_single(images) else results

    def iter_predict(
        self,
        images: _Several | Iterable[Any],
        *,
        top_k: int | None = None,
        threshold: float | None = None,
        on_error: str = "raise",
    ) -> Iterator[Any]:
        """Label a stream of images of any length in little memory.

        Some two dozen images are read ahead of the answers. For a camera, whose next picture comes
        late, call `predict` for each.

        Args:
            images: several, as for `predict`, or any iterable.
            top_k: as for `predict`.
            threshold: as for `predict`.
            on_error: as for `predict`.

        Yields:
            A `Prediction` for each image, in order, or its `ImageError`.

        Raises:
            ImageError: as `predict`.
            NotFittedError: as `predict`.
            SettingsError: as `predict`.

        Example:
            >>> for prediction in clf.iter_predict("photos"):
            ...     print(prediction.source, prediction.label)
        """
        check_choice("on_error", on_error, _ON_ERROR)
        if top_k is not None:
            check_whole("top_k", top_k, 1)
        self._check_fitted()
        if threshold is None:
            threshold = self.threshold_ or 0.0
        _check_share("threshold", threshold)
        answers = self._answers(sources_of(images))
        return (self._result(answer, on_error, top_k, threshold) for answer in answers)

    def predict_proba(self, images: ImageSource | _Several) -> NDArray[np.float32]:
        """Compute the probability of each class.

        The same picture gives the same numbers whether it comes as a path, bytes, a PIL image or
        an array. Beside others it may differ by rounding alone, 1e-5 at most.

        Args:
            images: one image or several, as for `predict`.

        Returns:
            Array of shape ``(n, number of classes)``, ``float32``, columns in the order of
            ``classes_``; one image gives one row.

        Raises:
            ImageError: an image can't be read.
            NotFittedError: neither `fit` nor `load` came before.
        """
        rows = [answer.probabilities() for answer in self._answers(sources_of(images))]
        return np.stack(rows) if rows else np.empty((0, len(self.classes_)), np.float32)

    def explain(self, image: ImageSource, label: str | None = None) -> Explanation:
        """Show which parts of a picture spoke for a class: a Grad-CAM heat map.

        Args:
            image: one image, as for `predict`.
            label: the class to explain. Default None: the predicted one.

        Returns:
            The prediction, the heat over the picture, and both laid over each other by
            ``overlay()``.

        Raises:
            ImageError: the image can't be read.
            SettingsError: there is no such class.
            NotFittedError: neither `fit` nor `load` came before.

        Example:
            >>> clf.explain("x.jpg").overlay().save("why.png")
        """
        self._check_fitted()
        from apparel_clf.inference.explain import explanation

        if label is not None:
            check_choice("label", label, self.classes_)
        picture = load_image(image)
        runtime, rule = self._predictor.runtime, self._predictor.rule
        square = to_square(picture, runtime.side, rule)
        wanted = ("heat",) if runtime.familiarity is None else ("heat", "means")
        rows, heat, *means = runtime.see(square[None], *wanted)
        answer = Answer(describe(image), rows[0], means=means[0][0] if means else None)
        prediction = self._prediction(answer, None, self.threshold_ or 0.0)
        chosen = label or prediction.label
        place = self.classes_.index(chosen)
        return explanation(prediction, chosen, heat[0, ..., place], picture, rule)

    def fit_threshold(
        self,
        val: ImageSet,
        precision: float = 0.95,
        others: Any = None,
        *,
        train: Any = None,
        kept: float = 0.95,
    ) -> float | None:
        """Find out which predictions are to be called `uncertain` from now on; `save` keeps it.

        Those with a confidence below the one from which on predictions are right as often as
        wanted; and, given the training images, those of pictures that are farther from them than
        almost all of `val`, see `Prediction.distance`.

        Args:
            val: labelled images that were not trained on.
            precision: share of right ones among the predictions that are not uncertain, above 0
                and at most 1. Default 0.95.
            others: images of none of the classes, several as for `predict`: whatever is said of
                them is wrong. Default None. Without them the threshold knows mistakes between
                classes alone.
            train: the images that it was trained on, several as for `predict`. Default None: no
                distance is learnt, and one that was learnt before stays.
            kept: share of `val` that the distance keeps, above 0 and at most 1. Default 0.95.

        Returns:
            The lowest such confidence, ``threshold_``; None, and no threshold, where no
            confidence is high enough.

        Raises:
            DatasetError: no images, or a class that the classifier doesn't know; or training
                images too few or too much alike.
            SettingsError: `precision` or `kept` is out of range.
            NotFittedError: neither `fit` nor `load` came before.

        Example:
            >>> clf.fit_threshold(val, precision=0.98, train=train)
            0.83
            >>> clf.predict("watch.jpg").distance
            1.7
        """
        for name, share in (("precision", precision), ("kept", kept)):
            _check_share(name, share)
            check_number(name, share, positive=True)
        self._check_fitted()
        labels = labels_of(val, self.classes_)
        paths = [sample.path for sample in val.samples]
        known = list(self._answers(paths, "val", sense=train is not None))
        if all(answer.row is None for answer in known):
            raise DatasetError(f"{val.name}: no readable image to find a threshold by")
        familiarity = self._learnt(train, known, float(kept))
        strange = self._strange(others, sense=familiarity is not None)
        # Whatever is said of a stranger is wrong: no class has this number.
        answers = chain(
            zip(known, labels.tolist(), strict=True), zip(strange, repeat(-1), strict=False)
        )
        judged = [
            (float(answer.row.max()), bool(answer.row.argmax() == label))
            for answer, label in answers
            if answer.row is not None and is_near(answer.distance(familiarity))
        ]
        if not judged:
            raise DatasetError(
                f"{val.name}: all images are too far from those that were trained on; pass train, "
                "the training images, for what is too far to be learnt anew"
            )
        confidence, right = zip(*judged, strict=True)
        self.threshold_ = lowest_threshold(np.array(confidence), np.array(right), float(precision))
        self._predictor.runtime.familiarity = familiarity
        return self.threshold_

    @property
    def runtime_(self) -> str:
        """Name of what computes predictions."""
        self._check_fitted()
        return self._predictor.runtime.name

    def _check_fitted(self) -> None:
        if not hasattr(self, "_predictor"):
            raise NotFittedError(
                "This classifier knows no classes yet: call fit, or load a model with "
                "apparel_clf.load(path)"
            )

    def _answers(
        self, sources: Iterable[Any], label: str = "predict", *, sense: bool = False
    ) -> Iterator[Answer]:
        self._check_fitted()
        show = None if self.verbose else False
        return self._predictor.answers(sources, label=label, show=show, sense=sense)

    def _strange(self, others: Any, *, sense: bool) -> list[Answer]:
        """Answers for pictures of other things, one of which can be read; none without pictures."""
        if others is None:
            return []
        strange = list(self._answers(sources_of(others), "others", sense=sense))
        if all(answer.row is None for answer in strange):
            why = f" ({strange[0].error})" if strange else ""
            raise DatasetError(f"others: no image that can be read{why}")
        return strange

    def _learnt(self, train: Any, known: list[Answer], kept: float) -> Familiarity | None:
        """Learn what training images look like; without any, what was learnt before stays."""
        if train is None:
            return self._predictor.runtime.familiarity
        answers = self._answers(sources_of(train), "train", sense=True)
        return Familiarity.of(means_of(answers)).limited(means_of(known), kept)

    def _result(
        self, answer: Answer, on_error: str, top_k: int | None, threshold: float
    ) -> Prediction | ImageError:
        if answer.error is not None and on_error == "collect":
            return answer.error
        return self._prediction(answer, top_k, threshold)

    def _prediction(self, answer: Answer, top_k: int | None, threshold: float) -> Prediction:
        return Prediction.from_row(
            answer.probabilities(),
            self.classes_,
            answer.source,
            top_k=top_k,
            threshold=threshold,
            distance=answer.distance(self._predictor.runtime.familiarity),
        )


def _check_share(name: str, value: Any) -> None:
    check_number(name, value)
    if value > 1:
        raise SettingsError(f"Expected {name} to be a share from 0 to 1. Received: {value!r}")
