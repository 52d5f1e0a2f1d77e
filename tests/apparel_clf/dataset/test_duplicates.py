from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from apparel_clf.dataset import DuplicateIndex, find_duplicates, near_pairs
from apparel_clf.dataset.duplicates import choose_removals, connected, match
from apparel_clf.errors import DatasetNotFoundError
from apparel_clf.images import load_image, sign


def brute_force(hashes, radius):
    return [
        (i, j, bin(hashes[i] ^ hashes[j]).count("1"))
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if bin(hashes[i] ^ hashes[j]).count("1") <= radius
    ]


few_bits = st.integers(0, 63).map(lambda bit: 1 << bit)
hash_values = st.one_of(st.integers(0, 2**64 - 1), few_bits, st.just(0x8000000000000000))


@given(st.lists(hash_values, max_size=40), st.integers(0, 12))
def test_near_pairs_equals_brute_force(values, radius):
    found = list(near_pairs(np.array(values, dtype=np.uint64), radius))
    assert found == brute_force(values, radius)


def test_near_pairs_across_blocks():
    hashes = np.random.default_rng(0).integers(0, 2**63, 2500, dtype=np.uint64)
    hashes[2400] = hashes[3] ^ np.uint64(1)
    assert (3, 2400, 1) in list(near_pairs(hashes, 2))


def resaved(data, scale=1.0, format="JPEG", **options):
    image = load_image(data)
    size = (round(image.width * scale), round(image.height * scale))
    buffer = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        {"quality": 60},
        {"format": "WEBP", "quality": 80},
        {"scale": 0.8, "quality": 85},
        {"scale": 2.0, "quality": 90},
        {"format": "PNG"},
    ],
)
def test_the_same_picture_saved_anew_is_a_near_duplicate(jpeg, change):
    data = jpeg(1, size=(240, 320))
    (found,) = match([sign(data), sign(resaved(data, **change))])
    assert found.kind == "near"


def test_equal_bytes_are_exact_and_different_pictures_are_none(jpeg):
    assert [m.kind for m in match([sign(jpeg(1)), sign(jpeg(1))])] == ["exact"]
    assert list(match([sign(jpeg(1)), sign(jpeg(2))])) == []


def test_another_colour_is_not_a_duplicate(picture):
    image = picture(1, (120, 160))
    recoloured = Image.merge("RGB", image.split()[::-1])
    signatures = []
    for variant in (image, recoloured):
        buffer = io.BytesIO()
        variant.save(buffer, "PNG")
        signatures.append(sign(buffer.getvalue()))
    signatures[1] = replace(signatures[1], phash=signatures[0].phash)
    assert list(match(signatures)) == []


def test_the_largest_is_kept_whatever_the_order(jpeg):
    data = jpeg(1, size=(240, 320))
    signatures = [sign(resaved(data, scale=s, quality=90)) for s in (0.8, 1.0, 0.9)]
    removed = choose_removals(signatures, match(signatures))
    assert {index: kept for index, (kept, _) in removed.items()} == {0: 1, 2: 1}


def test_the_least_compressed_is_kept_among_equal_sizes(jpeg):
    data = jpeg(1, size=(240, 320))
    signatures = [sign(resaved(data, quality=q)) for q in (50, 90, 70)]
    removed = choose_removals(signatures, match(signatures))
    assert set(removed) == {0, 2}


def test_a_chain_is_one_group_but_removal_does_not_follow_it(jpeg):
    base = sign(jpeg(1))
    chain = [
        replace(base, sha256=f"{i:064x}", phash=base.phash ^ bits, width=100 - i)
        for i, bits in enumerate((0, 0xFF, 0xFFFF))  # 8 bits from one to the next, 16 end to end
    ]
    found = find_duplicates(chain)
    assert [len(group) for group in found.groups] == [3]
    assert [removal.image for removal in found.removals()] == [chain[1].sha256]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_connected_labels_whole_components_by_their_smallest(pairs):
    labels = connected(10, pairs)
    for first, second in pairs:
        assert labels[first] == labels[second]
    assert all(labels[label] == label <= i for i, label in enumerate(labels))


def test_index_takes_in_what_is_new(jpeg):
    index = DuplicateIndex()
    kinds = [index.add(sign(jpeg(seed, quality=q))) for seed, q in ((1, 90), (1, 90), (1, 70))]
    assert kinds == [None, "exact", "near"]
    assert [index.add(sign(jpeg(seed))) for seed in range(2, 140)] == [None] * 138
    assert len(index) == 139


def test_folder_is_searched_and_not_changed(tmp_path, jpeg):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    (tmp_path / "sub" / "b.jpg").write_bytes(jpeg(1))
    (tmp_path / "c.jpg").write_bytes(jpeg(2))
    (tmp_path / "broken.jpg").write_bytes(b"<html>")
    (tmp_path / "notes.txt").write_text("no image")
    before = sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*"))
    found = find_duplicates(tmp_path)
    assert found.groups == (("a.jpg", "sub/b.jpg"),)
    (removal,) = found.removals()
    assert {removal.image, removal.kept} == {"a.jpg", "sub/b.jpg"}
    assert [error.code for error in found.unreadable] == ["not_an_image"]
    assert sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*")) == before


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="nowhere"):
        find_duplicates(tmp_path / "nowhere")


@pytest.mark.real_data
def test_real_photos_that_would_be_removed(test_data):
    """Both pairs were looked at: each is one photo under two numbers."""
    removed = find_duplicates(test_data / "photos").removals()
    pairs = {frozenset((r.image, r.kept)) for r in removed}
    assert pairs == {
        frozenset(("jeans/4977.jpg", "jeans/4978.jpg")),
        frozenset(("trousers/13228.jpg", "trousers/13229.jpg")),
    }


@pytest.mark.real_data
@pytest.mark.parametrize("scale", [0.75, 0.85, 1.0])
@pytest.mark.parametrize("quality", [60, 75, 90])
def test_real_photos_saved_anew_are_found(test_data, scale, quality):
    paths = sorted((test_data / "photos").rglob("*.jpg"))[::40]
    for path in paths:
        data = path.read_bytes()
        copy = resaved(data, scale=scale, quality=quality)
        assert [m.kind for m in match([sign(data), sign(copy)])] == ["near"], path.name
