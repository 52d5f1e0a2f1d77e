"""Products and result pages become the HTML that the shop serves, in the marketplace's markup."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup

from crawler.storefront import sundries
from crawler.storefront.catalogue import Catalogue, Product
from crawler.storefront.search import ResultPage, Slot

#: The layouts that a search page can be asked for.
LAYOUTS = ("modern", "legacy")
#: In how many parts JavaScript puts the results into the page.
BATCHES = 3

#: Names and values of filters, in the order of the address.
Filters: TypeAlias = tuple[tuple[str, str], ...]

_TEMPLATES = Path(__file__).parent / "templates"
_GRID = ((1.0, 320), (1.5, 480), (2.0, 640), (2.5, 800), (3.0, 960))
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Card:
    """A product as a page shows it. What no catalogue says, such as stars, follows from the ASIN.

    Args:
        product: the product.
        index: number of the slot on the page.
        rank: number among all results; 0 for an advertisement or a tile.
        href: where a click leads.
        sponsored: whether it is an advertisement.
        stars: average rating, 3.2 to 4.9.
        ratings: how many people rated it.
        badge: whether it carries the sustainability badge, a second ``img.s-image``.
        certificate: name of the certificate in the last heading, or empty.
        swatches: other colours, each one more ``img.s-image``.
        largest: the density and side that the last entry of the srcset claims.
    """

    product: Product
    index: int
    rank: int
    href: str
    sponsored: bool
    stars: float
    ratings: int
    badge: bool
    certificate: str
    swatches: tuple[sundries.Sundry, ...]
    largest: tuple[float, int]

    @property
    def alt(self) -> str:
        """Text of the picture: the title, marked where it is an advertisement."""
        text = f"{self.product.brand} {self.product.title}"
        return f"Sponsored Ad - {text}" if self.sponsored else text

    @property
    def srcset(self) -> str:
        """The picture in five sizes, as the marketplace offers it."""
        sizes = (*_GRID[:-1], self.largest)
        return ", ".join(
            f"{image_url(self.product, _grid_modifiers(density, side))} {density:g}x"
            for density, side in sizes
        )


def _grid_modifiers(density: float, side: int) -> str:
    return f"AC_UL{side}" if density == 1.0 else f"AC_UL{side}_FMwebp_QL65"


def image_url(product: Product, modifiers: str = "") -> str:
    """Return the address of a product's picture on this shop.

    Args:
        product: whose picture.
        modifiers: for example ``"AC_UL320"``; without them the original is meant.

    Example:
        >>> image_url(product, "AC_UL320")
        '/images/I/71C8dVn7nrL._AC_UL320_.jpg'
    """
    chain = f"._{modifiers}_" if modifiers else ""
    return f"/images/I/{product.image_id}{chain}.{product.extension}"


def product_url(product: Product, ref: str = "") -> str:
    """Return the address of a product's page, with words from its title in it as the real one has.

    Example:
        >>> product_url(product, "ref=sr_1_3")
        '/Slim-Jeans-Stretch/dp/B0ABCDEFGH/ref=sr_1_3'
    """
    slug = "-".join(re.findall(r"[0-9A-Za-z]+", product.title)[:6]) or "item"
    return f"/{slug}/dp/{product.asin}" + (f"/{ref}" if ref else "")


def search_url(
    query: str, number: int = 1, layout: str = "modern", more: Filters = (), ref: str = ""
) -> str:
    """Return the address of a page of results.

    Args:
        query: the words to search for.
        number: the page, from 1.
        layout: ``"modern"`` or ``"legacy"``.
        more: names and values of filters, which a link must not drop.
        ref: where the link stands.

    Example:
        >>> search_url("men's jeans", 2)
        '/s?k=men%27s+jeans&page=2'
    """
    values: dict[str, object] = {"k": query}
    if number != 1:
        values["page"] = number
    if layout != "modern":
        values["layout"] = layout
    pairs = [*values.items(), *more, *([("ref", ref)] if ref else [])]
    return "/s?" + urlencode(pairs, errors="replace")


def home(catalogue: Catalogue) -> str:
    """Render the home page: a search form and one tile for each class."""
    shelves = [(label, catalogue.of(label)) for label in catalogue.labels]
    return _rendered("home.html", shelves=shelves, total=len(catalogue.products))


def shell(page: ResultPage, layout: str, pause: float, more: Filters = ()) -> str:
    """Render a search page as a plain fetch gets it: everything but the results.

    Args:
        page: what will be shown.
        layout: ``"modern"`` or ``"legacy"``.
        pause: seconds that the page's script waits between two batches.
        more: names and values of filters that were asked for.

    Returns:
        HTML. Its script asks for the batches and puts them in.
    """
    fragment = search_url(page.query, page.number, layout, more).replace("/s?", "/s/query?", 1)
    return _rendered(
        "search.html",
        page=page,
        layout=layout,
        query=page.query,
        fragment=fragment,
        pause=round(pause * 1000),
    )


def batch(
    catalogue: Catalogue, page: ResultPage, layout: str, number: int, more: Filters = ()
) -> dict[str, Any]:
    """Render one part of a search page's results.

    Args:
        catalogue: where the products are from.
        page: the page of results.
        layout: ``"modern"`` or ``"legacy"``.
        number: which part, from 0 to `BATCHES` - 1.
        more: names and values of filters that were asked for.

    Returns:
        Values that become JSON: ``html`` to append; ``bar``, with the first part; ``pager``, with
        the last; ``more``, whether another part follows.
    """
    size = -(-len(page.slots) // BATCHES)
    start = number * size
    cards = [
        (slot, _cards(slot, index, catalogue, page.query))
        for index, slot in enumerate(page.slots[start : start + size], start=start)
    ]
    last = number >= BATCHES - 1
    common = {"page": page, "layout": layout, "more": more}
    return {
        "html": _rendered(f"{layout}_cards.html", slots=cards, start=start, **common),
        "bar": _rendered(f"{layout}_bar.html", **common) if number == 0 else "",
        "pager": _rendered(f"{layout}_pager.html", **common) if last else "",
        "more": not last,
    }


def product_page(product: Product, size: tuple[int, int]) -> str:
    """Render a product's page.

    Args:
        product: whose page.
        size: width and height of the original picture in pixels.
    """
    sizes = {
        image_url(product, f"AC_UX{width}"): [round(width * size[1] / size[0]), width]
        for width in (395, 425, 500)
    }
    gallery = {
        "hiRes": image_url(product),
        "thumb": image_url(product, "AC_US40"),
        "large": image_url(product, "AC"),
        "main": sizes,
        "variant": "MAIN",
    }
    return _rendered(
        "product.html",
        product=product,
        dynamic=json.dumps(sizes),
        gallery=_script_json({"initial": [gallery, {**gallery, "hiRes": None, "variant": "PT01"}]}),
    )


def note(heading: str, text: str) -> str:
    """Render a page that only says something, such as that there is no such page."""
    return _rendered("note.html", heading=heading, text=text)


def _rendered(template: str, **values: object) -> str:
    return _ENVIRONMENT.get_template(template).render(**values)


def _script_json(values: object) -> Markup:
    """Write JSON that cannot end the script element that it stands in."""
    text = json.dumps(values).replace("<", "\\u003c").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704 - every character that HTML could read is escaped above


def _cards(slot: Slot, index: int, catalogue: Catalogue, query: str) -> list[Card]:
    sponsored = slot.kind in ("ad", "carousel")
    return [
        _card(product, index, slot.rank, sponsored, catalogue.seed, query)
        for product in slot.products
    ]


def _card(product: Product, index: int, rank: int, sponsored: bool, seed: int, query: str) -> Card:
    rng = random.Random(f"{seed}/card/{product.asin}")
    badge = rng.random() < 0.2
    return Card(
        product=product,
        index=index,
        rank=rank,
        href=_href(product, rank, sponsored, query),
        sponsored=sponsored,
        stars=round(rng.uniform(3.2, 4.9), 1),
        ratings=int(10 ** rng.uniform(0.5, 4.3)),
        badge=badge,
        certificate="Tested for Harmful Substances" if badge and rng.random() < 0.6 else "",
        swatches=tuple(rng.sample(sundries.SWATCHES, 3)) if rng.random() < 0.25 else (),
        largest=(2.7935, 894) if rng.random() < 0.1 else _GRID[-1],
    )


def _href(product: Product, rank: int, sponsored: bool, query: str) -> str:
    keywords = urlencode({"keywords": query}, errors="replace")
    if not sponsored:
        return f"{product_url(product, f'ref=sr_1_{rank}')}?{keywords}&sr=8-{rank}"
    target = quote(f"{product_url(product, 'ref=sr_1_1_sspa')}?{keywords}&psc=1", safe="")
    return f"/sspa/click?ie=UTF8&spc=MTo0MjEz&url={target}"


def pager_numbers(page: ResultPage) -> Sequence[int]:
    """Return the page numbers that the pager names: the first, and those around this page.

    Example:
        >>> pager_numbers(result_page(catalogue, "jeans", 4, 48))
        [1, 3, 4, 5]
    """
    near = range(max(1, page.number - 1), min(page.pages, page.number + 1) + 1)
    return sorted({1, *near})


_ENVIRONMENT.globals.update(
    image_url=image_url,
    product_url=product_url,
    search_url=search_url,
    pager_numbers=pager_numbers,
    badge=sundries.BADGE,
)
