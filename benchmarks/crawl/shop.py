"""The shop in a process of its own, so that its work is on nobody's bill.

Run as a program it opens a storefront, says where it is, and closes it when its input ends; then it
says what was fetched. An input that ends is also what it sees when its parent dies.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from benchmarks.errors import BenchmarkError
from crawler.storefront import Storefront

#: Seconds before every page and before the first part of its results.
PAGE_DELAY = 0.2
#: Seconds before every image.
IMAGE_DELAY = 0.03
_ROOT = Path(__file__).parents[2]
_CLOSING_SECONDS = 30
# An original has nothing between id and ending: 71C8dVn7nrL.jpg, not 71C8dVn7nrL._AC_UL320_.jpg
_ORIGINAL = re.compile(r"/images/I/(?P<id>[^./?]+)\.[A-Za-z]+(?:\?.*)?")


@dataclass(frozen=True)
class ShopReport:
    """What the shop saw.

    Args:
        products: image ids of all results of all searches: what a way has to fetch.
        originals: image ids of which the original was sent, in full and without an error.
        requests: number of answered requests by kind.
        cpu: seconds that the shop's process worked.
    """

    products: frozenset[str]
    originals: frozenset[str]
    requests: dict[str, int]
    cpu: float


class Shop:
    """A shop that is open.

    Args:
        process: the running program.
        url: where it is.
    """

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        self.url = url

    def close(self) -> ShopReport:
        """Close the shop and return what it saw.

        Raises:
            BenchmarkError: the shop did not end well.
        """
        text, _ = self._process.communicate(timeout=_CLOSING_SECONDS)
        if self._process.returncode != 0:
            raise BenchmarkError(f"the shop failed (exit {self._process.returncode})")
        seen = json.loads(text)
        return ShopReport(
            frozenset(seen["products"]),
            frozenset(seen["originals"]),
            seen["requests"],
            seen["cpu"],
        )


@contextmanager
def open_shop(catalogue: Path) -> Iterator[Shop]:
    """Open a shop in another process; it is gone when the block ends.

    Args:
        catalogue: folder of pictures, one folder a class.

    Raises:
        BenchmarkError: the shop did not open.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.crawl.shop", str(catalogue)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is the parent's to handle
    )
    try:
        yield Shop(process, _url(process))
    finally:
        process.kill()
        process.communicate()


def original_id(path: str) -> str | None:
    """Return the image id where a path asks for an original, else None.

    Args:
        path: path and query as asked for; may be percent-encoded.

    Example:
        >>> original_id("/images/I/71C8d%2Bn7nrL.jpg")
        '71C8d+n7nrL'
        >>> original_id("/images/I/71C8dVn7nrL._AC_UL320_.jpg") is None
        True
    """
    found = _ORIGINAL.fullmatch(unquote(path))
    return found["id"] if found else None


def original_ids(paths: Iterable[str]) -> frozenset[str]:
    """Return the image ids of all paths that ask for an original."""
    return frozenset(found for path in paths if (found := original_id(path)))


def _url(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise BenchmarkError("the shop did not open; its reason is above")
    return str(json.loads(line)["url"])


def main(argv: Sequence[str] | None = None) -> int:
    """Keep a shop open until the input ends. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalogue")
    folder = parser.parse_args(argv).catalogue
    with Storefront(folder, page_delay=PAGE_DELAY, image_delay=IMAGE_DELAY) as shop:
        print(json.dumps({"url": shop.url}), flush=True)
        sys.stdin.read()
        print(json.dumps(_seen(shop)), flush=True)
    return 0


def _seen(shop: Storefront) -> dict[str, object]:
    sent = [request.path for request in shop.requests.entries("image") if request.status == 200]
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "products": sorted({product.image_id for product in shop.catalogue.products}),
        "originals": sorted(original_ids(sent)),
        "requests": dict(shop.requests.counts),
        "cpu": used.ru_utime + used.ru_stime,
    }


if __name__ == "__main__":
    sys.exit(main())
