"""A person's decisions become the next version: the rejected stay out, the relabelled move."""

from __future__ import annotations

import csv
import datetime
import getpass
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from apparel_clf.dataset.decisions import Action, Decision, add_decisions
from apparel_clf.dataset.importing import dataset_labels
from apparel_clf.dataset.plan import Policy
from apparel_clf.dataset.publish import publish
from apparel_clf.dataset.records import check_label, check_labels
from apparel_clf.dataset.staging import ObjectStore, Staging
from apparel_clf.dataset.version import Version
from apparel_clf.errors import DatasetError, DatasetNotFoundError, ImageError, SettingsError
from apparel_clf.images import image_bytes, sign

_SHA256 = re.compile(r"[0-9a-f]{64}")
# An image's file or sha256 at the beginning of a line, and what comes after a comma. Classes may
# have commas in their names, so what comes before the sha256 is not looked at.
_IMAGE_FIRST = re.compile(
    r"((?:[^\"].*?/)?[0-9a-f]{64}(?:\.jpg)?)\s*(?:,(.*))?", re.IGNORECASE | re.DOTALL
)
# A shorter beginning could by chance be that of another image.
_BEGINNING = re.compile(r"[0-9a-f]{12,63}")


def curate(
    folder: str | os.PathLike[str],
    *,
    reject: Iterable[str] | Mapping[str, str] = (),
    relabel: Mapping[str, str] | None = None,
    restore: Iterable[str] = (),
    who: str | None = None,
    why: str = "",
    policy: Policy | None = None,
    show_progress: bool | None = None,
) -> Version:
    """Decide on images, and publish the next version by it.

    Decisions are kept in ``<folder>/decisions.jsonl`` with who, when and why, and hold for every
    later version: a rejected image stays out, also when it is crawled again at another size.

    Args:
        folder: the dataset's folder, for example ``"datasets/demo"``.
        reject: images that are no use, each by its file in a version, by its sha256, by at least
            the first twelve characters of that, or by the file that was imported; with a mapping,
            each with a reason of its own.
        relabel: the right class of images, by image. One that a crawl had turned away is taken in.
        restore: images whose decision is taken back.
        who: who decides. Default None: the name that the system knows the user by.
        why: a reason for all that have none of their own. Default none.
        policy: as in `publish`.
        show_progress: draw a progress bar; by default on a terminal, else a line every 20 s.

    Returns:
        The new version.

    Raises:
        DatasetNotFoundError: the folder is no dataset.
        DatasetError: an image isn't in this dataset, a label can't be a class's name, or the
            decisions can't be written down. Nothing was decided then.
        SettingsError: one image is named twice with different decisions, or none is named.
        PublishError: as in `publish`; the decisions are kept.

    Example:
        >>> curate("datasets/demo", reject=["train/jeans/0a1b….jpg"], why="a shop sign").name
        'demo/v2'
    """
    decide(folder, reject=reject, relabel=relabel, restore=restore, who=who, why=why)
    return publish(folder, policy=policy, show_progress=show_progress)


def decide(
    folder: str | os.PathLike[str],
    *,
    reject: Iterable[str] | Mapping[str, str] = (),
    relabel: Mapping[str, str] | None = None,
    restore: Iterable[str] = (),
    who: str | None = None,
    why: str = "",
) -> tuple[Decision, ...]:
    """Write decisions down without publishing. Arguments and errors as in `curate`.

    Returns:
        What was written.
    """
    dataset = Path(folder)
    objects = dataset_objects(dataset)
    reasons = reject if isinstance(reject, Mapping) else dict.fromkeys(reject, "")
    wanted: list[tuple[Action, str, str, str]] = [
        *(("reject", image, "", reason) for image, reason in reasons.items()),
        *(("relabel", image, check_label(label), "") for image, label in (relabel or {}).items()),
        *(("restore", image, "", "") for image in restore),
    ]
    if not wanted:
        raise SettingsError("nothing to decide: name images to reject, relabel or restore")
    if relabel:
        check_labels({*relabel.values(), *dataset_labels(dataset)})
    common = {"who": user_name() if who is None else who, "when": time_now()}
    decisions = []
    seen: dict[str, str] = {}
    for action, image, label, reason in wanted:
        sha256 = _find(objects, image)
        words = f"{action} {label}".strip()
        before = seen.setdefault(sha256, words)
        if before != words:
            raise SettingsError(
                f"{image}: named twice, with different decisions: {before}, and {words}"
            )
        signature = sign(objects.path(sha256).read_bytes(), image)
        decisions.append(Decision(action, signature, label, why=reason or why, **common))
    write_decisions(dataset, decisions)
    return tuple(decisions)


def dataset_objects(dataset: Path) -> ObjectStore:
    """Return the store of a dataset's folder.

    Args:
        dataset: the folder that holds the versions.

    Raises:
        DatasetNotFoundError: it is no dataset's folder.
    """
    objects = Staging(dataset).objects
    if not objects.folder.is_dir():
        raise DatasetNotFoundError(
            f"{dataset}: not a dataset's folder, it has no objects. Give the folder that holds the "
            "versions, for example datasets/demo; make one of other images with: "
            "apparel-clf dataset import"
        )
    return objects


def user_name() -> str:
    """Return the name that the system knows the user by, or the user's number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that has no name
        return str(os.getuid())


def write_decisions(dataset: Path, decisions: Iterable[Decision]) -> None:
    """Append decisions to a dataset's file; they are on the disk when the call returns.

    Args:
        dataset: the dataset's folder.
        decisions: what to add, in order.

    Raises:
        DatasetError: the file can't be written.
    """
    try:
        add_decisions(dataset, decisions)
    except OSError as error:
        raise DatasetError(
            f"{dataset}: the decisions could not be written ({error.strerror}). Free some space, "
            "or make the folder and its decisions.jsonl writable, and decide again"
        ) from error


def time_now() -> str:
    """Return date and time as decisions have it: ISO 8601, in UTC, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def _find(objects: ObjectStore, image: str) -> str:
    """The sha256 of an image that is named by file, by hash, or by a file of equal bytes."""
    name = Path(image).name.split(".")[0].lower()
    if _SHA256.fullmatch(name) and name in objects:
        return name
    if _BEGINNING.fullmatch(name):
        found = sorted(p.name for p in (objects.folder / name[:2]).glob(f"{name}*"))
        if len(found) == 1:
            return found[0]
    with suppress(ImageError):  # lists made of a folder before it was imported name its files
        sha256 = hashlib.sha256(image_bytes(image, image)).hexdigest()
        if sha256 in objects:
            return sha256
    raise DatasetError(
        f"{image}: no image of this dataset. Name it by its file in a version "
        "(train/jeans/<sha256>.jpg), by its sha256, or by the file that was imported"
    )


def read_list(path: Path) -> list[dict[str, str]]:
    """Read a list of images, as people and programs write them.

    Args:
        path: a text file with one image on each line, and after a comma a label or a reason; a CSV
            file with a header (``image``, and ``label`` or ``why``); or JSON lines with the same
            names. Empty lines and those that begin with ``#`` are passed over.

    Returns:
        A mapping for each image, with ``image`` and what else was said. A second column without a
        header is both ``label`` and ``why``; the caller knows which is meant. There a file that
        ends in ``<sha256>.jpg`` may have commas in its path; elsewhere they need quotes.

    Raises:
        DatasetError: the file is missing, it cannot be read or a line has no image.

    Example:
        >>> read_list(Path("bad.txt"))
        [{'image': 'train/jeans/0a1b….jpg'}]
    """
    lines = _kept_lines(path)
    is_json = bool(lines) and lines[0][1].lstrip().startswith("{")
    rows = list(
        _json_rows(path, lines) if is_json else _csv_rows(path, [line for _, line in lines])
    )
    for row in rows:
        if not row.get("image"):
            raise DatasetError(f"{path}: an entry without an image: {row!s:.200}")
    return rows


def _kept_lines(path: Path) -> list[tuple[int, str]]:
    """The lines that say something, with their numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as text ({error})") from error
    # Not splitlines: titles and reasons may hold other characters that end a line of text.
    numbered = enumerate(text.split("\n"), 1)
    return [(n, line) for n, line in numbered if line.strip() and not _is_comment(line)]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _json_rows(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[dict[str, str]]:
    for number, line in lines:
        try:
            values: dict[str, Any] = json.loads(line)
            yield {name: str(value) for name, value in values.items() if value is not None}
        except (AttributeError, RecursionError, ValueError) as error:
            raise DatasetError(
                f"{path}, line {number}: no object of JSON ({error}): {line[:80]}"
            ) from error


def _csv_rows(path: Path, lines: Sequence[str]) -> Iterator[dict[str, str]]:
    try:
        if lines and "image" in _cells(lines[:1])[0]:
            header, *rows = _cells(lines)
            yield from (dict(zip(header, row, strict=False)) for row in rows)
        else:
            yield from (_row(line) for line in lines)
    except csv.Error as error:
        raise DatasetError(f"{path}: cannot be read as CSV ({error})") from error


def _cells(lines: Iterable[str]) -> list[list[str]]:
    return [[cell.strip() for cell in row] for row in csv.reader(lines, skipinitialspace=True)]


def _row(line: str) -> dict[str, str]:
    """An image, and after it a label or reason and another reason, where there is no header."""
    found = _IMAGE_FIRST.fullmatch(line.strip())
    image, *more = [found[1], *_cells([found[2] or ""])[0]] if found else _cells([line])[0]
    second = {"label": more[0], "why": more[0]} if more else {}
    third = {"why": more[1]} if len(more) > 1 else {}
    return {"image": image, **second, **third}
