"""Image files by their URL: made once in a thread pool, then kept in a cache bounded by bytes."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from crawler.storefront.catalogue import Catalogue, Picture
from crawler.storefront.images import ImageName, content_type, edited, scaled

#: Bytes of image files that are kept.
CACHE_BYTES = 128 * 1024 * 1024
#: Threads that draw, scale and encode.
WORKERS = 2


@dataclass(frozen=True)
class StoredFile:
    """One file as it is sent.

    Args:
        body: its bytes.
        content_type: what the bytes are, whatever the URL's ending says.
        etag: names the bytes.
    """

    body: bytes
    content_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes) -> StoredFile:
        """Wrap bytes."""
        return cls(body, content_type(body), hashlib.sha256(body).hexdigest()[:20])


class ByteCache:
    """Keeps what was used last, up to so many bytes.

    Args:
        limit: bytes of all bodies together. What is larger by itself isn't kept.

    Example:
        >>> cache = ByteCache(limit=10)
        >>> cache.put("a", StoredFile.of(b"12345678")); cache.put("b", StoredFile.of(b"12345678"))
        >>> cache.get("a") is None, cache.get("b") is None
        (True, False)
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._files: OrderedDict[object, StoredFile] = OrderedDict()

    def get(self, key: object) -> StoredFile | None:
        """Return the file under a key, or None."""
        file = self._files.get(key)
        if file is not None:
            self._files.move_to_end(key)
        return file

    def put(self, key: object, file: StoredFile) -> None:
        """Keep a file, and let go of those that nobody used for longest."""
        self._drop(key)
        if len(file.body) > self.limit:
            return
        self._files[key] = file
        self.size += len(file.body)
        while self.size > self.limit:
            self._drop(next(iter(self._files)))

    def _drop(self, key: object) -> None:
        if key in self._files:
            self.size -= len(self._files.pop(key).body)


class ImageStore:
    """Answers for every image URL of a catalogue. Lives in one event loop.

    Args:
        catalogue: whose pictures.
        cache_bytes: bytes of files that are kept. Default 128 MiB.

    Example:
        >>> file = await store.file(parse_name("71C8dVn7nrL._AC_UL320_.jpg"))
        >>> file.content_type
        'image/jpeg'
    """

    def __init__(self, catalogue: Catalogue, cache_bytes: int = CACHE_BYTES) -> None:
        self._catalogue = catalogue
        self._cache = ByteCache(cache_bytes)
        self._under_way: dict[object, asyncio.Task[StoredFile]] = {}
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="storefront-images")

    async def file(self, name: ImageName) -> StoredFile | None:
        """Return the file that a URL stands for.

        Args:
            name: the parts of the URL's last part.

        Returns:
            The file, or None where no picture has that id and ending.

        Raises:
            ImageError: the picture's file is no image, and the URL asks for it scaled.
            OSError: the picture's file went away.
        """
        picture = self._catalogue.pictures.get(name.image_id)
        if picture is None or picture.extension != name.extension:
            return None
        original = await self._original(picture)
        if name.modifiers is None:
            return original
        job = partial(scaled, original.body, name.modifiers)
        return await self._made((picture.image_id, name.modifiers), job)

    async def original(self, image_id: str) -> StoredFile:
        """Return the file without any modifiers; raises KeyError for an unknown id."""
        return await self._original(self._catalogue.pictures[image_id])

    def close(self) -> None:
        """Stop the threads; what is under way is still finished."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _original(self, picture: Picture) -> StoredFile:
        read = self._catalogue.originals[picture.key]
        source = await self._made(picture.key, read)
        if picture.edit is None:
            return source
        return await self._made(picture, partial(edited, source.body, picture.edit))

    async def _made(self, key: object, job: Callable[[], bytes]) -> StoredFile:
        """Take a file from the cache or make it, once however many ask for it at the same time."""
        kept = self._cache.get(key)
        if kept is not None:
            return kept
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, job))
            self._under_way[key] = task
        # A client that hangs up must not take the file away from the others who wait for it.
        return await asyncio.shield(task)

    async def _make(self, key: object, job: Callable[[], bytes]) -> StoredFile:
        try:
            body = await asyncio.get_running_loop().run_in_executor(self._pool, job)
            file = StoredFile.of(body)
            self._cache.put(key, file)
            return file
        finally:
            del self._under_way[key]
