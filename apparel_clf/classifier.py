"""The classifier: labelled images in, a model out; images in, labels out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apparel_clf.dataset.checks import labels_of
from apparel_clf.dataset.folder import hash_of
from apparel_clf.errors import (
    SettingsError,
)
from apparel_clf.inference.answering import Answering
from apparel_clf.inference.predictor import Predictor
from apparel_clf.inference.sources import sources_of
from apparel_clf.model.build import VGG16_BLOCKS, build_network
from apparel_clf.model.checks import check_whole
from apparel_clf.model.file import save_model
from apparel_clf.model.metadata import describe_evaluation, describe_model
from apparel_clf.model.params import Params
from apparel_clf.model.weights import check_weights, describe_weights, fill_backbone
from apparel_clf.training.augment import Augmentation
from apparel_clf.training.fit import Outcome, TrainingSettings, check_sets, train_network
from apparel_clf.training.history import History
from apparel_clf.training.precision import choose_precision
from apparel_clf.training.recipes import Recipe, recipe

if TYPE_CHECKING:
    import keras
    from PIL import Image

    from apparel_clf.dataset import ImageSet
    from apparel_clf.evaluation import EvaluationReport
    from apparel_clf.inference.export import Exported
    from apparel_clf.inference.runtimes.base import Runtime

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


class ApparelClassifier(Answering, Params):
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
            clearly faster with it and the head holds all of the last block, else float32),
            ``"float32"`` or ``"bfloat16"``. Predictions are always made in float32.
        keep: which epoch's weights are kept: ``"last"`` (as the original did) or ``"best"``, the
            one with the lowest validation loss. Choosing by validation figures flatters them, so
            claims belong on the test split.
        patience: stop after so many epochs without a lower validation loss.
        calibrate: fit a temperature on out-of-fold predictions and build it into the head.
        fine_tune: epochs of training block 5 together with the head afterwards.
        fine_tune_rate: Adam's step size for these.
        verbose: print a row for each epoch, and draw progress bars on a terminal, else a line
            every 20 s. Default True.

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
        threshold_: confidence below which a prediction is uncertain, from `fit_threshold`, or
            None; it travels in the model file.
        runtime_: what computes predictions: ``"keras"``, ``"onnx"``, ``"litert"`` or
            ``"openvino"``.
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
    threshold_: float | None
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
        Ctrl-C in an epoch keeps the epoch with the lowest validation loss so far, without `val`
        the last; before that, the features that were computed are kept for the next run.

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
            warnings.warn(_what_is_kept(outcome, chosen), UserWarning, stacklevel=2)
        self.recipe_ = chosen
        self.threshold_ = None
        self._adopt(self._keras_runtime(model), train.classes, model)
        self.history_ = outcome.history
        self.skipped_ = outcome.skipped
        self.precision_ = chosen.precision
        self.temperature_ = outcome.temperature
        self.weights_ = describe_weights(self.weights)
        self.dataset_ = {"name": train.name, "version_id": train.version_id}
        self.metrics_ = None
        return self

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

        labels = labels_of(test, self.classes_)
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
        model = self._network_of("save")
        return save_model(model, self._metadata() | self._predictor.facts(), path)

    def export(
        self,
        path: str | os.PathLike[str],
        precision: str = "fp32",
        *,
        calibrate_on: Any = None,
        verify_on: ImageSet | None = None,
        max_loss: float = 0.5,
    ) -> Exported:
        """Write the classifier for a runtime without TensorFlow; `load` opens it like any other.

        The file has one input, RGB pixels as ``uint8`` of shape ``(batch, side, side, 3)``, and
        carries what the ``.keras`` file says of the model. It is checked before it takes its
        place: in fp32 its probabilities are within 1e-4 of Keras' own; in int8 and bf16 accuracy
        on `verify_on` may fall by `max_loss` at most.

        Args:
            path: ends in ``.onnx`` (ONNX Runtime), ``.tflite`` (LiteRT), or has no ending: an
                OpenVINO folder. What is there is replaced.
            precision: ``"fp32"`` (default), ``"int8"``: a quarter of the size and several times
                faster, or ``"bf16"``: OpenVINO on processors with bfloat16.
            calibrate_on: pictures from which int8 learns the range of each layer's values: an
                `ImageSet`, such as the training images, or several images as for `predict`; 64 of
                them are used, and 30 or more should be there. Needed for int8. A distance that
                was learnt (`fit_threshold` with `train`) is learnt anew from all of them: give the
                training images then.
            verify_on: labelled images to compare accuracy on, which were not trained on. Needed
                for int8 and bf16.
            max_loss: how many points of accuracy may be lost, in percent of `verify_on`. Default
                0.5.

        Returns:
            Where it is, and how it compares with Keras.

        Raises:
            ExportError: it loses more than it may; says the figures. Nothing is written.
            DatasetError: `calibrate_on` has too few pictures for a distance to be learnt anew.
            SettingsError: a format that can't have this precision, or something that is needed
                is missing.
            ModelFileError: the file cannot be written there.
            MissingExtraError: a package that writes this format is not installed.
            NotFittedError: neither `fit` nor `load` came before.

        Example:
            >>> print(clf.export("model.onnx", "int8", calibrate_on=train, verify_on=test))
            model.onnx: int8, 15.2 MB; accuracy 97.6%, 97.6% before (n=123), ...
        """
        from apparel_clf.inference.export import export_model

        model = self._network_of("export")
        return export_model(
            self._predictor,
            model,
            self._metadata(),
            Path(path),
            precision=precision,
            calibrate_on=None if calibrate_on is None else sources_of(calibrate_on),
            verify_on=verify_on,
            max_loss=max_loss,
            show=None if self.verbose else False,
        )

    def _metadata(self) -> dict[str, Any]:
        """What travels in a model file beside the network."""
        return describe_model(
            class_names=self.classes_,
            params=self._fitted_params,
            recipe=self.recipe_.to_json(),
            temperature=self.temperature_,
            threshold=self.threshold_,
            weights=self.weights_,
            precision=self.precision_,
            history=self.history_.to_json(),
            dataset=self.dataset_,
            metrics=self.metrics_,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Refuse to be pickled once fitted: a pickle runs code when it is opened."""
        if hasattr(self, "_predictor"):
            raise TypeError(
                "A fitted classifier is not pickled or copied: keep it with save(path), and open "
                "it with apparel_clf.load(path)"
            )
        return dict(self.__dict__)

    def _network_of(self, doing: str) -> keras.Model:
        self._check_fitted()
        if not hasattr(self, "model_"):
            raise SettingsError(
                f"This classifier runs on {self.runtime_!r}, from an export that holds no Keras "
                f"network to {doing}. Load the .keras file that it was exported from"
            )
        return self.model_

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

    def _chosen(
        self, val: ImageSet | None, epochs: int | None = None, heads: Sequence[str] = ()
    ) -> Recipe:
        """Check all settings; return the recipe to train by, with its arithmetic decided.

        Args:
            val: images to watch, if any.
            epochs: in place of the setting.
            heads: which heads share the features. Empty: the recipe's alone.
        """
        check_weights(self.weights)
        check_whole("image_size", self.image_size, 32)
        check_whole("random_state", self.random_state, 0)
        chosen = self.settings().changed(epochs=epochs)
        if (chosen.keep == "best" or chosen.patience) and not val:
            raise SettingsError(
                "Expected validation images with keep='best' or patience, which go by their loss. "
                "Received: none; pass val, or keep='last' and no patience"
            )
        decided = choose_precision(chosen.precision, heads or (chosen.head,))
        return chosen.changed(precision=decided)

    def _network(self, classes: int, chosen: Recipe) -> keras.Model:
        model = build_network(
            classes, self.image_size, chosen.head, self.random_state, self._blocks
        )
        fill_backbone(model, self.weights, self.random_state)
        return model

    def _keras_runtime(self, model: keras.Model) -> Runtime:
        from apparel_clf.inference.runtimes.keras_runtime import KerasRuntime

        return KerasRuntime(model, self.recipe_.head)

    def _adopt(
        self, runtime: Runtime, classes: Iterable[str], model: keras.Model | None = None
    ) -> None:
        """Take over a trained network."""
        if model is not None:
            self.model_ = model
        self.classes_ = tuple(classes)
        self.n_features_in_ = 3 * runtime.side**2
        self._fitted_params = self._plain_params()
        self._predictor = Predictor(runtime, self.recipe_.resize)


def _what_is_kept(outcome: Outcome, chosen: Recipe) -> str:
    """Say which epoch an interrupted training leaves, and what was left undone."""
    history = outcome.history
    which = "the last" if history.kept is None else f"the one with the lowest {history.judged_by}"
    undone = "; not calibrated" if chosen.calibrate and outcome.temperature is None else ""
    return (
        f"Interrupted after {len(history.epoch)} epochs; epoch {history.kept_epoch + 1}, {which}, "
        f"is kept{undone}"
    )
