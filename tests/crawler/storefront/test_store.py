"""The image store: its cache keeps what was used last, within its bound."""

from __future__ import annotations

import asyncio

from crawler.storefront.store import ByteCache, ImageStore, StoredFile


def test_cache_keeps_what_was_used_last_within_its_bound():
    cache = ByteCache(limit=30)
    files = {name: StoredFile.of(name.encode() * 10) for name in "abcd"}
    for name in "abc":
        cache.put(name, files[name])
    cache.get("a")
    cache.put("d", files["d"])

    assert cache.get("b") is None
    assert [cache.get(name) for name in "acd"] == [files[name] for name in "acd"]
    assert cache.size == 30


def test_cache_takes_no_file_larger_than_itself_and_replaces():
    cache = ByteCache(limit=10)
    cache.put("a", StoredFile.of(b"12345"))
    cache.put("a", StoredFile.of(b"123456"))
    cache.put("b", StoredFile.of(b"x" * 11))
    assert cache.size == 6
    assert cache.get("b") is None


def test_store_works_without_room_to_keep_anything(catalogue):
    product = catalogue.of("jeans")[0]

    async def twice():
        store = ImageStore(catalogue, cache_bytes=0)
        try:
            return [await store.original(product.image_id) for _ in range(2)]
        finally:
            store.close()

    first, second = asyncio.run(twice())
    assert first == second
    assert first.etag == StoredFile.of(first.body).etag
