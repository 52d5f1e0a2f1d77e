from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from apparel_clf.errors import TrainingError
from apparel_clf.images import load_image, to_square
from apparel_clf.model.build import build_model, build_network
from apparel_clf.model.weights import fill_backbone
from apparel_clf.training import features as module
from apparel_clf.training.augment import Augmentation, view_seed
from apparel_clf.training.features import FeatureExtractor, Views, compute_rows

CLASSES = ("a", "b")


def network(head="flatten", blocks=((4, 1), (8, 2)), side=32):
    model = build_network(2, side, head, 0, blocks)
    fill_backbone(model, None, 0)
    return model


def squares(count, side=32):
    return list(np.random.default_rng(3).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


def seen_by_the_head(model, images):
    until = keras.Model(model.inputs[0], model.layers[-2].output)
    return until.predict_on_batch(np.stack(images))


def relative_error(found, expected):
    return np.abs(found - expected).mean() / np.abs(expected).mean()


@pytest.fixture
def samples(tmp_path, picture):
    """Five pictures, the third of them no picture at all."""
    made = []
    for seed, label in enumerate("abxab"):
        path = tmp_path / f"{seed}.png"
        if label == "x":
            path.write_text("<html>not found</html>")
        else:
            picture(seed).save(path)
        made.append(SimpleNamespace(path=path, label=label.replace("x", "a")))
    return made


@pytest.mark.parametrize("head", ["flatten", "gap"])
@pytest.mark.parametrize(("precision", "close"), [("float32", 5e-4), ("bfloat16", 2e-2)])
def test_features_are_what_the_networks_last_layer_sees(head, precision, close):
    model, images = network(head), squares(5)
    found = FeatureExtractor(model, head, precision)(images)
    expected = seen_by_the_head(model, images)
    assert (found.shape, found.dtype) == (expected.shape, np.float16)
    assert relative_error(found.astype(np.float32), expected) < close


def test_wide_layers_take_the_short_way_and_agree(monkeypatch):
    model, images = network(blocks=((128, 1), (256, 2))), squares(2)
    calls = []
    convolve = module.winograd.convolve
    monkeypatch.setattr(
        module.winograd, "convolve", lambda *args: calls.append(1) or convolve(*args)
    )
    found = FeatureExtractor(model, "flatten", "float32")(images)
    assert len(calls) == 2
    assert relative_error(found.astype(np.float32), seen_by_the_head(model, images)) < 5e-4


def test_without_a_compiler_wide_layers_are_computed_plainly(monkeypatch):
    model, images = network(blocks=((128, 1), (256, 1))), squares(2)
    short = FeatureExtractor(model, "flatten", "float32")(images)
    monkeypatch.setattr(module.winograd, "available", lambda: False)
    monkeypatch.setattr(module.winograd, "convolve", pytest.fail)
    plain = FeatureExtractor(model, "flatten", "float32")(images)
    assert relative_error(short.astype(np.float32), plain.astype(np.float32)) < 5e-4


def test_features_of_a_picture_do_not_depend_on_its_company():
    extract, images = FeatureExtractor(network(), "flatten", "float32"), squares(8)
    together = extract(images)
    for place in (0, 3, 7):
        np.testing.assert_array_equal(extract([images[place]])[0], together[place])


def test_features_too_large_to_keep_are_an_error():
    model = network()
    first = model.get_layer("block1_conv1")
    kernel, bias = first.get_weights()
    first.set_weights([kernel * 1e6, bias])
    with pytest.raises(TrainingError, match="Pass other weights"):
        FeatureExtractor(model, "flatten", "float32")(squares(1))


@pytest.mark.train
@pytest.mark.parametrize(("precision", "close"), [("float32", 1e-3), ("bfloat16", 3e-2)])
def test_features_of_the_whole_vgg16_agree(precision, close):
    model, images = build_model(weights=None), squares(2, 256)
    found = FeatureExtractor(model, "flatten", precision)(images)
    assert found.shape == (2, 32768)
    assert relative_error(found.astype(np.float32), seen_by_the_head(model, images)) < close


def test_first_view_is_plain_and_further_ones_are_augmented(picture):
    image, change = picture(1), Augmentation()
    plain, first, second = Views(48, "pad", 3, change, 5).of(image)
    np.testing.assert_array_equal(plain, to_square(image, 48))
    for number, view in ((1, first), (2, second)):
        expected = to_square(change.apply(image, view_seed(image, number, 5)), 48)
        np.testing.assert_array_equal(view, expected)


@pytest.mark.parametrize("rule", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("size", [(320, 640), (640, 320)])
def test_views_of_a_large_picture_look_like_those_of_the_whole(picture, rule, size):
    image, change = picture(1, size), Augmentation()
    _, view = Views(32, rule, 2, change, 5).of(image)
    whole = to_square(change.apply(image, view_seed(image, 1, 5)), 32, rule)
    assert np.abs(view.astype(int) - whole).mean() < 4


def test_rows_hold_every_view_of_every_readable_image_in_order(samples):
    extract = FeatureExtractor(network(), "flatten", "float32")
    views = Views(32, "pad", 2, Augmentation(), 0)
    rows = compute_rows(samples, CLASSES, extract, views)
    assert rows.labels.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert len(rows) == len(rows.features) == 8
    last = list(views.of(load_image(samples[4].path)))
    np.testing.assert_array_equal(rows.features[6:], extract(last))


def test_images_that_cannot_be_read_are_named_with_the_reason(samples):
    rows = compute_rows(
        samples, CLASSES, FeatureExtractor(network(), "flatten", "float32"), Views(32)
    )
    [(path, reason)] = rows.skipped
    assert path == str(samples[2].path)
    assert "an HTML page" in reason


def test_more_images_than_a_batch_are_all_there(tmp_path):
    made = []
    for value in range(19):
        path = tmp_path / f"{value}.png"
        Image.new("RGB", (8, 8), (value * 10, 0, 0)).save(path)
        made.append(SimpleNamespace(path=path, label=CLASSES[value % 2]))
    extract = FeatureExtractor(network("gap"), "gap", "float32")
    rows = compute_rows(made, CLASSES, extract, Views(32))
    alone = [extract([to_square(load_image(s.path), 32)])[0] for s in made]
    np.testing.assert_array_equal(rows.features, alone)


def test_no_images_give_no_rows():
    rows = compute_rows([], CLASSES, FeatureExtractor(network(), "flatten", "float32"), Views(32))
    assert rows.features.shape == (0, 8 * 8 * 8)
