"""Makes a shared version again: fetches its images from where they were found."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import numpy as np

from apparel_clf._printable import json_text
from apparel_clf._progress import progress
from apparel_clf.dataset.download import Client, DownloadFailed
from apparel_clf.dataset.plan import ManifestRow, Plan, rejected
from apparel_clf.dataset.publish import mend_latest, publish_plan
from apparel_clf.dataset.share import Shared, read_shared
from apparel_clf.dataset.staging import ObjectStore, Staging, write_atomically
from apparel_clf.dataset.version import LATEST, Version, open_version, version_numbers
from apparel_clf.errors import DatasetError, ImageError, PublishError, SettingsError
from apparel_clf.images import Signature, sign
from apparel_clf.images.decode import MAX_BYTES

#: What could not be had is listed here, a line of JSON for each image, beside the versions.
MISSING = "missing.jsonl"

_TRIES = 4
_FIRST_WAIT = 1.0
# A host that asks for more patience than this is left for another day.
_LONGEST_WAIT = 120.0
# A host is given up when so many images in a row got no answer.
_GIVE_UP = 5
_MAX_THREADS = 8
# Another decoder's picture differs by a little; more than this is another picture's description.
_HASHES = ("phash", "phash_mirrored", "phash_content", "phash_centre")
_HASH_BITS = 4
_THUMBNAIL_LEVELS = 3.0
_BOX_PARTS = 8
_SHARPNESS_SHARE = 0.2
# Below this, noise of the decoder is a large share.
_SOFT = 100.0
# An image, and why it is missing; "" where it was fetched.
_Outcome: TypeAlias = "tuple[ManifestRow, str]"


def fetch(
    shared: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    allow_private: bool = False,
    allow_missing: bool = False,
    per_host: int = 2,
    timeout: float = 60.0,
    show_progress: bool | None = None,
) -> Version:
    """Make a version again from its manifest.

    Every image is fetched from where it was found, checked against the manifest and stored; then
    the version is written, with the same manifest and the same id. Images that had to be
    converted are converted again: their bytes may differ, the id does not. What was fetched is
    kept, so running it again after an interruption goes on.

    The manifest need not be trusted: only public http(s) addresses are asked, no more bytes are
    taken than it says, and only pictures that are what it says are kept. Connections are direct,
    through no proxy.

    Args:
        shared: what `export_manifest` wrote, a zip file or a folder.
        folder: the dataset's folder to make the version in, for example ``"datasets/demo"``; made
            where there is none.
        allow_private: ask private addresses too. Default False.
        allow_missing: where images can't be had any more, write a version of those that can. It
            has an id of its own and says so. Default False.
        per_host: connections to one host at a time, from 1. Default 2.
        timeout: seconds that one file may take. Default 60.
        show_progress: draw a progress bar; by default on a terminal, else a line every 20 s.

    Returns:
        The version; the one that is there already, if the folder has it.

    Raises:
        DatasetNotFoundError: there is nothing at `shared`.
        DatasetError: it is no shared version, damaged, or not what its id says.
        PublishError: images are missing (``missing.jsonl`` in the folder lists them), the disk is
            too small, or the version can't be written.
        SettingsError: `per_host` or `timeout` is not above 0.

    Example:
        >>> fetch("demo.zip", "datasets/demo").id == open_version("elsewhere/demo/v1").id
        True
    """
    if per_host < 1 or not timeout > 0:
        raise SettingsError(
            f"expected per_host from 1 and timeout above 0. Received: {per_host!r}, {timeout!r}"
        )
    given = read_shared(shared)
    dataset = Path(folder).resolve()
    if there := _version_with(dataset, given.id):
        _have_latest(dataset)
        return there
    missing = _fetch_all(
        given.rows,
        _store(dataset),
        _Fetching(allow_private=allow_private, per_host=per_host, timeout=timeout),
        show_progress,
    )
    _list_missing(dataset / MISSING, missing)
    if missing and not allow_missing:
        raise PublishError(_missing_message(dataset, missing, len(given.rows)))
    plan = _plan(given, missing)
    if not plan.rows:
        raise PublishError(f"{folder}: none of the {len(given.rows)} images could be had")
    return _version_with(dataset, plan.id) or publish_plan(
        dataset, plan, facts=_facts(given, missing), show_progress=show_progress
    )


def _version_with(dataset: Path, version_id: str) -> Version | None:
    for number in reversed(version_numbers(dataset)):
        try:
            version = open_version(dataset / f"v{number}")
        except DatasetError:  # damaged: it is not what is looked for
            continue
        if version.id == version_id:
            return version
    return None


def _have_latest(dataset: Path) -> None:
    if not (dataset / LATEST).exists():
        # The version is there all the same: another publisher may be at work, or none may write.
        with contextlib.suppress(PublishError):
            mend_latest(dataset)


def _store(dataset: Path) -> ObjectStore:
    objects = Staging(dataset).objects
    try:
        objects.folder.mkdir(parents=True, exist_ok=True)
        objects.clean()
    except OSError as error:
        raise PublishError(f"{dataset}: cannot be written to ({error})") from error
    return objects


def _fetch_all(
    rows: Sequence[ManifestRow], objects: ObjectStore, fetching: _Fetching, show: bool | None
) -> list[_Outcome]:
    """Fetch what is not there; return what could not be had, with the reason."""
    _check_space(objects, [row for row in rows if not objects.holds(row.record.signature)])
    outcomes = fetching.run(rows, objects)
    with contextlib.closing(outcomes):
        bar = progress(outcomes, total=len(rows), label="fetch", show=show)
        missing = [(row, reason) for row, reason in bar if reason]
    # In the manifest's order: images arrive in any.
    return sorted(missing, key=lambda outcome: outcome[0].path)


def _check_space(objects: ObjectStore, wanted: Sequence[ManifestRow]) -> None:
    needed = sum(min(max(0, _size(row)), MAX_BYTES) for row in wanted)
    free = shutil.disk_usage(objects.folder).free
    if needed > free:
        raise PublishError(
            f"{objects.folder}: {needed:,} bytes are to be fetched and {free:,} are free; free "
            "some space and run it again"
        )


def _size(row: ManifestRow) -> int:
    return row.record.signature.size_bytes


class _Host:
    """A host's images that are to be fetched, and when it may be asked for the next one."""

    def __init__(self, rows: Sequence[ManifestRow]) -> None:
        self._rows = deque(rows)
        self._not_before = 0.0
        self._failures = 0
        self.given_up = ""

    def next(self) -> ManifestRow | None:
        """Take the next image; None when all are taken."""
        try:
            return self._rows.popleft()
        except IndexError:
            return None

    def pause(self, seconds: float) -> None:
        """Have the host left alone."""
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    def wait(self, stop: threading.Event) -> bool:
        """Wait until the host may be asked; False if all is to stop."""
        while (left := self._not_before - time.monotonic()) > 0:
            if stop.wait(left):
                break
        return not stop.is_set()

    def answered(self) -> None:
        """Note that the host is there."""
        self._failures = 0

    def failed(self, reason: str) -> None:
        """Note that an image got no answer."""
        self._failures += 1
        if self._failures >= _GIVE_UP:
            self.give_up(f"not asked for, the host failed {_GIVE_UP} times in a row ({reason})")

    def give_up(self, reason: str) -> None:
        """Ask the host for no more images."""
        self.given_up = self.given_up or reason


class _Fetching:
    """Fetches images, each host by few connections at a time.

    Args:
        allow_private: connect to private addresses too.
        per_host: connections to one host at a time.
        timeout: seconds that one file may take.
    """

    def __init__(self, *, allow_private: bool, per_host: int, timeout: float) -> None:
        self._allow_private = allow_private
        self._per_host = per_host
        self._timeout = timeout
        self._stop = threading.Event()
        self._outcomes: queue.SimpleQueue[_Outcome | BaseException] = queue.SimpleQueue()
        self._clients: list[Client] = []
        self._lock = threading.Lock()
        # Redirects can lead many lanes to one host.
        self._turns: dict[str, threading.Semaphore] = {}

    def run(
        self, rows: Sequence[ManifestRow], objects: ObjectStore
    ) -> Generator[_Outcome, None, None]:
        """Yield each image when it was fetched, with the reason if it could not be."""
        by_host: dict[str, list[ManifestRow]] = defaultdict(list)
        for row in rows:
            by_host[_host_name(row)].append(row)
        pool = ThreadPoolExecutor(_MAX_THREADS, "fetch")
        try:
            for found in by_host.values():
                host = _Host(found)
                for _ in range(min(self._per_host, len(found))):
                    pool.submit(self._lane, host, objects)
            for _ in rows:
                outcome = self._outcomes.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
        finally:
            self._stop.set()
            with self._lock:
                for client in self._clients:
                    client.abort()
            pool.shutdown(cancel_futures=True)

    def _lane(self, host: _Host, objects: ObjectStore) -> None:
        client = Client(self._timeout, allow_private=self._allow_private, turn=self._turn)
        with self._lock:
            self._clients.append(client)
        try:
            while not self._stop.is_set() and (row := host.next()) is not None:
                self._outcomes.put((row, self._one(client, host, row, objects)))
        except OSError as error:
            self._outcomes.put(
                PublishError(f"{objects.folder}: cannot be written to ({error}); run it again")
            )
        except BaseException as error:  # else the reader would wait for ever
            self._outcomes.put(error)
        finally:
            client.close()

    def _turn(self, host: str) -> threading.Semaphore:
        with self._lock:
            return self._turns.setdefault(host, threading.Semaphore(self._per_host))

    def _one(self, client: Client, host: _Host, row: ManifestRow, objects: ObjectStore) -> str:
        """Fetch one image; return why it could not be had, or nothing."""
        if not 0 < _size(row) <= MAX_BYTES:
            return f"its size is given as {_size(row):,} bytes, which no image has"
        if _is_there(row, objects):
            return ""
        for tried in range(_TRIES):
            if host.given_up or not host.wait(self._stop):
                return host.given_up or "not asked for, it was stopped"
            try:
                data = client.get(row.record.image_url, _size(row))
            except DownloadFailed as failure:
                if not failure.again:
                    host.answered()
                    return failure.reason
                self._be_patient(host, failure, tried)
                reason = failure.reason
            else:
                host.answered()
                return _keep(row, data, objects)
        host.failed(reason)
        return reason

    def _be_patient(self, host: _Host, failure: DownloadFailed, tried: int) -> None:
        wait = _FIRST_WAIT * 2**tried if failure.wait is None else failure.wait
        if wait > _LONGEST_WAIT:
            host.give_up(f"{failure.reason}; the host asks for {wait:,.0f} s of patience")
        elif tried + 1 < _TRIES or failure.wait is not None:
            host.pause(wait)


def _host_name(row: ManifestRow) -> str:
    try:
        return urlsplit(row.record.image_url).netloc.lower()
    except ValueError:
        return ""


def _keep(row: ManifestRow, data: bytes, objects: ObjectStore) -> str:
    """Store an image if it is what the manifest describes; else say what is wrong."""
    wrong = _misfit(row.record.signature, data)
    if not wrong:
        objects.put(data)
    return wrong


def _is_there(row: ManifestRow, objects: ObjectStore) -> bool:
    """Whether the store has the image already. What was stored for another manifest, or was
    damaged, has to fit as well.
    """
    expected = row.record.signature
    return objects.holds(expected) and not _misfit(
        expected, objects.path(expected.sha256).read_bytes()
    )


def _misfit(expected: Signature, data: bytes) -> str:
    """Say in what bytes are not what the manifest describes; nothing where they are."""
    try:
        found = sign(data)
    except ImageError as error:
        return f"it is no usable image ({error.reason})"
    if found.sha256 != expected.sha256:
        return "its bytes have changed, the sha256 is another"
    # What is made from the pixels can differ by the version of the decoder; these cannot.
    if (found.format, found.width, found.height, found.plain) != (
        expected.format,
        expected.width,
        expected.height,
        expected.plain,
    ):
        return "it is not the picture that the manifest describes"
    return "" if _alike(found, expected) else "its hashes are not those of the picture"


def _alike(found: Signature, expected: Signature) -> bool:
    """Whether two signatures can be of the same bytes, by two decoders."""
    sides = zip(found.content_box, expected.content_box, strict=True)
    levels = [
        np.frombuffer(bytes(s.thumbnail), np.uint8).astype(np.int16) for s in (found, expected)
    ]
    return (
        all((getattr(found, h) ^ getattr(expected, h)).bit_count() <= _HASH_BITS for h in _HASHES)
        and all(abs(one - other) <= _BOX_PARTS for one, other in sides)
        and float(np.abs(levels[0] - levels[1]).mean()) <= _THUMBNAIL_LEVELS
        and _as_sharp(found.sharpness, expected.sharpness)
    )


def _as_sharp(found: float, expected: float) -> bool:
    most = max(found, expected)
    return most < _SOFT or abs(found - expected) <= _SHARPNESS_SHARE * most


def _plan(given: Shared, missing: Sequence[_Outcome]) -> Plan:
    left_out = {row.path for row, _ in missing}
    return Plan(
        rows=tuple(row for row in given.rows if row.path not in left_out),
        removed=given.removed,
        rejections=tuple(
            rejected(row.record, "not_fetched", reason, failed=True) for row, reason in missing
        ),
        policy=given.policy,
    )


def _facts(given: Shared, missing: Sequence[_Outcome]) -> dict[str, Any]:
    facts = {
        "fetched": {"from": given.id, "missing": len(missing)},
        "hash_format": given.hash_format,
    }
    return facts | ({"license": given.license} if given.license else {})


def _list_missing(path: Path, missing: Sequence[_Outcome]) -> None:
    lines = (
        json_text(
            {
                "image_url": row.record.image_url,
                "label": row.record.label,
                "path": row.path,
                "reason": reason,
                "sha256": row.record.sha256,
            }
        )
        for row, reason in missing
    )
    if missing:
        write_atomically(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
    else:
        path.unlink(missing_ok=True)


def _missing_message(dataset: Path, missing: Sequence[_Outcome], total: int) -> str:
    (reason, number), *others = Counter(reason for _, reason in missing).most_common()
    more = ", and other reasons" if others else ""
    return (
        f"{dataset}: {len(missing)} of {total} images could not be had ({reason}: {number}{more}). "
        f"{dataset / MISSING} lists them. Run it again to go on with these, or make a version "
        "without them, with an id of its own (allow_missing, --allow-missing)"
    )
