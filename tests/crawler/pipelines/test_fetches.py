from __future__ import annotations

import asyncio
import weakref
from types import SimpleNamespace

import pytest
from PIL import Image
from scrapy import Request
from scrapy.http import Response
from scrapy.utils.test import get_crawler
from twisted.python.failure import Failure

from apparel_clf.dataset import Staging
from apparel_clf.images import BytesApart, sign
from crawler.exceptions import Rejected
from crawler.items import ApparelItem
from crawler.pipelines import ImagePipeline
from crawler.pipelines.images import _Fetched, _Fetches

URL = "https://m.media-amazon.com/images/I/71a.jpg"
ITEM = ApparelItem(
    label="jeans", query="jeans", source="shop", page_url="", page=1, position=1, asin="B1",
    title="Jeans", image_url=URL,
)  # fmt: skip


@pytest.fixture(scope="module")
def signature(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "x.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return sign(path.read_bytes())


@pytest.fixture
def pipeline(tmp_path):
    crawler = get_crawler(settings_dict={"IMAGE_MIN_SIDE": 48, "IMAGE_MAX_ASPECT": 4.0})
    crawler.spider = SimpleNamespace(config=SimpleNamespace(image_slot="x", image_hosts=("*",)))
    made = ImagePipeline(Staging(tmp_path / "dataset"), crawler=crawler)
    yield made
    made._threads.shutdown()


def test_every_kind_of_result_comes_back(signature):
    fetches = _Fetches()
    results = {
        b"one": _Fetched(URL, signature),
        b"two": _Fetched(URL, rejected=Rejected("blank")),
        b"three": Failure(ValueError("gone")),
    }
    for key, result in results.items():
        assert key not in fetches
        fetches[key] = result
    assert all(key in fetches and fetches[key] == results[key] for key in results)
    with pytest.raises(KeyError):
        fetches[b"four"]
    fetches[b"two"] = results[b"one"]
    assert fetches[b"two"] == results[b"one"]
    fetches.clear()
    assert not any(key in fetches for key in results)


def test_a_full_disk_leaves_results_in_memory(signature, monkeypatch):
    def full(self, data):
        raise OSError("no space left")

    monkeypatch.setattr(BytesApart, "append", full)
    fetches = _Fetches()
    fetches[b"one"] = _Fetched(URL, signature)
    assert b"one" in fetches
    assert fetches[b"one"].signature == signature


def test_what_was_turned_away_is_not_kept_in_memory(pipeline):
    response = Response(URL, 200, body=b"<html>no picture</html>", request=Request(URL))
    gone = weakref.ref(response)
    fetched = asyncio.run(pipeline.media_downloaded(response, response.request, None, item=ITEM))
    assert fetched.rejected is not None
    del response
    assert gone() is None


def test_a_rejection_is_raised_anew_for_each_item(pipeline):
    kept = Rejected("blank", "of one colour", sha256="5d41")
    for _ in range(2):
        with pytest.raises(Rejected) as raised:
            pipeline.item_completed([(True, _Fetched(URL, rejected=kept))], ITEM, None)
        assert raised.value is not kept
        assert vars(raised.value) == vars(kept)
    assert kept.__traceback__ is None
