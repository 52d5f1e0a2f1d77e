"""Hostile model files, made of honest ones: each would make a marker if its payload were run.

A maker is a function that makes one file of a `Site` and returns its path; those that take a name
or a part return a maker.
"""

from __future__ import annotations

import io
import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import joblib
import numpy as np
import onnx
from onnx import TensorProto, helper

from apparel_clf.inference.opening import read_facts
from apparel_clf.model.file import METADATA_MEMBER, add_metadata
from tests.apparel_clf.model.payloads import Touch, rewritten, touching, with_lambda

#: A model in every format, by the names that a `Site` has them under.
HONEST = ("m.keras", "m.onnx", "m.tflite", "openvino")
#: A module that lies beside hostile files and makes the marker as soon as it is imported.
MODULE = "payload_of_a_hostile_file"
WEIGHTS = "model.weights.h5"


class Site(NamedTuple):
    """Where hostile files are made: from honest ones, in a folder, with a marker beside it."""

    network: Any
    honest: Path
    folder: Path
    marker: Path

    @property
    def pickle(self) -> bytes:
        return pickle.dumps(Touch(self.marker))


def pickled(name):
    def make(site):
        path = site.folder / name
        path.write_bytes(site.pickle)
        return path

    return make


def joblib_file(site):
    path = site.folder / "m.joblib"
    joblib.dump(Touch(site.marker), path)
    return path


def torch_file(name):
    """As PyTorch lays it out: a zip that holds a pickle."""

    def make(site):
        path = site.folder / name
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", site.pickle)
            archive.writestr("archive/version", "3\n")
        return path

    return make


def numpy_file(name):
    def make(site):
        path = site.folder / name
        path.write_bytes(object_array(site.marker))
        return path

    return make


def object_array(marker):
    buffer = io.BytesIO()
    np.save(buffer, np.array([Touch(marker)], object), allow_pickle=True)
    return buffer.getvalue()


def keras_member(name):
    """A pickle in place of one of the members of our files."""

    def make(site):
        def change(member, data):
            return site.pickle if member == name else data

        return rewritten(site.honest / "m.keras", site.folder / "m.keras", change)

    return make


def keras_and(name):
    """A pickle as one more member."""

    def make(site):
        path = site.folder / "m.keras"
        shutil.copy(site.honest / "m.keras", path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, site.pickle)
        return path

    return make


def numpy_weights(site):
    """The other form in which Keras reads weights, with an object array in it."""

    def change(member, data):
        return None if member == WEIGHTS else data

    path = rewritten(site.honest / "m.keras", site.folder / "m.keras", change)
    buffer = io.BytesIO()
    np.savez(buffer, __root__=np.array([Touch(site.marker)], object))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model.weights.npz", buffer.getvalue())
    return path


def opaque_weights(site):
    """HDF5 with a pickle where the weights of a layer were."""

    def change(member, data):
        if member != WEIGHTS:
            return data
        buffer = io.BytesIO(data)
        with h5py.File(buffer, "a") as file:
            for name in arrays_of(file):
                del file[name]
                file[name] = np.void(site.pickle)
        return buffer.getvalue()

    return rewritten(site.honest / "m.keras", site.folder / "m.keras", change)


def arrays_of(file):
    """Names of all arrays in an HDF5 file, however deep."""
    names = []
    file.visit(names.append)
    return [name for name in names if isinstance(file[name], h5py.Dataset)]


def lambda_keras(name):
    """A network of ours but for a Lambda layer on top, with honest words about itself."""

    def make(site):
        model = with_lambda(site.network, site.marker)
        facts = read_facts(site.honest / "m.keras")
        path = site.folder / "lambda.keras"
        model.save(path)
        add_metadata(path, facts)
        path = path.rename(site.folder / name)
        assert not site.marker.exists()
        return path

    return make


def lambda_h5(name):
    """A Lambda layer in Keras' former format, which does not know all layers of our networks."""

    def make(site):
        import keras

        inputs = keras.Input((32, 32, 3))
        outputs = keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(inputs))
        model = with_lambda(keras.Model(inputs, outputs), site.marker)
        model.save(site.folder / "lambda.h5")
        assert not site.marker.exists()
        return (site.folder / "lambda.h5").rename(site.folder / name)

    return make


def activation(part):
    """A graph whose last layer gets its activation from a part."""

    def make(site):
        def change(config):
            config["config"]["layers"][-1]["config"]["activation"] = part(site)

        return changed_config(site, change)

    return make


def layer(part):
    """A graph with a part as one more layer."""

    def make(site):
        return changed_config(site, lambda config: config["config"]["layers"].append(part(site)))

    return make


def compiled(part):
    """A graph that is compiled with a part as its loss."""

    def make(site):
        def change(config):
            config["compile_config"]["loss"] = part(site)

        return changed_config(site, change)

    return make


def changed_config(site, change):
    def changed(member, data):
        if member != "config.json":
            return data
        config = json.loads(data)
        change(config)
        return json.dumps(config)

    return rewritten(site.honest / "m.keras", site.folder / "m.keras", changed)


def bytecode(site):
    """A function of bytecode, as Keras itself writes it."""
    import keras

    return keras.saving.serialize_keras_object(touching(site.marker))


def evaluated(_):
    return {
        "module": "builtins",
        "class_name": "function",
        "config": "eval",
        "registered_name": "function",
    }


def command(site):
    """A call of the shell among the layers: Keras before 3.9 made it (CVE-2025-1550)."""
    return {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "function",
        "name": "system",
        "inbound_nodes": [{"args": [f"touch '{site.marker}'"], "kwargs": {}}],
    }


def foreign(name):
    """A class of a module that makes the marker as soon as it is imported."""

    def part(_):
        return {
            "module": MODULE,
            "class_name": name,
            "config": {"name": "x"},
            "registered_name": f"{MODULE}>{name}",
            "name": "x",
            "inbound_nodes": [],
        }

    return part


def onnx_with(change):
    def make(site):
        model = onnx.load(site.honest / "m.onnx")
        change(model, site)
        path = site.folder / "m.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return make


def pickle_as_weights(model, site):
    model.graph.initializer[0].raw_data = site.pickle


def pickle_beside_as_weights(model, site):
    (site.folder / "weights.bin").write_bytes(site.pickle)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")


def pickle_as_words(model, site):
    (words,) = (pair for pair in model.metadata_props if pair.key == METADATA_MEMBER)
    words.value = pickle.dumps(Touch(site.marker), 0).decode()


def python_operator(model, _):
    """What an extension of ONNX Runtime calls Python with."""
    node = helper.make_node(
        "PyOp", ["image"], ["y"], domain="ai.onnx.contrib", module=MODULE, compute="run"
    )
    model.graph.node.append(node)


def litert_of(graph_of, words_of):
    """A ``.tflite`` file of a graph and, in the archive at its end, of words about it."""

    def make(site):
        path = site.folder / "m.tflite"
        path.write_bytes(graph_of(site))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(METADATA_MEMBER, words_of(site))
        return path

    return make


def honest_graph(site):
    with zipfile.ZipFile(site.honest / "m.tflite") as archive:
        start = min(info.header_offset for info in archive.infolist())
    return (site.honest / "m.tflite").read_bytes()[:start]


def honest_words(site):
    with zipfile.ZipFile(site.honest / "m.tflite") as archive:
        return archive.read(METADATA_MEMBER)


def writing_module(site):
    """A graph that writes the marker with an operator of TensorFlow's own."""
    import tensorflow as tf

    def run(image):
        with tf.control_dependencies([tf.io.write_file(str(site.marker), "ran")]):
            return {"probabilities": tf.nn.softmax(tf.cast(image[:, 0, 0], tf.float32))}

    module = tf.Module()
    shape = tf.TensorSpec((1, 32, 32, 3), tf.uint8, name="image")
    module.run = tf.function(run, input_signature=[shape], autograph=False)
    return module


def writing_graph(site):
    import tensorflow as tf

    module = writing_module(site)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.run.get_concrete_function()], module
    )
    kinds = tf.lite.OpsSet
    converter.target_spec.supported_ops = [kinds.TFLITE_BUILTINS, kinds.SELECT_TF_OPS]
    return converter.convert()


def openvino_with(name):
    """An OpenVINO folder with a pickle in place of one of its files."""

    def make(site):
        path = site.folder / "openvino"
        shutil.copytree(site.honest / "openvino", path)
        assert (path / name).exists()
        (path / name).write_bytes(site.pickle)
        return path

    return make


NAMES = (
    "m.pkl", "m.pickle", "m.joblib", "m.pt", "m.pth", "m.h5", "m.hdf5", "m.npy", "m.bin", "m",
    "m.keras", "m.onnx", "m.tflite", "model.xml",
)  # fmt: skip
HOSTILE = {
    **{f"pickle named {name}": pickled(name) for name in NAMES},
    "joblib's own": joblib_file,
    **{f"PyTorch's named {name}": torch_file(name) for name in ("m.pt", "m.pth", *HONEST[:3])},
    **{f"object array named {name}": numpy_file(name) for name in ("m.npy", *HONEST[:3])},
    **{
        f"pickle as {name}": keras_member(name)
        for name in (WEIGHTS, "config.json", METADATA_MEMBER)
    },
    **{
        f"pickle added as {name}": keras_and(name)
        for name in ("data.pkl", "assets/data.pkl", "model.weights.npz", f"{MODULE}.py")
    },
    "object array as weights": numpy_weights,
    "pickle within weights": opaque_weights,
    **{f"Lambda named {name}": lambda_keras(name) for name in (*HONEST[:3], "m.h5")},
    **{f"former Lambda named {name}": lambda_h5(name) for name in ("m.h5", *HONEST[:3])},
    **{
        f"{place.__name__} {name}": place(part)
        for place in (activation, layer, compiled)
        for name, part in {
            "bytecode": bytecode,
            "eval": evaluated,
            "command": command,
            "foreign": foreign("Touch"),
            "foreign Dense": foreign("Dense"),
        }.items()
    },
    "ONNX pickle as weights": onnx_with(pickle_as_weights),
    "ONNX pickle beside": onnx_with(pickle_beside_as_weights),
    "ONNX pickle as words": onnx_with(pickle_as_words),
    "ONNX Python operator": onnx_with(python_operator),
    "LiteRT pickle as graph": litert_of(lambda site: site.pickle, honest_words),
    "LiteRT pickle as words": litert_of(honest_graph, lambda site: site.pickle),
    "LiteRT writing graph": litert_of(writing_graph, honest_words),
    **{
        f"OpenVINO pickle as {name}": openvino_with(name)
        for name in ("model.xml", "model.bin", METADATA_MEMBER)
    },
}
