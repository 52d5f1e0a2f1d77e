"""Suspicion without a network: images whose look-alikes are of another class.

Only what the manifest holds is used, the small copy of each picture and its content box, so ten
thousand images take seconds and no image file is opened. Whether an image's nearest neighbours
share its label is the oldest way to find wrong ones (D. Wilson, 1972, "Asymptotic properties of
nearest neighbor rules using edited data").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apparel_clf.dataset import ManifestRow
from apparel_clf.images import Signature
from apparel_clf.images.signature import BOX_PARTS, LUMA_SIDE
from apparel_clf.review.order import Order, Suspicion

#: Neighbours that are asked, fewer where a class has few images.
NEIGHBOURS = 15
#: So many directions of the features tell pictures apart; the rest is detail.
DIRECTIONS = 64
# The directions are found on as many images as this, evenly spread.
_FITTED = 2000
_CHUNK = 512
_ANGLES, _CELL = 8, 4
_EDGE_FLOOR = 0.1
# What is told of the whole picture weighs half of what its pixels do.
_WEIGHTS = {"brightness": 1.0, "colour": 1.0, "edges": 1.0, "shape": 0.5}


@dataclass(frozen=True)
class Looks:
    """Judges by the nearest look-alikes. See `order_by_looks`."""

    name: str = "looks"
    what: str = "images whose nearest look-alikes are of another class (small copies, no model)"

    def __call__(self, rows: Sequence[ManifestRow]) -> Mapping[str, Suspicion]:
        """Return every image's suspicion, by sha256."""
        labels = sorted({row.record.label for row in rows})
        if len(rows) < 2:
            return {row.record.sha256: Suspicion(0.0) for row in rows}
        places = {label: place for place, label in enumerate(labels)}
        mine = np.array([places[row.record.label] for row in rows])
        votes, distances = _neighbours(rows, mine, len(labels))
        votes /= votes.sum(1, keepdims=True)
        own = np.take_along_axis(votes, mine[:, None], 1)[:, 0]
        # Of equal votes the stranger picture comes first.
        scores = 1 - own + _ranks(distances) / (10 * NEIGHBOURS)
        scores = scores / (1 + 1 / (10 * NEIGHBOURS))
        likeliest = votes.argmax(1)
        return {
            row.record.sha256: _suspicion(labels, votes[i], int(mine[i]), int(likeliest[i]), score)
            for i, (row, score) in enumerate(zip(rows, scores.tolist(), strict=True))
        }


def order_by_looks(rows: Sequence[ManifestRow]) -> Order:
    """Order images by how few of their nearest look-alikes have their label.

    The neighbours of an image are the nearest others by brightness, colour, edges and shape of the
    small copies, those of its own group left out: a double with the same wrong label says nothing.

    Args:
        rows: images of a version.

    Returns:
        The order. An image is flagged where another class has most of the votes.

    Example:
        >>> order_by_looks(open_version("datasets/demo/latest").rows).ranked()[0][:8]
        '0a1b2c3d'
    """
    return Order.by(Looks(), rows)


def _suspicion(
    labels: Sequence[str], votes: NDArray[np.float64], mine: int, likeliest: int, score: float
) -> Suspicion:
    if votes[likeliest] <= votes[mine]:
        return Suspicion(score)
    why = (
        f"looks like {labels[likeliest]}: so are {votes[likeliest]:.0%} of its nearest "
        f"look-alikes, {votes[mine]:.0%} are {labels[mine]}"
    )
    return Suspicion(score, labels[likeliest], why, flagged=True)


def features(signatures: Sequence[Signature]) -> NDArray[np.float32]:
    """Describe pictures by numbers whose distances are those of their looks.

    Args:
        signatures: of the pictures.

    Returns:
        ``float32`` of shape ``(n, d)``, at most 64 columns, the most telling ones first.
    """
    brightness = np.stack([s.luma() for s in signatures]).astype(np.float32) / np.float32(255)
    count = len(signatures)
    parts = {
        "brightness": brightness.reshape(count, 16, 2, 16, 2).mean((2, 4)).reshape(count, -1),
        "colour": np.stack([s.chroma().ravel() for s in signatures]).astype(np.float32)
        / np.float32(255),
        "edges": _edges(brightness),
        "shape": np.array([_shape(s) for s in signatures], np.float32),
    }
    return _reduced(
        np.concatenate([_balanced(parts[name], weight) for name, weight in _WEIGHTS.items()], 1)
    )


def _shape(signature: Signature) -> list[float]:
    box = [side / BOX_PARTS for side in signature.content_box]
    ratio = float(np.log(signature.width / signature.height))
    return [*box, ratio, float(np.log1p(signature.sharpness))]


def _edges(brightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Strength of edges by direction in each cell (Dalal and Triggs, 2005), on small copies."""
    across, down = np.zeros_like(brightness), np.zeros_like(brightness)
    across[:, :, 1:-1] = brightness[:, :, 2:] - brightness[:, :, :-2]
    down[:, 1:-1] = brightness[:, 2:] - brightness[:, :-2]
    strength = np.hypot(across, down)
    angle = (np.arctan2(down, across) % np.pi / np.pi * _ANGLES).astype(np.int8) % _ANGLES
    cells = LUMA_SIDE // _CELL
    shape = (len(brightness), cells, _CELL, cells, _CELL)
    by_angle = [
        np.where(angle == number, strength, 0).reshape(shape).sum((2, 4))
        for number in range(_ANGLES)
    ]
    found = np.stack(by_angle, axis=3)
    found /= np.sqrt(np.square(found).sum(3, keepdims=True)) + _EDGE_FLOOR
    edges: NDArray[np.float32] = found.reshape(len(brightness), -1).astype(np.float32)
    return edges


def _balanced(values: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Centre a part and scale it, so that every part says as much as its weight."""
    centred: NDArray[np.float32] = values - values.mean(0)
    scale = float(np.sqrt(np.square(centred).sum(1).mean()))
    if scale:
        centred *= np.float32(weight / scale)
    return centred


def _reduced(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn to the directions in which pictures differ most (principal components)."""
    step = -(-len(values) // _FITTED)
    _, _, directions = np.linalg.svd(values[::step], full_matrices=False)
    reduced: NDArray[np.float32] = values @ directions[:DIRECTIONS].T
    return reduced


def _neighbours(
    rows: Sequence[ManifestRow], labels: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The votes of each image's neighbours by class, and their mean distance."""
    places = features([row.record.signature for row in rows])
    names = {row.group: number for number, row in enumerate(rows)}
    groups = np.array([names[row.group] for row in rows])
    least = int(np.bincount(labels)[np.unique(labels)].min())
    wanted = min(max(3, min(NEIGHBOURS, least // 2)), len(rows) - 1)
    squares = np.square(places).sum(1)
    votes = np.zeros((len(rows), classes))
    distances = np.zeros(len(rows))
    for start in range(0, len(rows), _CHUNK):
        some = slice(start, start + _CHUNK)
        apart = squares[some, None] + squares - 2 * (places[some] @ places.T)
        apart[groups[some, None] == groups] = np.inf
        nearest = np.argpartition(apart, wanted - 1, axis=1)[:, :wanted]
        found = np.take_along_axis(apart, nearest, 1)
        there = np.isfinite(found)
        near = np.sqrt(np.maximum(np.where(there, found, 0), 0))
        distances[some] = near.sum(1) / np.maximum(there.sum(1), 1)
        np.add.at(
            votes[some], (np.arange(len(nearest))[:, None], labels[nearest]), there.astype(float)
        )
    # With nobody to ask, as in a version of one group, an image speaks for itself.
    alone = votes.sum(1) == 0
    votes[alone, labels[alone]] = 1
    return votes, distances


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of values that are smaller than each."""
    ranks: NDArray[np.float64] = np.searchsorted(np.sort(values), values) / len(values)
    return ranks
