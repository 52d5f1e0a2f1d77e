"""From a folder of images to a classifier you can import.

Importing this package is cheap: no TensorFlow, matplotlib or scikit-learn is loaded until a call
needs one.

Example:
    >>> import apparel_clf as ac
    >>> data = ac.ImageFolder("datasets/demo/latest")
    >>> train, val, test = data.split()
    >>> clf = ac.ApparelClassifier(weights="imagenet")
    >>> clf.fit(train, val, epochs=12)
    >>> print(clf.evaluate(test))
    >>> clf.predict("x.jpg").label
    'saree'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from apparel_clf._extras import without_core
from apparel_clf._version import __version__

if TYPE_CHECKING:
    from apparel_clf.classifier import ApparelClassifier
    from apparel_clf.dataset import (
        Diff,
        ImageFolder,
        ImageSet,
        Policy,
        Sample,
        Stats,
        Verification,
        Version,
        curate,
        diff,
        export_manifest,
        fetch,
        find_duplicates,
        import_folder,
        merge,
        open_version,
        publish,
        stats,
        verify,
    )
    from apparel_clf.errors import (
        ApparelError,
        DatasetError,
        DatasetNotFoundError,
        ExportError,
        ImageError,
        MissingExtraError,
        ModelFileError,
        NotFittedError,
        PublishError,
        SettingsError,
        TrainingError,
        WeightsError,
    )
    from apparel_clf.evaluation import Comparison, EvaluationReport, LabelIssue, compare
    from apparel_clf.images import load_image, sign
    from apparel_clf.inference import Explanation, Exported, Prediction
    from apparel_clf.loading import load
    from apparel_clf.model import build_model
    from apparel_clf.training import Augmentation, History, Recipe, recipe
    from apparel_clf.training.cross_validation import CrossValidation, cross_validate
    from apparel_clf.training.tune import Tuning, tune

# Where each public name lives; read by __getattr__ the first time that the name is used.
_HOMES = {
    "apparel_clf.classifier": ("ApparelClassifier",),
    "apparel_clf.dataset": (
        "Diff",
        "ImageFolder",
        "ImageSet",
        "Policy",
        "Sample",
        "Stats",
        "Verification",
        "Version",
        "curate",
        "diff",
        "export_manifest",
        "fetch",
        "find_duplicates",
        "import_folder",
        "merge",
        "open_version",
        "publish",
        "stats",
        "verify",
    ),
    "apparel_clf.errors": (
        "ApparelError",
        "DatasetError",
        "DatasetNotFoundError",
        "ExportError",
        "ImageError",
        "MissingExtraError",
        "ModelFileError",
        "NotFittedError",
        "PublishError",
        "SettingsError",
        "TrainingError",
        "WeightsError",
    ),
    "apparel_clf.evaluation": ("Comparison", "EvaluationReport", "LabelIssue", "compare"),
    "apparel_clf.images": ("load_image", "sign"),
    "apparel_clf.inference": ("Explanation", "Exported", "Prediction"),
    "apparel_clf.loading": ("load",),
    "apparel_clf.model": ("build_model",),
    "apparel_clf.training": ("Augmentation", "History", "Recipe", "recipe"),
    "apparel_clf.training.cross_validation": ("CrossValidation", "cross_validate"),
    "apparel_clf.training.tune": ("Tuning", "tune"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ApparelClassifier",
    "ApparelError",
    "Augmentation",
    "Comparison",
    "CrossValidation",
    "DatasetError",
    "DatasetNotFoundError",
    "Diff",
    "EvaluationReport",
    "Explanation",
    "ExportError",
    "Exported",
    "History",
    "ImageError",
    "ImageFolder",
    "ImageSet",
    "LabelIssue",
    "MissingExtraError",
    "ModelFileError",
    "NotFittedError",
    "Policy",
    "Prediction",
    "PublishError",
    "Recipe",
    "Sample",
    "SettingsError",
    "Stats",
    "TrainingError",
    "Tuning",
    "Verification",
    "Version",
    "WeightsError",
    "__version__",
    "build_model",
    "compare",
    "cross_validate",
    "curate",
    "diff",
    "export_manifest",
    "fetch",
    "find_duplicates",
    "import_folder",
    "load",
    "load_image",
    "merge",
    "open_version",
    "publish",
    "recipe",
    "sign",
    "stats",
    "tune",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home the first time that it is asked for (PEP 562)."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'apparel_clf' has no attribute {name!r}")
    try:
        value = getattr(import_module(home), name)
    except ModuleNotFoundError as error:
        lacking = without_core(error)
        if lacking is error:
            raise
        raise lacking from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
