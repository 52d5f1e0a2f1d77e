"""The web application: what each address does. Imported only once FastAPI is known to be there."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.datastructures import URL
from starlette.exceptions import HTTPException

from apparel_clf._version import __version__
from apparel_clf.errors import ImageError, ModelFileError, SettingsError
from apparel_clf.serve.gate import Gate
from apparel_clf.serve.guard import Guard
from apparel_clf.serve.limits import Limits
from apparel_clf.serve.models import (
    Answer,
    ErrorAnswer,
    Health,
    LimitFacts,
    ModelFacts,
    PredictionAnswer,
    ProblemAnswer,
)
from apparel_clf.serve.problems import RequestError, too_many_files
from apparel_clf.serve.service import Service
from apparel_clf.serve.uploads import Upload, read_uploads

if TYPE_CHECKING:
    from apparel_clf.classifier import ApparelClassifier
    from apparel_clf.inference import Prediction

_DESCRIPTION = "Labels pictures. Nothing that is sent is kept, nor written to a disk."
_PAGE = {
    "": ("index.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
_HEAT_HEADER = "Heat-Map"
_HEAT_MEANING = {
    "description": "empty where no part of the picture speaks for the class by itself",
    "schema": {"type": "string", "enum": ["shown", "empty"]},
}
_REFUSALS = {
    400: "not a well-formed multipart form",
    408: "the sender is too slow",
    413: "too many bytes or files",
    415: "not a multipart form",
    422: "no file, or not a picture",
    503: "busy; Retry-After tells when to come again",
}


def build_app(
    classifier: ApparelClassifier,
    limits: Limits,
    hosts: Collection[str] | None,
    threshold: float | None,
) -> FastAPI:
    """Build the application; `apparel_clf.serve.create_app` documents it."""
    gate = Gate(limits)
    service = Service(classifier, limits, threshold)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        gate.close()

    app = FastAPI(
        title="apparel-clf",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        # Their pages load scripts from elsewhere; /openapi.json is for tools of one's own.
        docs_url=None,
        redoc_url=None,
    )
    _add_pictures(app, gate, service, limits)
    _add_health(app, service, limits)
    _add_page(app)
    app.add_exception_handler(RequestError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_middleware(Guard, hosts=hosts)
    return app


def _add_pictures(app: FastAPI, gate: Gate, service: Service, limits: Limits) -> None:
    async def predict(request: Request) -> list[Answer]:
        """Label one picture or several; a bad one does not fail the others."""
        gate.check()
        with gate.budget() as book:
            uploads = await read_uploads(request, limits, book)
            found = await gate.run(functools.partial(service.predict, uploads))
        return [_answer(upload, item) for upload, item in zip(uploads, found, strict=True)]

    async def explain(request: Request) -> Response:
        """Show where the network looked: the picture under a heat map, as a PNG."""
        gate.check()
        with gate.budget() as book:
            uploads = await read_uploads(request, limits, book)
            if len(uploads) > 1:
                raise too_many_files(1)
            png, empty = await gate.run(functools.partial(_explained, service, uploads[0]))
        told = {_HEAT_HEADER: "empty" if empty else "shown"}
        return Response(png, media_type="image/png", headers=told)

    app.post("/predict", responses=_refusals(), openapi_extra=_form(limits.files))(predict)
    app.post(
        "/explain",
        response_class=Response,
        responses=_refusals()
        | {
            200: {
                "content": {"image/png": {}},
                "description": "at most 1024 pixels a side",
                "headers": {_HEAT_HEADER: _HEAT_MEANING},
            },
            501: {"model": ProblemAnswer, "description": "this model can't tell"},
        },
        openapi_extra=_form(1),
    )(explain)


def _explained(service: Service, upload: Upload) -> tuple[bytes, bool]:
    try:
        return service.explain(upload)
    except ImageError as error:
        raise RequestError(422, error.code, error.reason) from error
    except SettingsError as error:
        raise RequestError(501, "cannot_explain", str(error)) from error


def _add_health(app: FastAPI, service: Service, limits: Limits) -> None:
    told = Health(
        version=__version__,
        model=_model_facts(service),
        limits=LimitFacts(body=limits.body, files=limits.files, pixels=limits.pixels),
        explains=service.explains,
    )

    async def health() -> Health:
        """Tell that the service is ready, which model answers and what a request may bring."""
        return told

    app.get("/health")(health)


def _model_facts(service: Service) -> ModelFacts:
    """Check what the model says of itself at the start: no visitor can mend it."""
    try:
        return ModelFacts.model_validate(service.facts())
    except ValidationError as error:
        wrong = [".".join(map(str, e["loc"])) + f": {e['msg']}" for e in error.errors()]
        raise ModelFileError(
            f"the model can't be served, what it says of itself is damaged ({'; '.join(wrong)})"
        ) from error


def _add_page(app: FastAPI) -> None:
    folder = files("apparel_clf.serve") / "page"
    for address, (name, kind) in _PAGE.items():
        content = (folder / name).read_bytes()
        app.get(f"/{address}", include_in_schema=False)(_constant(content, kind))


def _constant(content: bytes, kind: str) -> Any:
    async def answer() -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    return answer


def _answer(upload: Upload, found: Prediction | ImageError) -> Answer:
    if isinstance(found, ImageError):
        return ErrorAnswer(source=upload.name, code=found.code, reason=found.reason)
    return PredictionAnswer(
        source=upload.name,
        label=found.label,
        confidence=found.confidence,
        uncertain=found.uncertain,
        distance=found.distance,
        probabilities=dict(found.probabilities),
    )


def _refusals() -> dict[int | str, dict[str, Any]]:
    return {
        status: {"model": ProblemAnswer, "description": why} for status, why in _REFUSALS.items()
    }


def _form(most: int) -> dict[str, Any]:
    """Describe a form of files, which is read by hand to keep it off the disk."""
    picture = {"type": "string", "contentMediaType": "application/octet-stream"}
    field = picture if most == 1 else {"type": "array", "items": picture, "maxItems": most}
    schema = {"type": "object", "required": ["files"], "properties": {"files": field}}
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }


async def _on_problem(_: Request, error: Exception) -> JSONResponse:
    problem = error if isinstance(error, RequestError) else RequestError(500, "internal", "unknown")
    content = {"code": problem.code, "reason": problem.reason}
    return JSONResponse(content, problem.status, problem.headers())


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework itself refuses: no such address, or not by this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    code = {404: "not_found", 405: "method"}.get(status, "refused")
    reason = {404: "no such address", 405: _right_method(request.url, headers)}
    return JSONResponse({"code": code, "reason": reason.get(status, "refused")}, status, headers)


def _right_method(address: URL, headers: Mapping[str, str] | None) -> str:
    """Name the method that an address is asked by, and how a picture is sent to it."""
    method = (headers or {}).get("Allow", "another method")
    if method != "POST":
        return f"use {method}"
    return f"use POST: curl -F files=@x.jpg {address.replace(query='', fragment='')}"
