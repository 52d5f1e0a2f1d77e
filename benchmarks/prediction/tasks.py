"""One measurement in a process of its own: ``python -m benchmarks.prediction.tasks NAME …``."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A pass over VGG16 without its top at 256x256 pixels, in billions of multiplications and additions.
GMAC = 20.04
_REPEATS = 15
_MATRIX = 2048


def cold_script(options: argparse.Namespace) -> dict[str, Any]:
    """Label one picture with Keras' own tools, as its guides do."""
    import keras
    import numpy as np

    model = keras.models.load_model(options.model)
    image = keras.utils.load_img(options.images[0], target_size=model.input_shape[1:3])
    array = keras.utils.img_to_array(image)[np.newaxis]
    return {"label": int(model.predict(array, verbose=0)[0].argmax())}


def cold_ours(options: argparse.Namespace) -> dict[str, Any]:
    """Label one picture with the library."""
    import apparel_clf as ac

    return {"label": ac.load(options.model).predict(options.images[0]).label}


def warm_script(options: argparse.Namespace) -> dict[str, Any]:
    """Time Keras' `predict` on one picture, and over many with Keras' own loader."""
    import keras
    import numpy as np

    model = keras.models.load_model(options.model)

    def read(path: Path) -> Any:
        image = keras.utils.load_img(path, target_size=model.input_shape[1:3])
        return keras.utils.img_to_array(image)

    def folder() -> None:
        model.predict(np.stack([read(path) for path in options.images]), batch_size=32, verbose=0)

    one = read(options.images[0])[np.newaxis]
    return _timed(lambda: model.predict(one, verbose=0), folder, len(options.images))


def warm_ours(options: argparse.Namespace) -> dict[str, Any]:
    """Time the library on one picture that is in memory, and over many files."""
    import apparel_clf as ac

    classifier = ac.load(options.model)
    classifier.verbose = False
    data = options.images[0].read_bytes()
    paths = list(options.images)
    return _timed(
        lambda: classifier.predict(data), lambda: classifier.predict(paths), len(options.images)
    )


def limit(options: argparse.Namespace) -> dict[str, Any]:  # noqa: ARG001 - the same for every task
    """Measure the machine's own rates of products of matrices, in float32 and in int8."""
    import numpy as np

    square = np.random.default_rng(0).random((_MATRIX, _MATRIX), np.float32)
    multiply = _int8_product()
    return {
        "gmac_s": _MATRIX**3 / 1e9 / _median(lambda: square @ square),
        "int8_gmac_s": _MATRIX**3 / 1e9 / _median(multiply),
    }


def _int8_product() -> Callable[[], Any]:
    """Multiply bytes by signed bytes that are known beforehand, as weights are."""
    import numpy as np
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    values = rng.integers(0, 255, (_MATRIX, _MATRIX), np.uint8)
    weights = numpy_helper.from_array(rng.integers(-127, 127, values.shape, np.int8), "weights")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["values", "weights"], ["product"])],
        "product",
        [helper.make_tensor_value_info("values", TensorProto.UINT8, values.shape)],
        [helper.make_tensor_value_info("product", TensorProto.INT32, values.shape)],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return lambda: session.run(None, {"values": values})


def calls(options: argparse.Namespace) -> dict[str, Any]:
    """See whether memory grows over many calls, with a network that is quick."""
    import psutil

    import apparel_clf as ac

    classifier = ac.load(options.model)
    classifier.verbose = False
    data = options.images[0].read_bytes()
    resident = []
    for count in range(options.calls):
        classifier.predict(data)
        if count in (options.calls // 10, options.calls - 1):
            resident.append(psutil.Process().memory_info().rss / 1e6)
    return {"calls": options.calls, "rss_mb": resident}


def _peak_mb() -> float:
    """Largest resident memory of this program; not of what started it, as getrusage has it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))


def _timed(one: Callable[[], Any], folder: Callable[[], Any], count: int) -> dict[str, Any]:
    one()
    folder()
    return {"one_s": _median(one), "folder_s": _median(folder, 3) / count}


def _median(run: Callable[[], Any], repeats: int = _REPEATS) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[repeats // 2]


#: Measurements by name.
TASKS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "cold_script": cold_script,
    "cold_ours": cold_ours,
    "warm_script": warm_script,
    "warm_ours": warm_ours,
    "limit": limit,
    "calls": calls,
}


def main() -> None:
    """Run one task; prints its figures as JSON in the last line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("--model", type=Path)
    parser.add_argument("--images", type=Path, nargs="*", default=[])
    parser.add_argument("--calls", type=int, default=10_000)
    options = parser.parse_args()
    told = TASKS[options.task](options)
    print(json.dumps(told | {"peak_mb": _peak_mb()}))


if __name__ == "__main__":
    main()
