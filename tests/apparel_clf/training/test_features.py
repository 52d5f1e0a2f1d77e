import threading
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from apparel_clf.errors import TrainingError
from apparel_clf.images import load_image, to_square
from apparel_clf.model import ahead
from apparel_clf.model.build import HEADS, build_model, build_network
from apparel_clf.model.weights import fill_backbone
from apparel_clf.training import features as module
from apparel_clf.training.augment import Augmentation, view_seed
from apparel_clf.training.cache import FeatureCache
from apparel_clf.training.features import FeatureExtractor, Views, compute_rows

CLASSES = ("a", "b")
BOTH = pytest.mark.parametrize("precision", ["float32", "bfloat16"])


def network(head="flatten", blocks=((4, 1), (8, 2)), side=32):
    model = build_network(2, side, head, 0, blocks)
    fill_backbone(model, None, 0)
    return model


def squares(count, side=32):
    return list(np.random.default_rng(3).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


def seen_by_the_head(model, images):
    until = keras.Model(model.inputs[0], model.layers[-2].output)
    return until.predict_on_batch(np.stack(images))


def features_of(model, head, images, precision="float32"):
    """What the extractor gives the head of a network."""
    extract = FeatureExtractor(model, precision)
    return extract(images)[:, extract.columns(head)]


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


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(("precision", "close"), [("float32", 5e-4), ("bfloat16", 2e-2)])
def test_features_are_what_the_networks_last_layer_sees(head, precision, close):
    model, images = network(head), squares(5)
    found = features_of(model, head, images, precision)
    expected = seen_by_the_head(model, images)
    assert (found.shape, found.dtype) == (expected.shape, np.float16)
    assert relative_error(found.astype(np.float32), expected) < close


def test_wide_layers_take_the_short_way_and_agree(monkeypatch):
    model, images = network(blocks=((128, 1), (256, 2))), squares(2)
    calls = []
    assert module.winograd.available()  # asked before calls are counted: it tries one
    convolve = module.winograd.convolve
    monkeypatch.setattr(
        module.winograd, "convolve", lambda *args: calls.append(1) or convolve(*args)
    )
    found = features_of(model, "flatten", images)
    assert len(calls) == 2
    assert relative_error(found.astype(np.float32), seen_by_the_head(model, images)) < 5e-4


def test_without_a_compiler_wide_layers_are_computed_plainly(monkeypatch):
    model, images = network(blocks=((128, 1), (256, 1))), squares(2)
    short = features_of(model, "flatten", images)
    monkeypatch.setattr(module.winograd, "available", lambda: False)
    monkeypatch.setattr(module.winograd, "convolve", pytest.fail)
    plain = features_of(model, "flatten", images)
    assert relative_error(short.astype(np.float32), plain.astype(np.float32)) < 5e-4


@BOTH
def test_features_of_a_picture_do_not_depend_on_its_company(precision):
    extract, images = FeatureExtractor(network(), precision), squares(8)
    together = extract(images)
    for place in (0, 3, 7):
        np.testing.assert_array_equal(extract([images[place]])[0], together[place])


def test_features_too_large_to_keep_are_an_error():
    model = network()
    first = model.get_layer("block1_conv1")
    kernel, bias = first.get_weights()
    first.set_weights([kernel * 1e6, bias])
    with pytest.raises(TrainingError, match="Pass other weights"):
        FeatureExtractor(model, "float32")(squares(1))


@pytest.mark.train
@pytest.mark.parametrize(("precision", "close"), [("float32", 1e-3), ("bfloat16", 3e-2)])
def test_features_of_the_whole_vgg16_agree(precision, close):
    model, images = build_model(weights=None), squares(2, 256)
    found = features_of(model, "flatten", images, precision)
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
    extract = FeatureExtractor(network(), "float32")
    views = Views(32, "pad", 2, Augmentation(), 0)
    rows = compute_rows(samples, CLASSES, extract, views, head=None)
    assert rows.labels.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert len(rows) == len(rows.features) == 8
    last = list(views.of(load_image(samples[4].path)))
    np.testing.assert_array_equal(rows.features[6:], extract(last))


def test_images_that_cannot_be_read_are_named_with_the_reason(samples):
    rows = compute_rows(samples, CLASSES, FeatureExtractor(network(), "float32"), Views(32))
    [(path, reason)] = rows.skipped
    assert path == str(samples[2].path)
    assert "an HTML page" in reason


def test_more_images_than_a_batch_are_all_there(tmp_path):
    made = []
    for value in range(19):
        path = tmp_path / f"{value}.png"
        Image.new("RGB", (8, 8), (value * 10, 0, 0)).save(path)
        made.append(SimpleNamespace(path=path, label=CLASSES[value % 2]))
    extract = FeatureExtractor(network(), "float32")
    rows = compute_rows(made, CLASSES, extract, Views(32), head=None)
    alone = [extract([to_square(load_image(s.path), 32)])[0] for s in made]
    np.testing.assert_array_equal(rows.features, alone)


def test_no_images_give_no_rows():
    rows = compute_rows([], CLASSES, FeatureExtractor(network(), "float32"), Views(32))
    assert rows.features.shape == (0, 8 * 8 * 8)


# --- the cache ------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path):
    with FeatureCache(tmp_path / "cache", 10**9) as opened:
        yield opened


class Counting(FeatureExtractor):
    """An extractor that counts the pictures it computes."""

    computed = 0

    def __init__(self, *given):
        super().__init__(*given)
        self._counting = threading.Lock()

    def __call__(self, images):
        with self._counting:
            self.computed += len(images)
        return super().__call__(images)


@BOTH
def test_a_second_pass_computes_nothing_and_gives_the_same_bits(samples, cache, precision):
    extract = Counting(network(), precision)
    views = Views(32, "pad", 3, Augmentation(), 0)
    first = compute_rows(samples, CLASSES, extract, views, cache=cache)
    assert extract.computed == 4 * 3
    again = compute_rows(samples, CLASSES, extract, views, cache=cache)
    assert extract.computed == 4 * 3
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert first.skipped == again.skipped
    without = compute_rows(samples, CLASSES, extract, views)
    np.testing.assert_array_equal(first.features, without.features)


def test_only_what_is_new_is_computed(samples, cache, picture, tmp_path):
    extract = Counting(network(), "float32")
    compute_rows(samples, CLASSES, extract, Views(32), cache=cache)
    extract.computed = 0
    path = tmp_path / "new.png"
    picture(77).save(path)
    more = [*samples, SimpleNamespace(path=path, label="b")]
    compute_rows(more, CLASSES, extract, Views(32), cache=cache)
    assert extract.computed == 1
    compute_rows(more, CLASSES, extract, Views(32, "pad", 2, Augmentation()), cache=cache)
    assert extract.computed == 1 + 5


@pytest.mark.parametrize(
    "changed",
    [
        Views(32, "crop"),
        Views(32, "pad", 2, Augmentation(), 0),
        Views(32, "pad", 2, Augmentation(rotation=3), 1),
    ],
)
def test_another_way_to_make_squares_is_another_row(samples, cache, changed):
    extract = Counting(network(), "float32")
    compute_rows(samples, CLASSES, extract, Views(32), cache=cache)
    extract.computed = 0
    found = compute_rows(samples, CLASSES, extract, changed, cache=cache)
    np.testing.assert_array_equal(
        found.features, compute_rows(samples, CLASSES, extract, changed).features
    )


def test_other_weights_are_another_space(samples, cache):
    one, other = network(), network()
    fill_backbone(other, None, 1)
    first, second = Counting(one, "float32"), Counting(other, "float32")
    assert first.space != second.space
    assert first.space == Counting(network(), "float32").space
    compute_rows(samples, CLASSES, first, Views(32), cache=cache)
    compute_rows(samples, CLASSES, second, Views(32), cache=cache)
    assert second.computed == 4


@pytest.mark.parametrize("wide", [True, False])
def test_another_arithmetic_is_another_space(samples, cache, monkeypatch, wide):
    """What one has computed is not taken for what the other would have."""
    if not wide:
        monkeypatch.setattr(module.winograd, "available", lambda: False)
    found = {}
    for precision in ("float32", "bfloat16"):
        extract = Counting(network(), precision)
        rows = compute_rows(samples, CLASSES, extract, Views(32), cache=cache)
        found[precision] = (extract.space, extract.computed, rows.features)
    (one, first, plain), (other, second, coarse) = found.values()
    assert one != other
    assert first == second == 4
    assert not np.array_equal(plain, coarse)


def test_every_head_is_served_by_the_same_rows(samples, cache):
    extract = Counting(network(), "float32")
    for head in HEADS:
        found = compute_rows(samples, CLASSES, extract, Views(32), head=head, cache=cache)
        assert found.features.shape[1] == network(head).layers[-1].kernel.shape[0]
    assert extract.computed == 4


def test_equal_files_are_computed_once(samples, cache, tmp_path):
    copy = tmp_path / "copy.png"
    copy.write_bytes(samples[0].path.read_bytes())
    extract = Counting(network(), "float32")
    twice = [samples[0], SimpleNamespace(path=copy, label="b")]
    rows = compute_rows(twice, CLASSES, extract, Views(32), cache=cache)
    assert extract.computed == 1
    np.testing.assert_array_equal(rows.features[0], rows.features[1])


@pytest.fixture
def many(tmp_path, picture):
    """Pictures with copies near and far, a file that is no picture and one that is not there."""
    files = []
    for number in range(34):
        path = tmp_path / f"{number:02}.png"
        picture(number % 12 if number < 24 else number).save(path)
        files.append(path)
    (tmp_path / "04.png").write_text("<html>no picture</html>")
    (tmp_path / "17.png").unlink()
    return [SimpleNamespace(path=path, label="ab"[n % 2]) for n, path in enumerate(files)]


def check_rows(rows, samples, views):
    readable = [n for n in range(len(samples)) if n not in {4, 17}]
    assert rows.places.tolist() == readable
    assert [path for path, _ in rows.skipped] == [str(samples[n].path) for n in (4, 17)]
    assert rows.labels.tolist() == [n % 2 for n in readable for _ in range(views.count)]
    alone = FeatureExtractor(network(), "float32")
    for place, number in enumerate(readable):
        expected = compute_rows([samples[number]], CLASSES, alone, views)
        found = rows.features[place * views.count : (place + 1) * views.count]
        np.testing.assert_array_equal(found, expected.features)


@pytest.mark.parametrize("known", ["no cache", "nothing", "some", "all"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_stream_of_many_parts_gives_each_picture_its_own_rows(
    many, cache, monkeypatch, known, count
):
    monkeypatch.setattr(module, "_LOOKED_UP", 3)
    monkeypatch.setattr(module, "_PUT_AWAY", 5)
    extract, views = Counting(network(), "float32"), Views(32, "pad", count, Augmentation(), 0)
    if known in {"some", "all"}:
        before = many[5:11] if known == "some" else many
        compute_rows(before, CLASSES, extract, views, cache=cache)
    already = extract.computed
    kept = None if known == "no cache" else cache
    check_rows(compute_rows(many, CLASSES, extract, views, cache=kept), many, views)
    unique = len({s.path.read_bytes() for s in many if s.path.exists()}) - 1
    assert extract.computed == count * unique
    assert (already == extract.computed) == (known == "all")


@pytest.mark.parametrize("error", [KeyboardInterrupt, TrainingError("no number")])
def test_what_was_computed_before_an_interruption_is_kept(many, cache, monkeypatch, error):
    monkeypatch.setattr(module, "_LOOKED_UP", 3)
    monkeypatch.setattr(module, "_PUT_AWAY", 5)

    class Interrupted(Counting):
        def __call__(self, images):
            if self.computed >= 2 * self.batch:
                raise error
            return super().__call__(images)

    stopped, views = Interrupted(network(), "float32"), Views(32)
    monkeypatch.setattr(ahead, "_AT_ONCE", 1)
    with pytest.raises((KeyboardInterrupt, TrainingError)):
        compute_rows(many, CLASSES, stopped, views, cache=cache)
    extract = Counting(network(), "float32")
    check_rows(compute_rows(many, CLASSES, extract, views, cache=cache), many, views)
    unique = len({s.path.read_bytes() for s in many if s.path.exists()}) - 1
    assert stopped.computed == 2 * stopped.batch
    assert extract.computed == unique - stopped.computed
