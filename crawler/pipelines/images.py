"""Fetches each item's image, checks and signs it, and stores the bytes as they came."""

from __future__ import annotations

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.pipelines.files import FilesPipeline
from scrapy.pipelines.media import MediaPipeline
from twisted.python.failure import Failure

from apparel_clf.dataset import MarkedNumbers, ObjectStore, Staging
from apparel_clf.errors import ImageError
from apparel_clf.images import MAX_PIXELS, BytesApart, Signature, sign
from crawler.addresses import is_allowed_image
from crawler.config import config_of
from crawler.exceptions import STOPPED, Rejected, Stopping
from crawler.items import ApparelItem
from crawler.journal import CrawlJournal
from crawler.requests import FORBIDDEN, KIND, LABEL

# The picture is not there in this size; another may be.
_NOT_THERE = (403, 404, 410)
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 3
# Up to these sizes a picture takes a millisecond or two, about what handing it to a thread and back
# costs. Pixels count too: a file of few bytes can hold millions.
_SMALL_BYTES = 100_000
_SMALL_PIXELS = 1_000_000
# As `ImageError` has it.
_TOO_LARGE = "too_many_pixels"


@dataclass(frozen=True, slots=True)
class _Fetched:
    """What became of an address: where the image was in the end and what it is, or why not."""

    url: str
    signature: Signature | None = None
    rejected: Rejected | None = None


class _Fetches:
    """What became of each request, by its fingerprint, in little memory: as a dictionary to Scrapy.

    Scrapy's pipeline keeps every result until the end, for items that show the same image.
    """

    def __init__(self) -> None:
        self._apart = BytesApart()
        self._numbers = MarkedNumbers()  # of what is in the file
        self._others: dict[bytes, _Fetched | Failure] = {}

    def __contains__(self, key: bytes) -> bool:
        return key in self._others or key in self._numbers

    def __getitem__(self, key: bytes) -> _Fetched | Failure:
        if key in self._others:
            return self._others[key]
        url, signature = json.loads(self._apart[self._numbers[key]])
        return _Fetched(url, Signature.from_json(signature))

    def __setitem__(self, key: bytes, result: _Fetched | Failure) -> None:
        if isinstance(result, _Fetched) and result.signature is not None:
            values = [result.url, result.signature.to_json()]
            with suppress(OSError):  # no room for temporary files: memory has to do
                self._numbers[key] = self._apart.append(json.dumps(values).encode())
                self._others.pop(key, None)
                return
        self._others[key] = result

    def clear(self) -> None:
        """Forget all, and let go of the file."""
        self._numbers.clear()
        self._others.clear()
        self._apart.close()


class ImagePipeline(FilesPipeline):
    """Scrapy's FilesPipeline over a content-addressed store.

    FilesPipeline rather than ImagesPipeline, which re-encodes what it fetches. The original is
    asked for first; where it isn't there, the next smaller size that the card offers. Each address
    is fetched once, in this crawl or an earlier one of the same dataset.

    Args:
        staging: the dataset's folder.
        crawler: the running crawler; its ``IMAGE_MIN_SIDE`` and ``IMAGE_MAX_ASPECT`` are read.
    """

    def __init__(self, staging: Staging, *, crawler: Crawler) -> None:
        self.objects: ObjectStore = staging.objects
        self.min_side = crawler.settings.getint("IMAGE_MIN_SIDE")
        self.max_aspect = crawler.settings.getfloat("IMAGE_MAX_ASPECT")
        self._failed: dict[str, Rejected] = {}
        # One for each core: more would only take memory from each other.
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="images")
        super().__init__(str(self.objects.folder.resolve()), crawler=crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ImagePipeline:
        """Build for the spider's dataset."""
        return cls(Staging(config_of(crawler).dataset_folder), crawler=crawler)

    def _get_store(self, uri: str) -> Any:
        """None of Scrapy's: it would make a folder before there is an image to put into it."""
        return None

    def open_spider(self) -> None:  # type: ignore[override] # the spider argument is gone
        """Begin with no image fetched."""
        super().open_spider()
        self.spiderinfo.downloaded = _Fetches()  # type: ignore[assignment] # as good as a dict

    async def process_item(self, item: ApparelItem) -> ApparelItem:  # type: ignore[override] # one kind of item
        """Give an item its signature: from an interrupted crawl's journal, or by fetching.

        Raises:
            Rejected: its image could not be fetched or used, now or then.
        """
        record = self._journal.image(item.place)
        if record is not None:
            item.image_url = record.image_url
            return self._signed(item, record.signature)
        before = self._journal.rejection(item.place)
        if before is not None:
            item.sha256 = before.sha256
            raise Rejected(before.reason, before.detail)
        return await super().process_item(item)  # type: ignore[no-any-return]

    def get_media_requests(
        self, item: ApparelItem, info: MediaPipeline.SpiderInfo
    ) -> list[Request]:
        """Ask for the original of an item's image."""
        return [self._request(item.image_url, item.label)]

    def media_to_download(
        self, request: Request, info: MediaPipeline.SpiderInfo, *, item: Any = None
    ) -> Any:
        """Skip the download of what is stored already."""
        known = self._journal.known.get(request.url)
        if known is None:
            return None
        self.inc_stats("uptodate")
        return _Fetched(request.url, known)

    async def media_downloaded(
        self,
        response: Response,
        request: Request,
        info: MediaPipeline.SpiderInfo,
        *,
        item: Any = None,
    ) -> Any:
        """Check, sign and store a response's bytes, or those of a smaller size."""
        try:
            found = await self._best(response, item)
            signature = await self._signature(found.body, found.url)
        except Rejected as rejected:
            return _Fetched(request.url, rejected=rejected.fresh())
        except OSError as error:
            spider: Any = self.crawler.spider
            spider.cannot_write(error)
            return _Fetched(request.url, rejected=Rejected(STOPPED, failed=True))
        self.inc_stats("downloaded")
        return _Fetched(found.url, signature)

    def media_failed(
        self, failure: Failure, request: Request, info: MediaPipeline.SpiderInfo
    ) -> Any:
        """Note why an image could not be fetched; the item is rejected for it later."""
        self._failed[request.url] = _failed(request.url, failure.value).fresh()

    def item_completed(
        self, results: list[Any], item: ApparelItem, info: MediaPipeline.SpiderInfo
    ) -> ApparelItem:
        """Give the item its signature.

        Raises:
            Rejected: its image could not be fetched or used.
        """
        ok, fetched = results[0]
        if not ok or fetched is None:
            asked = self._request(item.image_url, item.label).url  # as Scrapy spells it
            raise (self._failed.get(asked) or _failed(asked, fetched)).fresh()
        if fetched.rejected is not None:
            item.sha256 = fetched.rejected.sha256
            raise fetched.rejected.fresh()
        item.image_url = fetched.url
        return self._signed(item, fetched.signature)

    def close_spider(self) -> None:
        """Let go of what is known of each image; publishing reads the journal."""
        self._threads.shutdown()
        self.spiderinfo.downloaded.clear()

    @property
    def _journal(self) -> CrawlJournal:
        spider: Any = self.crawler.spider
        journal: CrawlJournal = spider.journal
        return journal

    @property
    def _hosts(self) -> tuple[str, ...]:
        return config_of(self.crawler).image_hosts

    @staticmethod
    def _signed(item: ApparelItem, signature: Signature) -> ApparelItem:
        item.signature, item.sha256 = signature, signature.sha256
        return item

    def _request(self, url: str, label: str) -> Request:
        """A request for an image.

        Images have a download slot of their own, so that AutoThrottle learns their pace and not
        that of rendered pages, also where one host serves both.
        """
        slot = config_of(self.crawler).image_slot
        return Request(url, meta={"download_slot": slot, KIND: "image", LABEL: label})

    async def _best(self, response: Response, item: ApparelItem) -> Response:
        """The largest picture that is there: the original, or the next smaller one offered."""
        response = await self._followed(response, item)
        for url in item.candidates:
            if response.status not in _NOT_THERE:
                break
            if url != item.image_url and is_allowed_image(url, self._hosts):
                response = await self._followed(await self._fetch(url, item), item)
        if response.status != 200:
            # Not there is an answer; anything else may be another one next time.
            undecided = response.status not in _NOT_THERE
            run = response.meta.get(FORBIDDEN)
            raise Rejected(f"http_{response.status}", response.url, failed=undecided, forbidden=run)
        return response

    async def _followed(self, response: Response, item: ApparelItem) -> Response:
        """Follow redirects, as far as they stay where images may come from."""
        for _ in range(_MAX_REDIRECTS):
            location = (response.headers.get("Location") or b"").decode("latin-1")
            if response.status not in _REDIRECTS or not location:
                break
            try:
                url = urljoin(response.url, location)
            except ValueError:
                url = location
            if not is_allowed_image(url, self._hosts):
                raise Rejected("foreign_host", f"{response.url} leads to {url}")
            response = await self._fetch(url, item)
        return response

    async def _fetch(self, url: str, item: ApparelItem) -> Response:
        request = self._request(url, item.label)
        request.meta["handle_httpstatus_all"] = True
        engine: Any = self.crawler.engine
        try:
            response: Response = await engine.download_async(request)
        except Exception as error:  # whatever the network raises: this image was not to be had
            raise _failed(url, error) from error
        return response

    async def _signature(self, data: bytes, url: str) -> Signature:
        """Examine bytes where it costs least: small pictures here, large ones beside."""
        if len(data) <= _SMALL_BYTES:
            try:
                return self._examine(data, url, _SMALL_PIXELS)
            except Rejected as rejected:
                if rejected.reason != _TOO_LARGE:
                    raise
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._examine, data, url)

    def _examine(self, data: bytes, url: str, max_pixels: int = MAX_PIXELS) -> Signature:
        try:
            signature = sign(data, url, max_pixels=max_pixels)
        except ImageError as error:
            raise Rejected(error.code, error.reason) from error
        self.objects.put(data)
        reason, detail = self._unfit(signature)
        if reason:
            # Kept all the same: a person who looks at what was turned away can take it back.
            raise Rejected(reason, detail, sha256=signature.sha256)
        return signature

    def _unfit(self, signature: Signature) -> tuple[str, str]:
        short, long = sorted((signature.width, signature.height))
        size = f"{signature.width}x{signature.height}"
        if short < self.min_side:
            return "too_small", f"{size}, the shorter side is under {self.min_side}"
        if long > self.max_aspect * short:
            return "aspect", f"{size}, longer than {self.max_aspect:g} times its width"
        if signature.blank:
            return "blank", f"{size} of one colour"
        return "", ""


def _failed(url: str, error: Any) -> Rejected:
    if isinstance(error, Rejected):
        return error
    if isinstance(error, Stopping):
        return Rejected(STOPPED, url, failed=True)
    reason = "not_allowed" if isinstance(error, IgnoreRequest) else "download_failed"
    told = " ".join(str(error).split()) or type(error).__name__
    return Rejected(reason, f"{url}: {told}", failed=True)
