"""What is searched for: the same words as in the crawler's own classes file."""

from __future__ import annotations

#: Class to query.
SEARCHES = {"jeans": "men's jeans", "trousers": "men's trousers", "saree": "sarees"}
