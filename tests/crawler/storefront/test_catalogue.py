"""The catalogue: planted duplicates, fillers, ids, determinism, and folders of photos."""

from __future__ import annotations

import io
import os
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from PIL import Image

from apparel_clf.errors import DatasetError, DatasetNotFoundError, SettingsError
from crawler.storefront import drawn_catalogue, folder_catalogue
from crawler.storefront.catalogue import PLANTS
from crawler.storefront.images import edited
from crawler.storefront.search import found_labels
from crawler.storefront.sources import DRAWN_SIZE


def file_of(catalogue, image_id):
    """Return the bytes under an image id, made without the server's store."""
    picture = catalogue.pictures[image_id]
    source = catalogue.originals[picture.key]()
    return edited(source, picture.edit) if picture.edit else source


def size_of(data):
    return Image.open(io.BytesIO(data)).size


def write_photos(folder, count, start=0, suffix=".jpg"):
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(start, start + count):
        colour = (index * 37 % 256, index * 91 % 256, 120)
        Image.new("RGB", (60, 80), colour).save(folder / f"secret name {index}{suffix}")
    return folder


# ---- drawn


def test_same_seed_same_catalogue(studio, catalogue):
    again = drawn_catalogue(seed=3, per_class=60, studio=studio)

    assert again.products == catalogue.products
    assert again.fillers == catalogue.fillers
    assert again.pictures == catalogue.pictures
    image_id = catalogue.products[0].image_id
    assert file_of(again, image_id) == file_of(catalogue, image_id)


def test_other_seed_other_catalogue(studio, catalogue):
    other = drawn_catalogue(seed=4, per_class=60, studio=studio)

    assert not {p.asin for p in other.products} & {p.asin for p in catalogue.products}
    first, *_ = (p for p in catalogue.products if p.picture.endswith("/0"))
    second, *_ = (p for p in other.products if p.picture == first.picture)
    assert file_of(other, second.image_id) != file_of(catalogue, first.image_id)


def test_every_class_has_its_unique_pictures_and_planted_ones(catalogue):
    for label in ("jeans", "saree", "trousers"):
        products = catalogue.of(label)
        unique = [product for product in products if product.plant is None]
        assert len(unique) == len({product.picture for product in products}) == 60
        assert len(products) - len(unique) == 11


def test_default_share_of_planted_products_is_about_15_percent(studio):
    catalogue = drawn_catalogue(per_class=320, studio=studio)
    jeans = catalogue.of("jeans")

    assert len(jeans) == 376
    assert sum(product.plant is not None for product in jeans) / len(jeans) == pytest.approx(
        0.15, abs=0.005
    )
    kinds = Counter(product.plant for product in jeans if product.plant)
    assert kinds == dict.fromkeys(PLANTS, 14)


def test_planted_products_never_cross_classes(catalogue):
    labels = defaultdict(set)
    for product in catalogue.products:
        labels[product.picture].add(product.label)
    assert all(len(found) == 1 for found in labels.values())


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_planted_is_what_it_says(catalogue, plant):
    firsts = {product.picture: product for product in catalogue.products if product.plant is None}
    planted = [product for product in catalogue.products if product.plant == plant]
    assert planted
    for product in planted:
        first = firsts[product.picture]
        old, new = file_of(catalogue, first.image_id), file_of(catalogue, product.image_id)
        assert product.asin != first.asin
        assert product.title == first.title
        assert (product.image_id == first.image_id) == (plant == "same_id")
        assert (old == new) == (plant in ("same_id", "exact"))
        (width, height), (new_width, new_height) = size_of(old), size_of(new)
        if plant == "resized":
            assert 0.7 * width < new_width < width
            assert 0.7 * height < new_height < height
            assert new_width / new_height == pytest.approx(width / height, rel=0.03)
        else:
            assert (new_width, new_height) == (width, height)


def test_quality_of_planted_files_is_within_bounds(catalogue):
    edits = [picture.edit for picture in catalogue.pictures.values() if picture.edit]
    assert edits
    assert all(50 <= edit.quality <= 70 and 0.75 <= edit.scale <= 1.0 for edit in edits)


def test_ids_look_like_the_marketplaces_and_are_unique(catalogue):
    everything = [*catalogue.products, *(p for shelf in catalogue.fillers.values() for p in shelf)]

    assert all(re.fullmatch(r"B0[0-9A-Z]{8}", product.asin) for product in everything)
    assert len({product.asin for product in everything}) == len(everything)
    assert all(re.fullmatch(r"[5-9]1[0-9A-Za-z+-]{8}L", p.image_id) for p in everything)
    assert any("+" in p.image_id for p in everything)
    assert any("-" in p.image_id for p in everything)


def test_results_are_shuffled(catalogue):
    keys = [product.picture for product in catalogue.of("jeans")]
    assert keys != sorted(keys)
    assert [p.label for p in catalogue.products] != sorted(p.label for p in catalogue.products)


def test_some_products_have_no_price(catalogue):
    priceless = sum(product.price is None for product in catalogue.products)
    assert 0 < priceless < len(catalogue.products) / 4


def test_fillers_have_ids_of_their_own_and_are_of_other_classes(catalogue):
    organic = {product.image_id for product in catalogue.products}

    assert not catalogue.filler_ids & organic
    for label in catalogue.labels:
        beside = catalogue.fillers_beside([label])
        assert beside
        assert all(product.label != label for product in beside)
        assert {product.image_id for product in beside} <= catalogue.filler_ids
    assert catalogue.fillers_beside(catalogue.labels) == ()


def test_a_drawn_filler_is_no_products_picture(catalogue):
    files = {file_of(catalogue, product.image_id) for product in catalogue.products}
    fillers = {file_of(catalogue, product.image_id) for product in catalogue.fillers["saree"]}
    assert fillers
    assert not files & fillers


@pytest.mark.parametrize("per_class", [0, -3])
def test_per_class_below_one_is_refused(studio, tmp_path, per_class):
    with pytest.raises(SettingsError, match=f"per_class.*Received: {per_class}"):
        drawn_catalogue(per_class=per_class, studio=studio)
    with pytest.raises(SettingsError, match="per_class"):
        folder_catalogue(tmp_path, per_class=per_class)


# ---- folder


def test_photos_are_served_as_they_lie_on_disk(tmp_path):
    for label in ("jeans", "casual_shoes"):
        write_photos(tmp_path / label, 20)
    catalogue = folder_catalogue(tmp_path, seed=1)

    assert catalogue.labels == ("casual_shoes", "jeans")
    for label in catalogue.labels:
        on_disk = {path.read_bytes() for path in (tmp_path / label).iterdir()}
        unique = [product for product in catalogue.of(label) if product.plant is None]
        assert {file_of(catalogue, product.image_id) for product in unique} == on_disk
        assert len(unique) == 20


def test_words_are_made_from_the_class_name(tmp_path):
    write_photos(tmp_path / "casual_shoes", 3)
    write_photos(tmp_path / "jeans", 1)
    shoes = folder_catalogue(tmp_path).of("casual_shoes")

    titles = {product.title for product in shoes}
    assert titles == {"Casual Shoes No. 1", "Casual Shoes No. 2", "Casual Shoes No. 3"}
    assert all(product.brand for product in shoes)


def test_file_names_reach_no_public_word(tmp_path):
    write_photos(tmp_path / "jeans", 5)
    write_photos(tmp_path / "saree", 5)
    for product in folder_catalogue(tmp_path).products:
        public = (product.asin, product.title, product.brand, product.image_id, product.extension)
        assert not any("secret" in word for word in public)


@pytest.mark.parametrize(
    ("suffix", "extension"), [(".jpg", "jpg"), (".JPEG", "jpg"), (".png", "png"), (".webp", "jpg")]
)
def test_formats(tmp_path, suffix, extension):
    write_photos(tmp_path / "jeans", 2, suffix=suffix)
    write_photos(tmp_path / "saree", 2)
    assert {product.extension for product in folder_catalogue(tmp_path).of("jeans")} == {extension}


def test_other_files_and_hidden_ones_are_left_out(tmp_path):
    write_photos(tmp_path / "jeans", 2)
    write_photos(tmp_path / "saree", 2)
    write_photos(tmp_path / ".cache", 2)
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "jeans" / "notes.txt").write_text("words")
    (tmp_path / "jeans" / ".hidden.jpg").write_bytes(b"x")
    (tmp_path / "jeans" / "folder.jpg").mkdir()

    catalogue = folder_catalogue(tmp_path)
    assert catalogue.labels == ("jeans", "saree")
    assert len(catalogue.of("jeans")) == 2


def test_per_class_takes_the_first_by_name(tmp_path):
    write_photos(tmp_path / "jeans", 9)
    write_photos(tmp_path / "saree", 2)
    pictures = {p.picture for p in folder_catalogue(tmp_path, per_class=3).of("jeans")}
    assert {picture[-5] for picture in pictures} == {"0", "1", "2"}


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_that_lead_outside_are_not_followed(tmp_path):
    outside = write_photos(tmp_path / "outside", 1, start=100)
    shop = tmp_path / "shop"
    write_photos(shop / "jeans", 2)
    write_photos(shop / "saree", 2)
    (shop / "jeans" / "leak.jpg").symlink_to(outside / "secret name 100.jpg")
    (shop / "stolen").symlink_to(outside, target_is_directory=True)
    (shop / "jeans" / "again.jpg").symlink_to(shop / "saree" / "secret name 0.jpg")

    catalogue = folder_catalogue(shop)
    assert catalogue.labels == ("jeans", "saree")
    leaked = (outside / "secret name 100.jpg").read_bytes()
    assert leaked not in {file_of(catalogue, product.image_id) for product in catalogue.products}
    assert len([p for p in catalogue.of("jeans") if p.plant is None]) == 3


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"nowhere: no such folder"):
        folder_catalogue(tmp_path / "nowhere")


def test_a_folder_without_classes_is_named(tmp_path):
    (tmp_path / "loose.jpg").write_bytes(b"x")
    with pytest.raises(DatasetError, match="no class folders"):
        folder_catalogue(tmp_path)


def test_an_empty_class_is_named(tmp_path):
    write_photos(tmp_path / "jeans", 2)
    (tmp_path / "saree").mkdir()
    with pytest.raises(DatasetError, match=r"saree: holds no photos.*\.webp"):
        folder_catalogue(tmp_path)


def test_fillers_are_borrowed_from_other_classes(tmp_path):
    write_photos(tmp_path / "jeans", 30)
    write_photos(tmp_path / "saree", 3, start=50)
    catalogue = folder_catalogue(tmp_path)

    beside = catalogue.fillers_beside(["jeans"])
    sarees = {product.picture for product in catalogue.of("saree")}
    assert {product.picture for product in beside} == sarees
    assert not {product.image_id for product in beside} & {p.image_id for p in catalogue.products}


@pytest.mark.parametrize("label", ["Jeans", "mens jeans"])
def test_one_class_alone_gets_drawn_fillers_of_other_classes(tmp_path, studio, label):
    write_photos(tmp_path / label, 4)
    catalogue = folder_catalogue(tmp_path, studio=studio)

    assert catalogue.labels == (label,)
    assert set(catalogue.fillers) == {"trousers", "saree"}
    assert catalogue.fillers_beside([label])


def test_a_name_that_is_no_text_is_served(tmp_path):
    write_photos(tmp_path / "saree", 2)
    folder = write_photos(tmp_path / "jeans", 1)
    try:
        (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes(
            (folder / "secret name 0.jpg").read_bytes()
        )
    except OSError:
        pytest.skip("this file system takes no such names")
    assert len(folder_catalogue(tmp_path).of("jeans")) == 2


# ---- the real goods


def test_the_house_studio_fills_the_default_catalogue():
    catalogue = drawn_catalogue(per_class=2)

    assert catalogue.labels == ("jeans", "saree", "trousers")
    assert set(catalogue.fillers) == set(catalogue.labels)
    for label in catalogue.labels:
        for product in catalogue.of(label):
            assert found_labels([label], product.title) == (label,)
            assert product.brand
    image = Image.open(io.BytesIO(file_of(catalogue, catalogue.products[0].image_id)))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", DRAWN_SIZE)


@pytest.mark.real_data
def test_real_photos_are_all_in_the_catalogue_under_their_class():
    folder = os.environ.get("APPAREL_TEST_DATA")
    if not folder:
        pytest.skip("APPAREL_TEST_DATA is not set")
    photos = Path(folder, "photos")
    catalogue = folder_catalogue(photos, seed=7)

    assert catalogue.labels == ("jeans", "saree", "trousers")
    for label in catalogue.labels:
        unique = [product for product in catalogue.of(label) if product.plant is None]
        files = sorted(path.read_bytes() for path in (photos / label).iterdir())
        assert sorted(file_of(catalogue, product.image_id) for product in unique) == files
        planted = [product for product in catalogue.of(label) if product.plant]
        assert planted
        for product in planted:
            width, height = size_of(file_of(catalogue, product.image_id))
            full = size_of(catalogue.originals[product.picture]())
            assert (width <= full[0], height <= full[1]) == (True, True)
