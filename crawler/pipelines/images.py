"""Fetches each item's image, checks and signs it, and stores the bytes as they came."""

from __future__ import annotations

import asyncio
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.pipelines.files import FilesPipeline
from scrapy.pipelines.media import MediaPipeline
from twisted.python.failure import Failure

from apparel_clf.dataset import ObjectStore, Staging
from apparel_clf.errors import ImageError
from apparel_clf.images import Signature, sign
from crawler.exceptions import Rejected
from crawler.items import ApparelItem


class ImagePipeline(FilesPipeline):
    """Scrapy's FilesPipeline over a content-addressed store.

    FilesPipeline rather than ImagesPipeline, which re-encodes what it fetches. Each address is
    fetched once, in this crawl or an earlier one of the same dataset.

    Args:
        staging: the dataset's folder.
        crawler: the running crawler; its ``IMAGE_MIN_SIDE`` and ``IMAGE_MAX_ASPECT`` are read.
    """

    def __init__(self, staging: Staging, *, crawler: Crawler) -> None:
        self.objects: ObjectStore = staging.objects
        self.min_side = crawler.settings.getint("IMAGE_MIN_SIDE")
        self.max_aspect = crawler.settings.getfloat("IMAGE_MAX_ASPECT")
        self._known: dict[str, Signature] = {
            record.image_url: record.signature
            for journal in staging.journals()
            for record in journal.images
            if record.sha256 in self.objects
        }
        self._rejected: dict[str, Rejected] = {}
        super().__init__(str(self.objects.folder.resolve()), crawler=crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ImagePipeline:
        """Build for the spider's dataset."""
        config = crawler.spider.config  # type: ignore[union-attr]
        return cls(Staging(config.dataset_folder), crawler=crawler)

    def get_media_requests(
        self, item: ApparelItem, info: MediaPipeline.SpiderInfo
    ) -> list[Request]:
        """Ask for the one image of an item.

        Images have a download slot of their own, so that AutoThrottle learns their pace and not
        that of rendered pages, also where one host serves both.
        """
        slot = f"images {self.crawler.spider.config.source}"  # type: ignore[union-attr]
        return [Request(item.image_url, meta={"download_slot": slot})]

    def media_to_download(
        self, request: Request, info: MediaPipeline.SpiderInfo, *, item: Any = None
    ) -> Any:
        """Skip the download of what is stored already."""
        if request.url in self._known:
            self.inc_stats("uptodate")
            return self._outcome(request.url, "uptodate")
        return None

    async def media_downloaded(
        self,
        response: Response,
        request: Request,
        info: MediaPipeline.SpiderInfo,
        *,
        item: Any = None,
    ) -> Any:
        """Check, sign and store a response's bytes, off the reactor's thread."""
        try:
            if response.status != 200:
                raise Rejected(f"http_{response.status}", request.url, failed=True)
            signature = await asyncio.to_thread(self._examine, response.body, request.url)
        except Rejected as rejected:
            self._rejected[request.url] = rejected
            return self._outcome(request.url, "rejected")
        except OSError as error:
            await self._stop(error)
            raise
        self._known[request.url] = signature
        self.inc_stats("downloaded")
        return self._outcome(request.url, "downloaded")

    def media_failed(
        self, failure: Failure, request: Request, info: MediaPipeline.SpiderInfo
    ) -> Any:
        """Note why an image could not be fetched; the item is rejected for it later."""
        self._rejected[request.url] = Rejected(
            "download_failed", f"{request.url}: {failure.getErrorMessage()}", failed=True
        )

    def item_completed(
        self, results: list[Any], item: ApparelItem, info: MediaPipeline.SpiderInfo
    ) -> ApparelItem:
        """Give the item its signature.

        Raises:
            Rejected: its image could not be fetched or used.
        """
        url = item.image_url
        if url not in self._known:
            raise self._rejected.get(url, Rejected("download_failed", url, failed=True))
        item.signature = self._known[url]
        item.sha256 = item.signature.sha256
        return item

    def _examine(self, data: bytes, url: str) -> Signature:
        try:
            signature = sign(data, url)
        except ImageError as error:
            raise Rejected(error.code, error.reason) from error
        self._check_shape(signature)
        self.objects.put(data)
        return signature

    async def _stop(self, error: OSError) -> None:
        """End the crawl: where one image can't be stored, the next can't either."""
        spider: Any = self.crawler.spider
        spider.problem = (
            f"{self.objects.folder}: images cannot be stored ({error.strerror}). What was fetched "
            "before is kept; mend it and run the crawl again"
        )
        await self.crawler.stop_async()

    def _check_shape(self, signature: Signature) -> None:
        short, long = sorted((signature.width, signature.height))
        size = f"{signature.width}x{signature.height}"
        if short < self.min_side:
            raise Rejected("too_small", f"{size}, the shorter side is under {self.min_side}")
        if long > self.max_aspect * short:
            raise Rejected("aspect", f"{size}, longer than {self.max_aspect:g} times its width")

    @staticmethod
    def _outcome(url: str, status: str) -> dict[str, str | None]:
        return {"url": url, "path": "", "checksum": None, "status": status}
