"""A classifier on the web: a small HTTP service with one page, built to meet hostile uploads."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from apparel_clf._extras import require
from apparel_clf.serve.limits import Limits

if TYPE_CHECKING:
    from fastapi import FastAPI

    from apparel_clf.classifier import ApparelClassifier

__all__ = ["Limits", "create_app"]


def create_app(
    classifier: ApparelClassifier,
    limits: Limits | None = None,
    *,
    hosts: Collection[str] | None = None,
    threshold: float | None = None,
) -> FastAPI:
    """Build the web application around a classifier: to run, or to mount in an application.

    It answers ``POST /predict`` (files to a JSON list), ``POST /explain`` (a file to a PNG),
    ``GET /health``, ``GET /openapi.json`` and ``GET /``, the page. Uploads stay in memory, bounded;
    pictures are decoded and computed in threads. The network is run once here, so that no visitor
    waits for it to warm up.

    Args:
        classifier: fitted or loaded.
        limits: what a request may bring and how much is done at a time. Default ``Limits()``.
        hosts: the only host names that are answered to, for example ``{"localhost"}``; pages of
            other origins are refused with them. Default None: all, as fits where the application
            around it checks that.
        threshold: confidence below which an answer is marked uncertain, as is a picture unlike
            those that were trained on where the model knows that. Default None: the model's
            own, if it has one.

    Returns:
        The application.

    Raises:
        MissingExtraError: FastAPI is not installed.
        NotFittedError: the classifier knows no classes yet.
        SettingsError: a limit or the threshold is out of range.
        ModelFileError: what the model says of itself, such as its metrics, is damaged.

    Example:
        >>> app = FastAPI()
        >>> app.mount("/garments", create_app(ac.load("model.keras"), Limits(files=1)))
    """
    require("fastapi", "serve")
    require("python_multipart", "serve")
    from apparel_clf.serve.app import build_app

    return build_app(classifier, limits or Limits(), hosts, threshold)
