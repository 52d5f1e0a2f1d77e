from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from apparel_clf.dataset import DuplicateIndex, find_duplicates
from apparel_clf.dataset.duplicates import choose_removals, connected, match
from apparel_clf.errors import DatasetNotFoundError
from apparel_clf.images import load_image, sign

MASK = (1 << 64) - 1


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


def signed(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return sign(buffer.getvalue())


def garment(colour, width=60):
    """A plain shirt on white, with a fold."""
    image = Image.new("RGB", (160, 200), "white")
    draw = ImageDraw.Draw(image)
    draw.polygon([(80 - width, 40), (80 + width, 40), (70 + width, 90), (80, 80)], fill=colour)
    draw.rectangle((80 - width // 2, 40, 80 + width // 2, 170), fill=colour)
    dark = tuple(value * 3 // 4 for value in colour)
    draw.line((70, 60, 76, 150), fill=dark, width=4)
    return image


def changed(image, change):
    width, height = image.size
    if change == "brighter":
        return ImageEnhance.Brightness(image).enhance(1.05)
    if change == "darker":
        return ImageEnhance.Brightness(image).enhance(0.95)
    if change == "cropped":
        return image.crop((3, 4, width - 3, height - 4))
    if change == "badge":
        badged = image.copy()
        badged.paste((200, 20, 20), (4, 4, 40, 22))
        return badged
    padded = Image.new("RGB", (width * 5 // 4, height), "white")
    padded.paste(image, (width // 8, 0))
    return padded


@pytest.mark.parametrize("change", ["brighter", "darker", "cropped", "badge", "padded"])
def test_a_changed_copy_is_a_near_duplicate(change):
    image = garment((60, 80, 150))
    (found,) = match([signed(image), signed(changed(image, change))])
    assert (found.kind, "of 255" in found.reason) == ("near", True)


def test_a_badge_that_changes_the_mean_colour_is_no_hindrance():
    """Small content on white: the badge is half of what there is to see."""
    image = Image.new("RGB", (200, 200), "white")
    image.paste(garment((60, 80, 150)).resize((60, 70)), (80, 60))
    badged = image.copy()
    badged.paste((200, 20, 20), (6, 6, 50, 26))
    assert [m.kind for m in match([signed(image), signed(badged)])] == ["near"]


def test_another_colour_is_kept_and_told():
    found = find_duplicates([signed(garment((60, 80, 150))), signed(garment((170, 60, 70)))])
    assert found.removals() == ()
    (group,) = found.groups
    assert [link.kind for link in group.links] == ["recolour"]
    assert "1 pairs in other colours" in str(found)


def test_a_pale_other_colour_is_kept():
    found = find_duplicates([signed(garment((236, 236, 240))), signed(garment((240, 228, 230)))])
    assert found.removals() == ()


def test_another_cut_is_another_garment():
    assert list(match([signed(garment((60, 80, 150))), signed(garment((60, 80, 150), 40))])) == []


def test_a_mirrored_picture_is_kept_and_told(picture):
    image = picture(1, (240, 320))
    turned = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    (found,) = match([signed(image), signed(turned)])
    assert found.kind == "mirror"
    assert choose_removals([signed(image), signed(turned)], [found]) == {}


def test_blank_pictures_are_no_duplicates_of_each_other():
    white, grey = Image.new("RGB", (90, 90), "white"), Image.new("RGB", (80, 90), (250, 250, 250))
    assert list(match([signed(white), signed(grey)])) == []
    assert [m.kind for m in match([signed(white), signed(white)])] == ["exact"]


def test_equal_files_go_with_the_one_that_is_kept(jpeg):
    """Of a large picture and two equal small copies only the large one is kept."""
    large, small = jpeg(1, size=(240, 320)), resaved(jpeg(1, size=(240, 320)), scale=0.6)
    removed = choose_removals(
        *(lambda s: (s, list(match(s))))([sign(small), sign(small), sign(large)])
    )
    assert {index: kept for index, (kept, _) in removed.items()} == {0: 2, 1: 2}


def test_a_group_names_the_best_and_why(jpeg):
    data = jpeg(1, size=(240, 320))
    small, large = sign(resaved(data, scale=0.8)), sign(data)
    (group,) = find_duplicates([small, large]).groups
    assert (group.best, group.reason) == (large.sha256, "larger (240x320)")
    assert len(group) == 2


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
    far = dict.fromkeys(("phash_content", "phash_centre", "phash_mirrored"), base.phash ^ ~0 & MASK)
    chain = [
        replace(base, sha256=f"{i:064x}", width=100 - i, **far | {"phash": base.phash ^ bits})
        for i, bits in enumerate((0, 0xFF, 0xFFFF))  # 8 bits from one to the next, 16 end to end
    ]
    for i in range(3):
        chain[i] = replace(chain[i], phash_content=i * MASK // 3, phash_centre=i * MASK // 3)
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
    assert [group.images for group in found.groups] == [("a.jpg", "sub/b.jpg")]
    (removal,) = found.removals()
    assert {removal.image, removal.kept} == {"a.jpg", "sub/b.jpg"}
    assert [error.code for error in found.unreadable] == ["not_an_image"]
    assert sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*")) == before


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="nowhere"):
        find_duplicates(tmp_path / "nowhere")


@pytest.mark.real_data
def test_real_photos_that_would_be_removed(test_data):
    """All three were looked at: each is one photo under two numbers, one moved by half a pixel."""
    removed = find_duplicates(test_data / "photos").removals()
    pairs = {frozenset((r.image, r.kept)) for r in removed}
    assert pairs == {
        frozenset(("jeans/4977.jpg", "jeans/4978.jpg")),
        frozenset(("jeans/46892.jpg", "jeans/46894.jpg")),
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
