"""The classifier: labelled images in, a model out; images in, labels out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from apparel_clf.dataset.folder import hash_of
from apparel_clf.errors import (
    DatasetError,
    ImageError,
    ModelFileError,
    NotFittedError,
    SettingsError,
)
from apparel_clf.images import ImageSource
from apparel_clf.inference.prediction import Prediction
from apparel_clf.inference.predictor import Answer, Predictor, is_single, sources_of
from apparel_clf.model.build import VGG16_BLOCKS, build_network
from apparel_clf.model.checks import check_choice, check_whole
from apparel_clf.model.file import load_model, save_model
from apparel_clf.model.metadata import check_facts, describe_evaluation, describe_model
from apparel_clf.model.params import Params
from apparel_clf.model.weights import describe_weights, fill_backbone
from apparel_clf.training.augment import Augmentation
from apparel_clf.training.fit import TrainingSettings, check_image_set, check_sets, train_network
from apparel_clf.training.history import History
from apparel_clf.training.precision import choose_precision
from apparel_clf.training.recipes import Recipe, recipe

if TYPE_CHECKING:
    import keras
    from PIL import Image

    from apparel_clf.dataset import ImageSet
    from apparel_clf.evaluation import EvaluationReport

_ON_ERROR = ("raise", "collect")
# The settings that a recipe says unless they are given.
_OVERRIDES = (
    "head",
    "resize",
    "views",
    "augmentation",
    "standardize",
    "solver",
    "epochs",
    "learning_rate",
    "batch_size",
    "l2",
    "precision",
    "keep",
    "patience",
    "calibrate",
    "fine_tune",
    "fine_tune_rate",
)
_Several: TypeAlias = "list[Any] | tuple[Any, ...] | ImageSet"


class ApparelClassifier(Params):
    """An image classifier: VGG16 with a frozen backbone and a head trained on your images.

    Follows scikit-learn's habits: creating it only stores the settings, `fit` returns the
    classifier, what was learnt has a trailing underscore.

    Args:
        weights: where the backbone's weights come from: ``"imagenet"`` (default), the path of a
            weights file, or None for an untrained backbone. Never silently random.
        image_size: side of the square that the network sees, in pixels. Default 256.
        head: what the head sees: ``"flatten"``, as the original's, ``"gap"``, ``"pooled"`` or
            ``"pooled+flatten"``. Default None: as the recipe says.
        random_state: seed of all that is drawn. The same images, settings and seed give the same
            weights, bit for bit, on one machine.
        recipe: ``"fast"`` (default), ``"best"``, which takes longer, or ``"seed"``, the original
            project's training, to compare with; or a `Recipe` of your own. It says all the
            settings below that are None;
            ``print(apparel_clf.recipe("best"))`` shows them. See `Recipe` for what each means.
        resize: ``"pad"`` (keeps the aspect ratio), ``"crop"`` or ``"stretch"``.
        views: how often each training image is seen by the backbone: once plain, then augmented.
            Time for training grows with it.
        augmentation: what the further views may change, an `Augmentation`.
        standardize: take each feature to mean 0 and equal spread first.
        solver: ``"adam"`` or ``"lbfgs"``.
        epochs: passes over the training views.
        learning_rate: Adam's step size; L-BFGS, which `fast` and `best` use, has none.
        batch_size: rows in each of Adam's steps; L-BFGS takes all at once.
        l2: strength of the head's weight decay or L2 penalty, 0 for none.
        precision: arithmetic for the training features: ``"auto"`` (bfloat16 where the machine is
            clearly faster with it), ``"float32"`` or ``"bfloat16"``. Predictions are always made
            in float32.
        keep: which epoch's weights are kept: ``"last"`` (as the original did) or ``"best"``, the
            one with the lowest validation loss. Choosing by validation figures flatters them, so
            claims belong on the test split.
        patience: stop after so many epochs without a lower validation loss.
        calibrate: fit a temperature on out-of-fold predictions and build it into the head.
        fine_tune: epochs of training block 5 together with the head afterwards.
        fine_tune_rate: Adam's step size for these.
        verbose: print a row for each epoch, and draw progress bars on a terminal. Default True.

    Attributes:
        classes_: the class names, in the order of the probabilities.
        history_: loss and accuracy of each epoch, a `History`.
        model_: the Keras network, preprocessing included.
        weights_: ``"imagenet"``, ``"none"`` or the weights file's name.
        precision_: the arithmetic that computed the features.
        recipe_: all settings that the training used, a `Recipe`.
        temperature_: by what the logits were divided so that probabilities can be taken at their
            word, or None. It is part of the network.
        skipped_: path and reason of each image that `fit` could not read.
        dataset_: name and version id of the dataset that it was trained on.
        metrics_: what the last `evaluate` found, or None; it travels in the model file.
        n_features_in_: numbers that the network takes for an image.

    Example:
        >>> clf = ApparelClassifier(weights="imagenet")
        >>> clf.fit(train, val, epochs=12).evaluate(test).accuracy
        0.95
        >>> clf.predict("x.jpg").label
        'saree'
    """

    # Checks replace it by a network of the same kind that is quick to run.
    _blocks = VGG16_BLOCKS

    classes_: tuple[str, ...]
    history_: History
    model_: keras.Model
    weights_: str
    precision_: str
    skipped_: tuple[tuple[str, str], ...]
    dataset_: dict[str, str | None]
    metrics_: dict[str, Any] | None
    n_features_in_: int
    recipe_: Recipe
    temperature_: float | None
    _fitted_params: dict[str, Any]
    _predictor: Predictor

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = "imagenet",
        image_size: int = 256,
        head: str | None = None,
        random_state: int = 0,
        *,
        recipe: str | Recipe = "fast",
        resize: str | None = None,
        views: int | None = None,
        augmentation: Augmentation | None = None,
        standardize: bool | None = None,
        solver: str | None = None,
        epochs: int | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        l2: float | None = None,
        precision: str | None = None,
        keep: str | None = None,
        patience: int | None = None,
        calibrate: bool | None = None,
        fine_tune: int | None = None,
        fine_tune_rate: float | None = None,
        verbose: bool = True,
    ) -> None:
        self.weights = weights
        self.image_size = image_size
        self.head = head
        self.random_state = random_state
        self.recipe = recipe
        self.resize = resize
        self.views = views
        self.augmentation = augmentation
        self.standardize = standardize
        self.solver = solver
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.l2 = l2
        self.precision = precision
        self.keep = keep
        self.patience = patience
        self.calibrate = calibrate
        self.fine_tune = fine_tune
        self.fine_tune_rate = fine_tune_rate
        self.verbose = verbose

    def settings(self) -> Recipe:
        """Return the recipe with the settings of one's own: all that `fit` will go by.

        Raises:
            SettingsError: a setting has a value that is not allowed.

        Example:
            >>> print(ApparelClassifier(recipe="best", views=3).settings())
        """
        own = {name: getattr(self, name) for name in _OVERRIDES}
        base = self.recipe if isinstance(self.recipe, Recipe) else recipe(self.recipe)
        return base.changed(**own)

    def fit(
        self, train: ImageSet, val: ImageSet | None = None, epochs: int | None = None
    ) -> ApparelClassifier:
        """Train on labelled images.

        Images that can't be read are named in a warning and in ``skipped_``; the rest is used.
        Ctrl-C in an epoch keeps the best weights so far; before that, the features that were
        computed are kept for the next run.

        Args:
            train: images to learn from, for example from ``ImageFolder(...).split()``.
            val: images to watch after each epoch. Default None.
            epochs: passes over the training views. Default None: the setting, or the recipe's.

        Returns:
            The classifier itself.

        Raises:
            SettingsError: a setting has a value that is not allowed.
            DatasetError: no images, one class, an empty class, or a class unknown to training.
            WeightsError: the backbone's weights can't be had or don't fit.
            TrainingError: a class has no readable image, or the loss is no longer a number.
            MissingExtraError: TensorFlow or Keras is not installed.

        Example:
            >>> ApparelClassifier(weights=None).fit(train, val, epochs=12).classes_
            ('jeans', 'saree', 'trousers')
        """
        chosen = self._chosen(val, epochs)
        check_sets(train, val)
        model = self._network(len(train.classes), chosen)
        outcome = train_network(
            model, train, val, TrainingSettings(chosen, self.random_state, self.verbose)
        )
        if outcome.interrupted:
            epochs_done = len(outcome.history.epoch)
            warnings.warn(
                f"Interrupted after {epochs_done} epochs; the best weights so far are kept",
                UserWarning,
                stacklevel=2,
            )
        self.recipe_ = chosen
        self._adopt(model, train.classes)
        self.history_ = outcome.history
        self.skipped_ = outcome.skipped
        self.precision_ = chosen.precision
        self.temperature_ = outcome.temperature
        self.weights_ = describe_weights(self.weights)
        self.dataset_ = {"name": train.name, "version_id": train.version_id}
        self.metrics_ = None
        return self

    @overload
    def predict(self, images: ImageSource, *, on_error: Literal["raise"] = ...) -> Prediction: ...

    @overload
    def predict(
        self, images: ImageSource, *, on_error: Literal["collect"]
    ) -> Prediction | ImageError: ...

    @overload
    def predict(
        self, images: _Several, *, on_error: Literal["raise"] = ...
    ) -> list[Prediction]: ...

    @overload
    def predict(
        self, images: _Several, *, on_error: Literal["collect"]
    ) -> list[Prediction | ImageError]: ...

    def predict(self, images: Any, *, on_error: str = "raise") -> Any:
        """Label one image or several.

        Args:
            images: a path, the bytes of an image file, a PIL image or a ``uint8`` array of shape
                ``(height, width, 3)``; or a list of these, or an `ImageSet`.
            on_error: ``"raise"`` (default) stops at the first image that can't be read;
                ``"collect"`` puts its `ImageError` where its prediction would be.

        Returns:
            A `Prediction` for one image, a list of them, in order, for several.

        Raises:
            ImageError: an image can't be read, and `on_error` is ``"raise"``.
            NotFittedError: neither `fit` nor `load` came before.
            SettingsError: `on_error` is none of the two.

        Example:
            >>> clf.predict(["x.jpg", "y.jpg"])[1].confidence
            0.97
        """
        check_choice("on_error", on_error, _ON_ERROR)
        single = is_single(images)
        answers = self._answers(sources_of([images] if single else images))
        results = [self._result(answer, on_error) for answer in answers]
        return results[0] if single else results

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
        sources = sources_of([images] if is_single(images) else images)
        rows = [answer.probabilities() for answer in self._answers(sources)]
        return np.stack(rows) if rows else np.empty((0, len(self.classes_)), np.float32)

    def evaluate(self, test: ImageSet) -> EvaluationReport:
        """Judge the classifier on labelled images, predicting exactly as `predict` does.

        Args:
            test: images that were neither trained on nor chosen by.

        Returns:
            The report; images that could not be read are listed in it and judged nowhere.

        Raises:
            DatasetError: no images, or a class that the classifier doesn't know.
            NotFittedError: neither `fit` nor `load` came before.
            MissingExtraError: scikit-learn is not installed.

        Example:
            >>> report = clf.evaluate(test)
            >>> report.accuracy, report.ci
            (0.95, (0.92, 0.97))
        """
        self._check_fitted()
        from apparel_clf.evaluation import evaluate_predictions

        labels = _labels(test, self.classes_)
        answers = list(self._answers([sample.path for sample in test.samples], "evaluate"))
        good = [place for place, answer in enumerate(answers) if answer.error is None]
        report = evaluate_predictions(
            labels[good],
            np.array([answers[place].row for place in good], np.float32),
            self.classes_,
            paths=[answers[place].source for place in good],
            dataset=test.name,
            split=test.split_name,
            version_id=test.version_id,
            weights=self.weights_,
            history=self.history_,
            settings=self._facts(),
            temperature=self.temperature_,
            hashes=[hash_of(test.samples[place]) for place in good],
            skipped=[(a.source, a.error.reason) for a in answers if a.error is not None],
        )
        self.metrics_ = describe_evaluation(report)
        return report

    def augmented_examples(self, train: ImageSet) -> list[tuple[str, list[Image.Image]]]:
        """Show what training saw of a few images: as they are, then their augmented views.

        Args:
            train: the images that it was trained on.

        Returns:
            Of each image a caption and its pictures, for `EvaluationReport.to_html`; nothing where
            training had no augmented views.

        Raises:
            NotFittedError: neither `fit` nor `load` came before.
        """
        self._check_fitted()
        from apparel_clf.training.examples import augmented_examples

        seed = self._fitted_params["random_state"]
        side = self._fitted_params["image_size"]
        return augmented_examples(train.samples, self.recipe_, side, seed)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the classifier as one ``.keras`` file, which plain Keras opens too.

        Args:
            path: where to; must end in ``.keras``. What is there is replaced in one step.

        Returns:
            The path.

        Raises:
            ModelFileError: the name doesn't end in ``.keras``, or there is no such folder.
            NotFittedError: neither `fit` nor `load` came before.

        Example:
            >>> clf.save("model.keras")
            PosixPath('model.keras')
        """
        self._check_fitted()
        metadata = describe_model(
            class_names=self.classes_,
            params=self._fitted_params,
            recipe=self.recipe_.to_json(),
            temperature=self.temperature_,
            weights=self.weights_,
            precision=self.precision_,
            history=self.history_.to_json(),
            dataset=self.dataset_,
            metrics=self.metrics_,
        )
        return save_model(self.model_, metadata, path)

    def _facts(self) -> dict[str, Any]:
        """How the model was made, for a reader."""
        own = {
            name: self._fitted_params[name] for name in ("weights", "image_size", "random_state")
        }
        return own | {"recipe": self.recipe_.to_json()}

    def _plain_params(self) -> dict[str, Any]:
        """Return the settings as values that JSON knows."""
        params = self.get_params()
        if isinstance(self.weights, os.PathLike):
            params["weights"] = os.fspath(self.weights)
        if isinstance(self.recipe, Recipe):
            params["recipe"] = self.recipe.to_json()
        if self.augmentation is not None:
            params["augmentation"] = self.augmentation.to_json()
        return params

    def _chosen(self, val: ImageSet | None, epochs: int | None = None) -> Recipe:
        """Check all settings; return the recipe to train by, with its arithmetic decided."""
        check_whole("image_size", self.image_size, 32)
        check_whole("random_state", self.random_state, 0)
        chosen = self.settings().changed(epochs=epochs)
        if (chosen.keep == "best" or chosen.patience) and not val:
            raise SettingsError(
                "Expected validation images with keep='best' or patience, which go by their loss. "
                "Received: none; pass val, or keep='last' and no patience"
            )
        return chosen.changed(precision=choose_precision(chosen.precision))

    def _network(self, classes: int, chosen: Recipe) -> keras.Model:
        model = build_network(
            classes, self.image_size, chosen.head, self.random_state, self._blocks
        )
        fill_backbone(model, self.weights, self.random_state)
        return model

    def _adopt(self, model: keras.Model, classes: Iterable[str]) -> None:
        self.model_ = model
        self.classes_ = tuple(classes)
        self.n_features_in_ = int(np.prod(model.input_shape[1:]))
        self._fitted_params = self._plain_params()
        self._predictor = Predictor(model, self.recipe_.resize)

    def _check_fitted(self) -> None:
        if not hasattr(self, "_predictor"):
            raise NotFittedError(
                "This classifier knows no classes yet: call fit, or load a model with "
                "apparel_clf.load(path)"
            )

    def _answers(self, sources: list[ImageSource], label: str = "predict") -> Iterable[Answer]:
        self._check_fitted()
        return self._predictor.answers(sources, label=label, show=None if self.verbose else False)

    def _result(self, answer: Answer, on_error: str) -> Prediction | ImageError:
        if answer.error is not None and on_error == "collect":
            return answer.error
        return Prediction.from_row(answer.probabilities(), self.classes_, answer.source)


def load(path: str | os.PathLike[str]) -> ApparelClassifier:
    """Read a classifier that `ApparelClassifier.save` wrote.

    It predicts bit for bit as the saved one did. Nothing that is stored in the file is run.

    Args:
        path: a ``.keras`` file.

    Returns:
        A fitted classifier.

    Raises:
        ModelFileError: no such file, not one of ours, damaged, or refused because it could run
            code.
        MissingExtraError: TensorFlow or Keras is not installed.

    Example:
        >>> load("model.keras").classes_
        ('jeans', 'saree', 'trousers')
    """
    model, facts = load_model(path)
    try:
        return _restored(model, facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(
            f"{os.fspath(path)}: what the file says about itself is damaged "
            f"({type(error).__name__}: {error})"
        ) from error


def _restored(model: keras.Model, facts: dict[str, Any]) -> ApparelClassifier:
    check_facts(facts)
    params = dict(facts["params"])
    if isinstance(params["recipe"], dict):
        params["recipe"] = Recipe.from_json(params["recipe"])
    if params["augmentation"] is not None:
        params["augmentation"] = Augmentation(**params["augmentation"])
    classifier = ApparelClassifier(**params)
    classifier.recipe_ = Recipe.from_json(facts["recipe"])
    classifier._adopt(model, facts["class_names"])
    classifier.history_ = History.from_json(facts["history"])
    classifier.weights_ = facts["weights"]
    classifier.precision_ = facts["precision"]
    classifier.temperature_ = facts["temperature"]
    classifier.dataset_ = facts["dataset"]
    classifier.metrics_ = facts["metrics"]
    classifier.skipped_ = ()
    check_whole("image_size", classifier.image_size, 32)
    classifier.settings()
    found = (model.input_shape[1], model.output_shape[-1])
    if found != (classifier.image_size, len(classifier.classes_)):
        raise SettingsError(f"the network has image size and number of classes {found}")
    return classifier


def _labels(test: ImageSet, classes: tuple[str, ...]) -> NDArray[np.int64]:
    places = {name: place for place, name in enumerate(classes)}
    check_image_set("test_set", test)
    unknown = sorted({sample.label for sample in test.samples} - set(classes))
    if unknown:
        raise DatasetError(
            f"{test.name}: has classes that the classifier doesn't know: {', '.join(unknown)}. "
            f"Expected some of {', '.join(classes)}"
        )
    return np.array([places[sample.label] for sample in test.samples], np.int64)
