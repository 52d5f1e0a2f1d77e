"""What a search page says about the search: its total, its next page, its words, its end."""

from __future__ import annotations

import re
from itertools import islice

from crawler.pages.images import absolute_url
from crawler.pages.tree import Element, classes, css, has_class, squeeze, xpath

_IN_BAR = xpath('boolean(ancestor::*[@data-component-type="s-result-info-bar"])')
_OTHER_BARS = css('#s-result-count, [data-component-type="s-result-info-bar"]')
# The query is marked as such, and the menu of sort orders is in the heading too.
_CLAIM = xpath(
    "(descendant::text()"
    '[not(parent::option or parent::script or parent::*[contains(@class, "a-color-state")])]'
    ")[position() <= 200]"
)
_QUOTES = re.compile(r"[\"“”„«»「」]")
# Thousands are parted by points, commas, apostrophes or spaces; in India also in pairs.
_NUMBER = r"\d{1,3}(?:[.,'’٬\s]\d{2,3})+(?!\d)|\d+"
_NUMBERS = re.compile(_NUMBER)
_RANGE = re.compile(rf"({_NUMBER})\s*[-‐‑–—−~～〜]\s*({_NUMBER})")
# A few words. The patterns above take time that grows with the square of a hostile page's.
_LONGEST_CLAIM = 300
# Many times what a page without results has to say.
_LONGEST_TEXT = 300_000
_COUNTED = re.compile(r'"totalResultCount"\s*:\s*(\d{1,18})')

_OTHER_NEXT = xpath('//*[self::a or self::link][@rel="next"]')
# Where there is no next page, the pager holds no link.
_PAGER_END = xpath(
    'boolean(//span[contains(@class, "s-pagination-")] | //*[@id="pagn"] | '
    '//ul[contains(@class, "a-pagination")])'
)
# A pager is above the results and below, and a page has few headings of the first rank.
_MOST_CONTROLS = 10
_MOST_HEADINGS = 20
_PAGER_LINKS = xpath("descendant-or-self::*[self::a or self::link]/@href")
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# Old pages leave the address to a script, which puts it into the page's own.
_SCRIPTED = "#/ref="
_NOWHERE = ("javascript:", "#", "mailto:", "data:")

_SEARCH_BOXES = {"twotabsearchtextbox", "nav-search-keywords"}

_NO_RESULTS_MARKS = xpath(
    'boolean(//*[@id="noResultsTitle" or @id="apsNoResults" or '
    f'{has_class("s-no-results-result")} or contains(@class, "s-no-results-") or '
    'starts-with(@data-component-type, "s-no-results")])'
)
_READABLE = xpath(
    "//body//text()[not(parent::script or parent::style or parent::noscript or parent::template)]"
)
_NO_RESULTS_WORDS = re.compile(
    "|".join(
        (
            r"\bno results for\b",
            r"\bno results found\b",
            r"\b0 results for\b",
            r"did not match any products",
            r"keine ergebnisse für",
            r"keinen? (?:passenden? )?(?:treffer|produkttreffer|produkte|ergebnisse) gefunden",
            r"\bleider keine (?:produkt)?treffer",
            r"stimmt mit keinem? .{0,40}überein",
            r"aucun résultat pour",
            r"ne correspond à aucun",
            r"nessun risultato per",
            r"non corrisponde a nessun",
            r"no hay resultados para",
            r"ningún resultado para",
            r"no coincide con ningún",
            r"geen (?:resultaten|producten) (?:voor|gevonden|opgeleverd)",
            r"nenhum resultado para",
            r"não (?:há|encontramos) (?:nenhum )?resultados? para",
            r"não (?:encontrou|corresponde a) nenhum",
            r"inga (?:resultat|träffar) för",
            r"brak wyników (?:dla|wyszukiwania)",
            r"için (?:hiçbir )?sonuç (?:yok|bulunamadı)",
            r"に一致する(?:商品|検索結果|結果)は(?:ありません|見つかりません)",
            r"没有(?:找到)?.{0,40}(?:相关|匹配|搜索)?结果",
            r"未找到.{0,60}结果",
            r"沒有(?:找到)?.{0,60}結果",
            r"找不到.{0,60}結果",
            r"لا توجد نتائج",
            r"के लिए कोई (?:परिणाम|नतीजे) नहीं",
        )
    ),
    re.IGNORECASE,
)


def claim_of(page: Element) -> str:
    """Return what the page says about the number of results, without the words searched for.

    Those can hold numbers too: ``7 results for "levi 501-400"``.
    """
    # From the few headings up, which is faster than from the whole page down.
    headings = islice(page.iter("h1"), _MOST_HEADINGS)
    for bar in list(filter(_IN_BAR, headings)) or _OTHER_BARS(page):
        outside = _QUOTES.split(" ".join(_CLAIM(bar)))[::2]
        claim = next((squeeze(part) for part in outside if re.search(r"\d", part)), "")
        return claim[:_LONGEST_CLAIM]
    return ""


def is_past_end(claim: str) -> bool:
    """Whether the range runs backwards ("321-306 of …"), the shop's way of saying past the end."""
    found = _RANGE.search(claim)
    return found is not None and _value(found[1]) > _value(found[2])


def total_of(claim: str, source: str) -> int | None:
    """Return how many results there are.

    Args:
        claim: what `claim_of` found. Besides the range, it holds the total in every language seen.
        source: the page's text; its scripts count the results too.

    Returns:
        The number, or None where the page gives none.
    """
    rest = _RANGE.sub(" ", claim, count=1)
    numbers = [_value(n) for n in _NUMBERS.findall(rest) or _NUMBERS.findall(claim)]
    return max(numbers) if numbers else _counted(source)


def next_url_of(page: Element, url: str) -> str | None:
    """Return the absolute address of the next page, or None if no control leads to one.

    What is merely called next (``rel="next"``), in the head or anywhere else, counts only where
    the page has no pager.
    """
    controls = _pager(page)
    if not controls and not _PAGER_END(page):
        controls = _OTHER_NEXT(page)
    for control in controls[:_MOST_CONTROLS]:
        address = "" if _is_disabled(control) else _address(control, url)
        if address:
            return address
    return None


def query_of(page: Element) -> str:
    """Return what the page's search box holds, or ``""``."""
    boxes = filter(_is_search_box, page.iter("input"))
    return next(filter(None, (squeeze(box.get("value", "")) for box in boxes)), "")


def says_no_results(page: Element) -> bool:
    """Whether the page says that nothing was found.

    By a mark where it has one, which is the same in all languages, else in words. A page that
    goes on to show results from elsewhere says so too: ask only where there are none.
    """
    if _NO_RESULTS_MARKS(page):
        return True
    return bool(_NO_RESULTS_WORDS.search(readable_text(page)[:_LONGEST_TEXT]))


def readable_text(page: Element) -> str:
    """Return the page's text without scripts and styles."""
    return squeeze(" ".join(_READABLE(page)))


def _is_search_box(field: Element) -> bool:
    return field.get("id") in _SEARCH_BOXES or (
        field.get("name") == "field-keywords" and field.get("type") != "hidden"
    )


def _counted(source: str) -> int | None:
    found = _COUNTED.search(source)
    return int(found[1]) if found else None


def _pager(page: Element) -> list[Element]:
    """What leads to the next page: a link of its own, or the last item of a list."""
    links = [link for link in page.iter("a") if _is_next(link)]
    lists = (holder for holder in page.iter("ul") if "a-pagination" in holder.get("class", ""))
    items = (item for holder in lists for item in holder.iterchildren("li"))
    return links or [item for item in items if "a-last" in item.get("class", "")]


def _is_next(link: Element) -> bool:
    return link.get("id") == "pagnNextLink" or "s-pagination-next" in link.get("class", "")


def _is_disabled(control: Element) -> bool:
    return control.get("aria-disabled") == "true" or any(
        name.endswith("-disabled") for name in classes(control)
    )


def _address(control: Element, url: str) -> str:
    links = [link.strip() for link in _PAGER_LINKS(control)]
    links = [f"/s{link[1:]}" if link.startswith(_SCRIPTED) else link for link in links]
    useful = [link for link in links if link and not link.lower().startswith(_NOWHERE)]
    if not useful:
        return ""
    address = absolute_url(url, useful[0])
    # What leads to files or the like is told all the same: whoever follows links says where it led.
    is_told = address.startswith(("https://", "http://")) or _ABSOLUTE.match(useful[0])
    return address if is_told else ""


def _value(number: str) -> int:
    digits = re.sub(r"\D", "", number)[:18]  # no shop has more; a hostile page may
    return int(digits)
