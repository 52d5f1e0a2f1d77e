"""What the spider yields: one result of a search page, on its way to becoming an image."""

from __future__ import annotations

from dataclasses import dataclass

from apparel_clf.dataset import ImageRecord, Place, Rejection
from apparel_clf.images import Signature


@dataclass
class ApparelItem:
    """A result and, once its image has been fetched, the image's signature.

    Args:
        label: the class that was searched for.
        query: the search.
        source: the shop's host.
        page_url: the search page.
        page: its number, from 1.
        position: place on the page, from 1.
        asin: the product.
        title: its title, plain text.
        image_url: address of the picture: first the original's, in the end the one fetched.
        candidates: the addresses to try, best first; without them, `image_url` alone.
        sponsored: whether the result is an advertisement.
        past_end: whether it filled a page past the last.
        number: its place among all results of its class in this crawl, from 1.
        sha256: hash of the image's bytes, ``""`` until it has been fetched and checked.
        signature: what identifies the picture, None until then.
    """

    label: str
    query: str
    source: str
    page_url: str
    page: int
    position: int
    asin: str
    title: str
    image_url: str
    candidates: tuple[str, ...] = ()
    sponsored: bool = False
    past_end: bool = False
    number: int = 1
    sha256: str = ""
    signature: Signature | None = None

    @property
    def place(self) -> Place:
        """Where the result stands in the shop."""
        return self.label, self.query, self.page, self.position

    def record(self, signature: Signature) -> ImageRecord:
        """Return what the journal keeps of a fetched image."""
        return ImageRecord(
            label=self.label,
            signature=signature,
            source=self.source,
            query=self.query,
            asin=self.asin,
            title=self.title,
            page_url=self.page_url,
            image_url=self.image_url,
            page=self.page,
            position=self.position,
        )

    def rejection(self, reason: str, detail: str, *, failed: bool = False) -> Rejection:
        """Return what the journal keeps of a result that was turned away."""
        return Rejection(
            label=self.label,
            reason=reason,
            detail=detail,
            sha256=self.sha256,
            asin=self.asin,
            image_url=self.image_url,
            source=self.source,
            query=self.query,
            title=self.title,
            page_url=self.page_url,
            page=self.page,
            position=self.position,
            failed=failed,
        )
