from __future__ import annotations

from dataclasses import replace

import pytest

from crawler.classes import WantedClass
from crawler.exceptions import Rejected
from crawler.items import ApparelItem
from crawler.pipelines import RelevancePipeline
from crawler.settings import IMAGE_HOSTS

HOST = "https://m.media-amazon.com"
ITEM = ApparelItem(
    label="jeans",
    query="men's jeans",
    source="www.amazon.com",
    page_url="https://www.amazon.com/s?k=x",
    page=1,
    position=3,
    asin="B1",
    title="Jeans",
    image_url="https://m.media-amazon.com/images/I/71a.jpg",
)


CLASSES = {
    "jeans": WantedClass(
        "jeans", ("jeans",), must=("jeans", "*denim*"), must_not=("skirt", "t shirt")
    ),
    "trousers": WantedClass("trousers", ("trousers",)),
}


@pytest.fixture
def relevance():
    return RelevancePipeline(CLASSES, tuple(IMAGE_HOSTS))


@pytest.mark.parametrize(
    "host",
    [
        "m.media-amazon.com",
        "images-eu.ssl-images-amazon.com",
        "images-na.ssl-images-amazon.com",
        "ecx.images-amazon.com",
    ],
)
def test_pictures_of_the_marketplace_pass(relevance, host):
    item = replace(ITEM, image_url=f"https://{host}/images/I/71a.jpg")
    assert relevance.process_item(item) is item


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sponsored": True}, "sponsored"),
        ({"past_end": True}, "past_end"),
        ({"title": "Watch"}, "title_without"),
        ({"title": "Jeans Skirt"}, "title_with"),
        ({"title": "Jeans and T-Shirt"}, "title_with"),
        ({"image_url": f"{HOST}/images/G/01/x-site/icons/no-img-lg.gif"}, "placeholder"),
        ({"image_url": f"{HOST}/images/I/01RmK+J4pJL.gif"}, "placeholder"),
        ({"image_url": f"{HOST}/images/I/01RmK%2BJ4pJL.gif"}, "placeholder"),
        ({"image_url": f"{HOST}/images/I/transparent-pixel.gif"}, "placeholder"),
        (
            {
                "image_url": f"{HOST}/images/I/21a.png",
                "candidates": (f"{HOST}/images/I/21a._SS200_.png",),
            },
            "badge",
        ),
        ({"image_url": f"{HOST}:22/images/I/71a.jpg"}, "foreign_host"),
        ({"image_url": ""}, "no_image"),
        ({"image_url": "https://evil.example/x.jpg"}, "foreign_host"),
        ({"image_url": "https://m.media-amazon.com.evil.example/x.jpg"}, "foreign_host"),
        ({"image_url": "https://m.media-amazon.com@evil.example/x.jpg"}, "foreign_host"),
        ({"image_url": "file:///etc/passwd"}, "foreign_host"),
        ({"image_url": "ftp://m.media-amazon.com/x.jpg"}, "foreign_host"),
        ({"image_url": "http://127.0.0.1/x.jpg"}, "foreign_host"),
        ({"image_url": "http://169.254.169.254/latest"}, "foreign_host"),
    ],
)
def test_what_is_turned_away_and_why(relevance, changes, reason):
    with pytest.raises(Rejected) as caught:
        relevance.process_item(replace(ITEM, **changes))
    assert caught.value.reason == reason


@pytest.mark.parametrize("title", ["Denim", "Blue JEANS", "Selvedge-Denims", "Jeanshirt jeans"])
def test_titles_that_belong(relevance, title):
    assert relevance.process_item(replace(ITEM, title=title))


def test_advertisements_are_taken_by_choice():
    relevance = RelevancePipeline(CLASSES, tuple(IMAGE_HOSTS), sponsored=True)
    assert relevance.process_item(replace(ITEM, sponsored=True))


def test_one_product_on_two_pages_is_taken_once(relevance):
    relevance.process_item(ITEM)
    with pytest.raises(Rejected, match="repeated"):
        relevance.process_item(replace(ITEM, page=2))
    relevance.process_item(replace(ITEM, asin="B2"))
    relevance.process_item(replace(ITEM, label="trousers"))


def test_rejections_name_the_product():
    rejection = ITEM.rejection("sponsored", "an advertisement")
    assert (rejection.label, rejection.asin, rejection.reason) == ("jeans", "B1", "sponsored")
    assert rejection.image_url == ITEM.image_url
