"""A version's description as Croissant JSON-LD, which dataset tools and search engines read."""

from __future__ import annotations

from typing import Any

from apparel_clf._printable import json_text
from apparel_clf.dataset.plan import Plan
from apparel_clf.dataset.splits import SPLITS

#: Name of the file in a version's folder; its paths are relative to that folder.
CROISSANT = "croissant.json"

_CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
_IMAGES, _MANIFEST = "images", "manifest"
# Where an image stands says its split and its label. Anchored at the end: a class may be called
# train, or anything else that a folder on the way here is called.
_SPLIT_OF = r"^(?:.*/)?(train|val|test)/[^/]+/[^/]+$"
_LABEL_OF = r"^(?:.*/)?(?:train|val|test)/([^/]+)/[^/]+$"
_SHA256_OF = r"^([0-9a-f]{64})\.jpg$"
_SPLIT_KINDS = {
    "train": "cr:TrainingSplit",
    "val": "cr:ValidationSplit",
    "test": "cr:TestSplit",
}
_TOLD = {
    "path": "Place in the version's folder.",
    "source": "Where the image comes from, for example a shop's host.",
    "query": "The search that found it.",
    "title": "The product's title.",
    "page_url": "The page that it was found on.",
    "image_url": "Where its bytes were fetched.",
    "sha256": "Hash of the original's bytes.",
}
# The context that Croissant's specification gives, word for word; a reader warns about another.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def render_croissant(plan: Plan, facts: dict[str, Any]) -> str:
    """Write the Croissant description of a version.

    Args:
        plan: what the version holds.
        facts: what ``version.json`` says.

    Returns:
        JSON-LD that conforms to Croissant 1.1. Its records have the image, its label, its split
        and the sha256 of its original; the sha256 of the manifest, which holds all others, is the
        version's id. Equal input gives equal text.

    Example:
        >>> import mlcroissant
        >>> dataset = mlcroissant.Dataset("datasets/demo/v1/croissant.json")
        >>> next(iter(dataset.records("images")))["images/label"]
        b'jeans'
    """
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": facts["name"],
        "description": _description(plan, facts),
        "version": f"{facts['number']}.0.0",
        "distribution": [_manifest_file(facts), _image_files()],
        "recordSet": [_splits(), _labels(plan), _image_records(), _manifest_records()],
    }
    if facts.get("license"):
        document["license"] = str(facts["license"])
    return json_text(document, indent=2) + "\n"


def _description(plan: Plan, facts: dict[str, Any]) -> str:
    return (
        f"{len(plan.rows)} images in {len(plan.classes)} classes, split into "
        f"{', '.join(SPLITS)}; duplicates share a split. Version id {facts['id']}."
    )


def _manifest_file(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": "manifest.jsonl",
        "name": "manifest.jsonl",
        "description": "One JSON object for each image: where it comes from, hashes and group.",
        "contentUrl": "manifest.jsonl",
        "encodingFormat": "application/jsonlines",
        "sha256": facts["id"],
    }


def _image_files() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "image-files",
        "name": "image-files",
        "description": "The images, in a folder for each split and class.",
        "encodingFormat": "image/jpeg",
        "includes": [f"{split}/*/*.jpg" for split in SPLITS],
    }


def _splits() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "What the images of each split are for.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            _field("splits/name", "sc:Text", "The split's folder."),
            _field("splits/url", "sc:URL", "What it is for."),
        ],
        "data": [{"splits/name": name, "splits/url": _SPLIT_KINDS[name]} for name in SPLITS],
    }


def _labels(plan: Plan) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "labels",
        "name": "labels",
        "description": "The classes.",
        "dataType": "sc:Enumeration",
        "key": {"@id": "labels/name"},
        "field": [_field("labels/name", "sc:Text", "The class's folder.")],
        "data": [{"labels/name": label} for label in plan.classes],
    }


def _image_records() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": _IMAGES,
        "name": _IMAGES,
        "description": "One record for each image.",
        "field": [
            _field(f"{_IMAGES}/image", "sc:ImageObject", "The picture.", _from_file("content")),
            _field(
                f"{_IMAGES}/label",
                ["sc:Text", "cr:Label"],
                "Its class.",
                _from_file("fullpath", _LABEL_OF),
            ),
            _field(
                f"{_IMAGES}/split",
                ["sc:Text", "cr:Split"],
                "train, val or test.",
                _from_file("fullpath", _SPLIT_OF),
            ),
            _field(
                f"{_IMAGES}/sha256",
                "sc:Text",
                "Hash of the original's bytes, which are the file's own unless it was converted.",
                _from_file("filename", _SHA256_OF),
            ),
        ],
    }


def _manifest_records() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": _MANIFEST,
        "name": _MANIFEST,
        "description": "Where each image comes from.",
        "field": [
            _field(
                f"{_MANIFEST}/{column}",
                "sc:Text",
                told,
                {"fileObject": {"@id": "manifest.jsonl"}, "extract": {"column": column}},
            )
            for column, told in _TOLD.items()
        ],
    }


def _from_file(what: str, regex: str = "") -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": what}}
    return source | {"transform": {"regex": regex}} if regex else source


def _field(
    name: str, kind: str | list[str], told: str, source: dict[str, Any] | None = None
) -> dict[str, Any]:
    field = {
        "@type": "cr:Field",
        "@id": name,
        "name": name.partition("/")[2],
        "description": told,
        "dataType": kind,
    }
    return field | {"source": source} if source else field
