"""Keys of a request's meta, by which the parts of the crawler know what a request is for."""

from __future__ import annotations

#: What is fetched, ``"page"`` or ``"image"``. Requests without it are none of ours.
KIND = "apparel_kind"
#: The class that it is for.
LABEL = "apparel_label"
#: The `crawler.breaker.ForbiddenRun` that an image's 403 belongs to.
FORBIDDEN = "apparel_forbidden"
#: The address that a page was asked for at, before any redirect.
ASKED = "apparel_asked"
#: The `crawler.pages.Page` that a page's response was read as.
PAGE = "apparel_page"
