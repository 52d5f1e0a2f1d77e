"""Who is known and who is a stranger: the trials, and the features of their pictures."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import apparel_clf as ac
from apparel_clf.dataset import Sample
from apparel_clf.model.build import build_model
from apparel_clf.training.features import FeatureExtractor, Views, compute_rows
from apparel_clf.training.fit import opened_cache

#: Pictures of each class of the catalogue that take part.
_EACH = 100
_STRANGERS = 300
_THINGS = ("belts", "casual_shoes", "handbags", "watches")
#: Classes of the catalogue that play the known ones, by the trial's name.
_KNOWN = {
    "jeans, trousers, shirts": ("jeans", "trousers", "shirts"),
    "tops, tshirts, kurtas": ("tops", "tshirts", "kurtas"),
    "watches, handbags, shoes": ("watches", "handbags", "casual_shoes"),
    "jackets, shorts, belts": ("jackets", "shorts", "belts"),
}


@dataclass(frozen=True)
class Table:
    """Pictures with their features.

    Args:
        samples: the pictures.
        features: ``(pictures, width)``: what any head sees.
        extractor: that computed them.
    """

    samples: tuple[Sample, ...]
    features: NDArray[np.float16]
    extractor: FeatureExtractor

    def of(self, classes: Sequence[str]) -> Table:
        """Return the pictures of some classes."""
        places = [place for place, s in enumerate(self.samples) if s.label in classes]
        return self.at(places)

    def at(self, places: Sequence[int]) -> Table:
        """Return the pictures at some places."""
        samples = tuple(self.samples[place] for place in places)
        return Table(samples, self.features[np.asarray(places, np.intp)], self.extractor)

    def seen_by(self, head: str) -> NDArray[np.float16]:
        """The part of the features that a head sees."""
        return self.features[:, self.extractor.columns(head)]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return tuple(sorted({sample.label for sample in self.samples}))


@dataclass(frozen=True)
class Trial:
    """Known classes, and pictures of none of them.

    Args:
        name: what it is.
        fair: whether known ones and strangers were photographed alike.
        known: pictures of the known classes.
        strangers: by what they are.
    """

    name: str
    fair: bool
    known: Table
    strangers: Mapping[str, Table]


def trials_of(photos: Path, catalogue: Path, weights: str | None) -> Iterator[Trial]:
    """Make the trials.

    Args:
        photos: class folders, the known ones.
        catalogue: class folders of another source, some of the same classes.
        weights: of the backbone; None for an untrained one.
    """
    extractor = FeatureExtractor(build_model(2, weights=weights), "float32")
    ours = _table(ac.ImageFolder(photos).samples, extractor)
    theirs = _table(_some(ac.ImageFolder(catalogue).samples), extractor)
    shared = [name for name in theirs.classes if name in ours.classes]
    others = theirs.of([name for name in theirs.classes if name not in shared])
    drawn = random.Random(0).sample(range(len(others.samples)), _STRANGERS)
    strangers = {"other classes": others.at(drawn), "the same classes": theirs.of(shared)}
    yield Trial(f"{photos.name} against {catalogue.name}", False, ours, strangers)
    for name in ours.classes:
        rest = ours.of([other for other in ours.classes if other != name])
        yield Trial(f"{photos.name} without {name}", True, rest, {name: ours.of([name])})
    for title, known in _KNOWN.items():
        yield Trial(f"{catalogue.name}: {title}", True, theirs.of(known), _unlike(theirs, known))


def _unlike(table: Table, known: Sequence[str]) -> dict[str, Table]:
    """All other classes, things and garments apart."""
    others = [name for name in table.classes if name not in known]
    things = [name for name in others if name in _THINGS]
    garments = [name for name in others if name not in _THINGS]
    return {"things": table.of(things), "garments": table.of(garments)}


def _some(samples: Sequence[Sample]) -> list[Sample]:
    """Draw some pictures of each class, always the same."""
    by_class: dict[str, list[Sample]] = {}
    for sample in samples:
        by_class.setdefault(sample.label, []).append(sample)
    return [
        sample
        for found in by_class.values()
        for sample in random.Random(0).sample(found, min(_EACH, len(found)))
    ]


def _table(samples: Sequence[Sample], extractor: FeatureExtractor) -> Table:
    classes = sorted({sample.label for sample in samples})
    with opened_cache() as cache:
        rows = compute_rows(
            samples, classes, extractor, Views(extractor.side), head=None, cache=cache
        )
    return Table(tuple(samples[place] for place in rows.places), rows.features, extractor)
