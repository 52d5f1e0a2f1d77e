from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from apparel_clf.errors import ApparelError, ImageError
from apparel_clf.images import load_image, read_header
from apparel_clf.images.decode import load_reduced


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def test_path_bytes_pil_and_array_give_the_same_pixels(tmp_path, jpeg):
    data = jpeg()
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    expected = np.asarray(load_image(path))
    assert expected.shape == (80, 60, 3)
    for source in (str(path), data, bytearray(data), Image.open(path), expected):
        assert np.array_equal(np.asarray(load_image(source)), expected)


def test_what_is_passed_in_is_not_changed(picture):
    image = picture().convert("L")
    before = image.tobytes()
    assert load_image(image).mode == "RGB"
    assert (image.mode, image.tobytes()) == ("L", before)


def test_exif_orientation_is_applied(picture):
    image = picture(size=(60, 80))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    data = encoded(image, "PNG", exif=exif)
    upright = load_image(data)
    assert upright.size == (80, 60)
    assert np.array_equal(np.asarray(upright), np.rot90(np.asarray(image), -1))
    header = read_header(data)
    assert (header.width, header.height, header.upright, header.plain) == (80, 60, False, False)


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (4, 4), (200, 0, 0, 0))
    assert np.asarray(load_image(encoded(clear, "PNG"))).min() == 255


def test_transparent_palette_is_laid_on_white():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30] + [0] * 765)
    assert np.asarray(load_image(encoded(image, "PNG", transparency=0))).min() == 255


def test_sixteen_bit_grey_is_scaled_not_clipped():
    grey = Image.fromarray(np.full((4, 4), 32768, dtype=np.uint16))
    assert abs(int(np.asarray(load_image(encoded(grey, "PNG")))[0, 0, 0]) - 128) <= 1


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_jpeg_modes_become_rgb_and_are_not_plain(picture, mode):
    data = encoded(picture().convert(mode), "JPEG")
    assert load_image(data).mode == "RGB"
    assert not read_header(data).plain


def test_bytes_decide_the_format_not_the_name(tmp_path, picture):
    path = tmp_path / "really_webp.jpg"
    picture().save(path, "WEBP")
    assert load_image(path).mode == "RGB"
    assert read_header(path.read_bytes()).format == "WEBP"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "empty", "empty"),
        (b"<!DOCTYPE html><html>captcha</html>", "not_an_image", "HTML"),
        (b"\x00\x01\x02 nothing", "not_an_image", "not an image in a known format"),
        (b"\xff\xd8\xff", "not_an_image", "not an image in a known format"),
    ],
)
def test_what_is_no_image_is_named(data, code, words):
    with pytest.raises(ImageError, match=words) as caught:
        load_image(data)
    assert caught.value.code == code


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_image_is_refused(picture, format):
    data = encoded(picture(size=(300, 300)), format)
    with pytest.raises(ImageError):
        load_image(data[: len(data) // 2])


def test_every_cut_of_a_jpeg_gives_an_image_or_a_typed_error(jpeg):
    data = jpeg()
    outcomes = set()
    for length in range(0, len(data), 37):
        try:
            outcomes.add(load_image(data[:length]).size)
        except ImageError as error:
            outcomes.add(error.code)
    assert outcomes <= {"empty", "not_an_image", "truncated", (60, 80)}


def test_too_many_pixels_are_refused_from_the_header():
    header = encoded(Image.new("L", (9000, 9000)), "PNG")
    with pytest.raises(ImageError, match="9000x9000") as caught:
        load_image(header)
    assert caught.value.code == "too_many_pixels"


@pytest.mark.parametrize(
    "source",
    [
        np.zeros((4, 4, 3), dtype=np.float32),
        np.zeros((4, 4, 2), dtype=np.uint8),
        np.zeros((4,), dtype=np.uint8),
        "https://example.org/x.jpg",
        12,
        None,
    ],
)
def test_unsupported_input_says_what_is_expected(source):
    with pytest.raises(ImageError) as caught:
        load_image(source)
    assert caught.value.code == "unsupported_input"


def test_an_array_without_pixels_is_refused():
    with pytest.raises(ImageError, match="empty"):
        load_image(np.zeros((0, 4, 3), dtype=np.uint8))


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3), (5, 4, 4)])
def test_arrays_of_all_layouts(shape):
    assert load_image(np.full(shape, 200, dtype=np.uint8)).size == (4, 5)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        load_image(tmp_path / "none.jpg")
    with pytest.raises(ApparelError, match="folder"):
        load_image(tmp_path)


def outcome(read, data):
    """What reading gives: nothing where it succeeds, else the words and code of the error."""
    try:
        read(data)
    except ImageError as error:
        return str(error), error.code
    return None


def reduced(data):
    return load_reduced(data, "x", shorter=128)


def full(data):
    return load_image(data, name="x")


@pytest.mark.parametrize(
    ("size", "decoded", "box"),
    [
        ((255, 900), (255, 900), (255, 900)),
        ((256, 512), (128, 256), (128, 256)),
        ((1500, 1203), (375 // 2 + 1, 151), (187.5, 150.375)),
        ((5000, 300), (2500, 150), (2500, 150)),
        ((9000, 9), (9000, 9), (9000, 9)),
    ],
)
def test_a_jpeg_is_decoded_no_larger_than_needed(picture, size, decoded, box):
    read = reduced(encoded(picture(size=size), "JPEG"))
    assert (read.header.width, read.header.height) == size
    assert (read.image.mode, read.image.size, read.box) == ("RGB", decoded, (0, 0, *box))


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize(
    ("size", "times"), [((600, 400), 2), ((1500, 1203), 8), ((5000, 300), 2), ((255, 255), 1)]
)
def test_other_formats_are_decoded_in_full_and_reduced_as_a_jpeg_is(picture, format, size, times):
    data = encoded(picture(size=size), format)
    read = reduced(data)
    assert read.header == read_header(data)
    as_jpeg = reduced(encoded(picture(size=size), "JPEG"))
    assert (read.image.size, read.box) == (as_jpeg.image.size, as_jpeg.box)
    assert read.image.tobytes() == full(data).reduce(times).tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_reads_as_load_image_reads_it(picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(picture(size=(200, 150)), "JPEG", exif=exif)
    read = reduced(data)
    assert read.header == read_header(data)
    assert read.image.size == (read.header.width, read.header.height)
    assert read.image.tobytes() == full(data).tobytes()


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_jpeg_modes_are_reduced_too(picture, mode):
    data = encoded(picture(size=(512, 512)).convert(mode), "JPEG", quality=95)
    read = reduced(data)
    assert (read.image.mode, read.image.size) == ("RGB", (128, 128))
    expected = np.asarray(full(data).reduce(4), dtype=float)
    assert np.abs(np.asarray(read.image, dtype=float) - expected).mean() < 3


def test_a_picture_of_several_jpegs_is_read_by_its_first(picture):
    first, second = picture(1, (512, 512)), picture(2, (512, 512))
    read = reduced(encoded(first, "MPO", save_all=True, append_images=[second]))
    expected = np.asarray(first.reduce(4), dtype=float)
    assert np.abs(np.asarray(read.image, dtype=float) - expected).mean() < 10


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}, {"quality": 30}],
)
@pytest.mark.parametrize("side", [300, 600, 1100])
def test_every_cut_of_a_reduced_jpeg_is_judged_as_in_full(picture, options, side):
    data = encoded(picture(size=(side, side)), "JPEG", **options)
    cuts = {*range(0, len(data), max(1, len(data) // 60)), *range(len(data) - 6, len(data) + 1)}
    assert {n for n in cuts if outcome(reduced, data[:n]) != outcome(full, data[:n])} == set()


def test_damaged_jpegs_are_judged_as_in_full(picture):
    data = encoded(picture(size=(600, 600)), "JPEG")
    rng = np.random.default_rng(0)
    for _ in range(100):
        damaged = np.frombuffer(data, dtype=np.uint8).copy()
        damaged[rng.integers(2, len(data), 5)] = rng.integers(0, 256, 5)
        assert outcome(reduced, damaged.tobytes()) == outcome(full, damaged.tobytes())


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_reduced_decode_checks_the_stored_size(format):
    data = encoded(Image.new("L", (9000, 9000)), format)
    with pytest.raises(ImageError, match="9000x9000") as caught:
        reduced(data)
    assert caught.value.code == "too_many_pixels"
