"""What a model file's network must be, told from its description before Keras is imported.

A description from elsewhere could ask for other layers, sizes or steps than ours, and Keras makes
the weights of a graph before it reads any. So only what tells one network of ours from another is
taken from it; the network is then built anew, and the description must say the same, setting for
setting.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from apparel_clf.model.backend import keras_module
from apparel_clf.model.build import HEADS, VGG16_BLOCKS, build_network, taps_of
from apparel_clf.model.checks import LARGEST, check_number

if TYPE_CHECKING:
    import keras

#: The largest square that a network may take, in pixels a side.
MAX_SIDE = 4096
_LEAST_SIDE = 32
# No block of ours has more filters or convolutions than VGG16's.
_MOST_BLOCKS = len(VGG16_BLOCKS)
_MOST_FILTERS, _MOST_CONVOLUTIONS = map(max, zip(*VGG16_BLOCKS, strict=True))
# What Keras calls by its own choice: the second of a process gets a number.
_COUNTED = re.compile(r"(flip|adam)(_\d+)?")
# Where Keras keeps a class: it may move from one release to the next.
_WHERE = {"module", "registered_name"}
_ABSENT = (None, False)


class Plan(NamedTuple):
    """All that tells one network of ours from another.

    Args:
        classes: how many it tells apart.
        side: of the square that it takes, in pixels.
        head: one of `HEADS`.
        blocks: filters and number of convolutions of each block.
        seed: of the head's first weights, which are replaced.
        learning_rate: of the optimizer that it was compiled with.
        weight_decay: of that optimizer.
    """

    classes: int
    side: int
    head: str
    blocks: tuple[tuple[int, int], ...]
    seed: int
    learning_rate: float
    weight_decay: float | None

    def kernels(self) -> list[tuple[int, ...]]:
        """Return the shape of each kernel, in the order of the network; a bias goes with each."""
        shapes: list[tuple[int, ...]] = []
        channels = 3
        for filters, count in self.blocks:
            for _ in range(count):
                shapes.append((3, 3, channels, filters))
                channels = filters
        return [*shapes, (self._features(), self.classes)]

    def _features(self) -> int:
        last = len(self.blocks)
        places = {"mean": 1, "all": (self.side >> last) ** 2}
        taps = taps_of(self.head, last)
        return sum(places[tap[:-1]] * self.blocks[int(tap[-1]) - 1][0] for tap in taps)

    def parameters(self) -> int:
        """Return how many numbers the network's weights are."""
        return sum(math.prod(shape) + shape[-1] for shape in self.kernels())

    def build(self) -> keras.Model:
        """Build and compile the network, without its weights."""
        model = build_network(self.classes, self.side, self.head, self.seed, self.blocks)
        model.optimizer.build(model.trainable_variables)
        model.optimizer.learning_rate = self.learning_rate
        model.optimizer.weight_decay = self.weight_decay
        return model


def plan_of(config: Any, metadata: Mapping[str, Any]) -> Plan:
    """Tell which network a file's description asks for, if it is one of ours.

    Args:
        config: Keras' description of the graph.
        metadata: what the file says of itself.

    Raises:
        ValueError: it is none of ours.
        KeyError: something is missing.
        TypeError: something is of another kind.
    """
    layers = config["config"]["layers"]
    kinds = {layer["class_name"] for layer in layers}
    dense = next(layer["config"] for layer in layers if layer["class_name"] == "Dense")
    optimizer = config["compile_config"]["optimizer"]["config"]
    names = metadata["class_names"]
    return Plan(
        classes=_whole(len(names) if isinstance(names, list) else 0, 1, LARGEST),
        side=_whole(metadata["image_size"], _LEAST_SIDE, MAX_SIDE),
        head=_head(metadata.get("head"), kinds),
        blocks=_blocks(layers),
        seed=_whole(dense["kernel_initializer"]["config"]["seed"], 0, LARGEST),
        learning_rate=_rate(optimizer["learning_rate"]),
        weight_decay=_rate(optimizer["weight_decay"] or 0.0) or None,
    )


def difference(config: Any, model: keras.Model) -> str | None:
    """Find the first place where a description is not that of a network.

    Args:
        config: Keras' description, from a file.
        model: what was built in its place.

    Returns:
        The place, for example ``"config/layers/3/config/strides/0"``; None where they agree but
        for names that Keras chooses, and for settings that one release of Keras has and another
        leaves out.
    """
    own = json.loads(json.dumps(keras_module().saving.serialize_keras_object(model)))
    return next(_differing(config, own, ()), None)


def _differing(found: Any, own: Any, place: tuple[str, ...]) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(own, dict):
        for key in sorted((own.keys() | found.keys()) - _WHERE):
            yield from _differing(found.get(key), own.get(key), (*place, key))
    elif isinstance(found, list) and isinstance(own, list) and len(found) == len(own):
        for number, pair in enumerate(zip(found, own, strict=True)):
            yield from _differing(*pair, (*place, str(number)))
    elif not _alike(found, own):
        yield "/".join(place)


def _alike(found: Any, own: Any) -> bool:
    if any(found is value for value in _ABSENT):
        return any(own is value for value in _ABSENT)
    if isinstance(found, str) and isinstance(own, str):
        names = _COUNTED.fullmatch(found), _COUNTED.fullmatch(own)
        return found == own or (all(names) and names[0][1] == names[1][1])  # type: ignore[index]
    return type(found) is type(own) and bool(found == own)


def _blocks(layers: Sequence[Any]) -> tuple[tuple[int, int], ...]:
    """Filters and number of convolutions of each block, each of which ends in a pooling."""
    blocks: list[tuple[int, int]] = []
    filters: list[int] = []
    for layer in layers:
        if layer["class_name"] == "Conv2D":
            filters.append(_whole(layer["config"]["filters"], 1, _MOST_FILTERS))
        elif layer["class_name"] == "MaxPooling2D":
            blocks.append((filters[-1], _whole(len(filters), 1, _MOST_CONVOLUTIONS)))
            filters = []
    _whole(len(blocks), 1, _MOST_BLOCKS)
    return tuple(blocks)


def _head(told: Any, kinds: set[str]) -> str:
    """The head that the file names, else the one that has such layers."""
    several, whole = "Concatenate" in kinds, "Flatten" in kinds
    means = "pooled" if several else "gap"
    head = told or ("pooled+flatten" if several and whole else "flatten" if whole else means)
    if head not in HEADS:
        raise ValueError(f"a head {head!r}")
    return str(head)


def _whole(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{value!r} where {least} to {most} is expected")
    return value


def _rate(value: Any) -> float:
    check_number("a rate of learning", value)
    rate: float = value
    return rate
