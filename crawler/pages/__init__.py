"""From a page's HTML to facts. Pure: no Scrapy engine, no network, no clock.

Example:
    >>> page = parse_page(html, "https://www.amazon.com/s?k=jeans")
    >>> page.kind, len(page.results), page.next_url
    ('search', 60, 'https://www.amazon.com/s?k=jeans&page=2')
"""

from crawler.pages.asked import answers
from crawler.pages.facts import Candidate, Page, PageKind, Result
from crawler.pages.images import image_id_of, original_url, parse_srcset
from crawler.pages.parse import parse_page

__all__ = [
    "Candidate",
    "Page",
    "PageKind",
    "Result",
    "answers",
    "image_id_of",
    "original_url",
    "parse_page",
    "parse_srcset",
]
