import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import h5py
import numpy as np
import pytest

from apparel_clf import build_model
from apparel_clf.errors import SettingsError, WeightsError
from apparel_clf.model import weights as module
from apparel_clf.model.weights import (
    check_weights,
    convolutions,
    describe_weights,
    he_normal,
    read_weights,
)


def write_published(path, *, top=False, change=None):
    """Write weights in the layout in which Keras publishes VGG16; `change` may spoil them."""
    rng = np.random.default_rng(11)
    layers = [(layer.name, layer.kernel.shape) for layer in convolutions(backbone())]
    with h5py.File(path, "w") as file:
        names = [name for name, _ in layers]
        after = ["fc1", "fc2", "predictions"] if top else []
        file.attrs["layer_names"] = [n.encode() for n in ["input_1", *names, "block1_pool", *after]]
        for name, shape in layers:
            values = {"W": rng.standard_normal(shape, np.float32), "b": rng.random(shape[-1])}
            write_layer(file, name, change(name, values) if change else values)
        for name in after:
            write_layer(file, name, {"W": np.ones((4, 4)), "b": np.ones(4)})
        for name in ("input_1", "block1_pool"):
            write_layer(file, name, {})
    return path


def write_layer(file, name, values):
    group = file.create_group(name)
    group.attrs["weight_names"] = [f"{name}_{key}_1:0".encode() for key in values]
    for key, value in values.items():
        group[f"{name}_{key}_1:0"] = np.asarray(value, np.float32)


@functools.cache
def backbone():
    return build_model(image_size=32, weights=None)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return write_published(tmp_path_factory.mktemp("weights") / "notop.h5")


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server of a folder, in the place of the one that publishes the weights."""
    folder = tmp_path / "www"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{running.server_address[1]}/{module.IMAGENET_FILE}"
        monkeypatch.setattr(module, "IMAGENET_URL", url)
        yield folder / module.IMAGENET_FILE
        running.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def kernels(model):
    return [layer.get_weights() for layer in convolutions(model)]


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_published_file_gives_what_keras_reads_from_it(published):
    import keras

    theirs = keras.applications.VGG16(weights=str(published), include_top=False)
    assert_same(kernels(build_model(image_size=32, weights=published)), kernels(theirs))


def test_published_file_with_top_gives_the_same(published, tmp_path):
    full = write_published(tmp_path / "full.h5", top=True)
    found = read_weights(full)
    assert_same(found.values(), read_weights(published).values())
    assert next(iter(found)) == "block1_conv1"
    assert len(found) == 13


def test_weights_inside_a_whole_model_file_are_found(published, tmp_path):
    whole = tmp_path / "whole.h5"
    with h5py.File(whole, "w") as file, h5py.File(published) as source:
        source.copy(source, file, "model_weights")
    assert_same(read_weights(whole).values(), read_weights(published).values())


def test_saved_weights_of_keras_vgg16_are_read(tmp_path):
    import keras

    theirs = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    theirs.save_weights(tmp_path / "x.weights.h5")
    ours = build_model(image_size=32, weights=tmp_path / "x.weights.h5")
    assert_same(kernels(ours), kernels(theirs))


def test_saved_weights_of_our_own_network_are_read(tmp_path):
    first = build_model(image_size=32, weights=None, random_state=9)
    first.save_weights(tmp_path / "ours.weights.h5")
    second = build_model(image_size=32, weights=str(tmp_path / "ours.weights.h5"))
    assert_same(kernels(second), kernels(first))


def without(name, values):
    return {} if name == "block3_conv2" else values


def narrower(name, values):
    return {**values, "W": values["W"][..., :-1]} if name == "block2_conv1" else values


def not_a_number(name, values):
    return {**values, "b": values["b"] * np.nan} if name == "block5_conv3" else values


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without, "layer block3_conv2 is missing from the file"),
        (narrower, r"block2_conv1 does not fit. .*\(3, 3, 64, 128\).* Received: \(3, 3, 64, 127\)"),
        (not_a_number, "layer block5_conv3 holds values that are not finite numbers"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_name(tmp_path, change, expected):
    path = write_published(tmp_path / "wrong.h5", change=change)
    with pytest.raises(WeightsError, match=expected) as raised:
        build_model(image_size=32, weights=path)
    assert str(path) in str(raised.value)


def test_another_networks_weights_are_refused(tmp_path):
    import keras

    other = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3)])
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(WeightsError, match="holds 1 convolutions where VGG16 has 13"):
        build_model(image_size=32, weights=tmp_path / "other.weights.h5")


def test_what_is_no_weights_file_is_refused(tmp_path):
    text, empty = tmp_path / "text.h5", tmp_path / "empty.h5"
    text.write_text("no weights here")
    h5py.File(empty, "w").close()
    with pytest.raises(WeightsError, match="cannot be read as an HDF5 weights file"):
        read_weights(text)
    with pytest.raises(WeightsError, match="no convolution weights in a layout that is known"):
        read_weights(empty)
    with pytest.raises(WeightsError, match=r"absent.h5: no such weights file"):
        build_model(image_size=32, weights=tmp_path / "absent.h5")
    with pytest.raises(SettingsError, match="Received: 7"):
        check_weights(7)


def test_imagenet_is_downloaded_once_and_cached(server, keras_home, published, monkeypatch, capsys):
    server.write_bytes(published.read_bytes())
    md5 = hashlib.md5(published.read_bytes()).hexdigest()
    monkeypatch.setattr(module, "IMAGENET_MD5", md5)
    first = build_model(image_size=32)
    server.unlink()
    second = build_model(image_size=32)
    assert_same(kernels(first), kernels(second))
    assert_same(kernels(first), read_weights(published).values())
    assert (keras_home / module.IMAGENET_FILE).is_file()
    assert capsys.readouterr().out == ""


def test_imagenet_that_cannot_be_had_names_file_url_and_ways_out(server, keras_home):
    with pytest.raises(WeightsError) as raised:
        build_model(image_size=32)
    message = str(raised.value)
    parts = [str(keras_home / module.IMAGENET_FILE), module.IMAGENET_URL, "404"]
    for part in [*parts, "weights=PATH", "weights=None", "--weights none"]:
        assert message.count(part) == 1
    first, *ways = message.splitlines()
    assert len(ways) == len(raised.value.ways_out) == 3
    assert first == raised.value.reason


def test_a_damaged_cache_is_fetched_anew_and_never_deleted(
    server, keras_home, published, monkeypatch
):
    keras_home.mkdir(parents=True)
    cached = keras_home / module.IMAGENET_FILE
    cached.write_bytes(b"half a download")
    with pytest.raises(WeightsError):
        build_model(image_size=32)
    aside = cached.with_name(f"{cached.name}.damaged")
    assert aside.read_bytes() == b"half a download"
    server.write_bytes(published.read_bytes())
    md5 = hashlib.md5(published.read_bytes()).hexdigest()
    monkeypatch.setattr(module, "IMAGENET_MD5", md5)
    assert_same(kernels(build_model(image_size=32)), read_weights(published).values())


def test_a_download_that_is_not_the_published_file_is_refused(server, keras_home):
    server.write_bytes(b"a proxy's login page")
    with pytest.raises(WeightsError, match=r"[Ii]ncomplete or corrupted"):
        build_model(image_size=32)


def test_he_normal_keeps_the_size_of_a_signal():
    first, second = he_normal([(3, 3, 64, 128), (3, 3, 128, 64)], 0)
    assert first.kernel.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)
    assert second.kernel.std() == pytest.approx(np.sqrt(2 / (9 * 128)), rel=0.02)
    assert not first.bias.any()
    assert first.kernel.dtype == np.float32


def test_he_normal_draws_each_layer_by_itself():
    short, long = he_normal([(3, 3, 2, 2)], 0), he_normal([(3, 3, 2, 2), (3, 3, 2, 2)], 0)
    np.testing.assert_array_equal(short[0].kernel, long[0].kernel)
    assert not np.array_equal(long[0].kernel, long[1].kernel)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [(None, "none"), ("imagenet", "imagenet"), ("/a/b/mine.h5", "mine.h5")],
)
def test_weights_are_described_in_a_word(weights, expected):
    assert describe_weights(weights) == expected
