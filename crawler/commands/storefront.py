"""`scrapy storefront`: opens the local shop and keeps it open until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from apparel_clf.errors import ApparelError

if TYPE_CHECKING:
    from crawler.storefront import Storefront


class Command(ScrapyCommand):
    """Open the local shop.

    Example:
        scrapy storefront --catalogue photos --port 8765
    """

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        """Return what follows the command's name."""
        return "[options]"

    def short_desc(self) -> str:
        """Return the line in `scrapy --help`."""
        return "Open a local shop that speaks the marketplace's markup"

    def long_desc(self) -> str:
        """Return what `scrapy storefront --help` says."""
        return (
            "Open a local shop that speaks the marketplace's markup, to crawl without a network. "
            "It sells drawn garments, or the photos of a folder. Ctrl-C closes it."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        group = parser.add_argument_group("storefront")
        group.add_argument(
            "--catalogue", metavar="DIR", help="sell the photos in DIR/<class>/; default: drawings"
        )
        group.add_argument("--port", type=int, default=8765, help="0 takes any (default: 8765)")
        group.add_argument(
            "--seed", type=int, default=0, help="ids, duplicates, order (default: 0)"
        )
        group.add_argument(
            "--per-class",
            type=int,
            metavar="N",
            help="unique pictures a class (default: 320 or all)",
        )
        group.add_argument(
            "--page-delay", type=float, default=0.0, metavar="S", help="seconds before each page"
        )
        group.add_argument(
            "--image-delay", type=float, default=0.0, metavar="S", help="seconds before each image"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Open the shop, say where it is, and wait for Ctrl-C."""
        if args:
            raise UsageError(f"storefront takes options only. Received: {' '.join(args)}")
        try:
            with _told_to_stop() as stop, _opened(opts) as shop:
                _announce(shop, own_photos=opts.catalogue is not None)
                stop.wait()
        except KeyboardInterrupt:
            pass
        except ApparelError as error:
            self.exitcode = 2
            sys.stderr.write(f"error: {error}\n")
            return
        _say("The storefront is closed.")


def _opened(opts: argparse.Namespace) -> Storefront:
    # Scrapy imports every command for every command; a crawl should not wait for a shop's server.
    from crawler.storefront import Storefront

    return Storefront(
        opts.catalogue,
        seed=opts.seed,
        port=opts.port,
        per_class=opts.per_class,
        page_delay=opts.page_delay,
        image_delay=opts.image_delay,
    )


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Give an event that the signal to terminate sets, so that the shop closes as for Ctrl-C."""
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


def _announce(shop: Storefront, *, own_photos: bool) -> None:
    goods = shop.catalogue
    labels = ", ".join(goods.labels)
    _say(f"The storefront is open: {shop.url}")
    _say(f"{len(goods.products)} products in {len(goods.labels)} classes: {labels}")
    # The project's own classes file searches for what the drawn shop sells, and for nothing else.
    fitting = " -s CLASSES_FILE=YOUR.toml -a dataset=rehearsal" if own_photos else ""
    command = f"scrapy crawl amazon_apparel{fitting} -a base_url={shop.url}"
    _say(f"Crawl it from another terminal: {command}")
    if own_photos:
        _say(f"Its classes file must search for: {labels}")
    _say("Ctrl-C closes it.")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is the command's output
