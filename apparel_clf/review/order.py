"""In what order a person looks at images: the most suspicious first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from apparel_clf.dataset import ManifestRow


@dataclass(frozen=True, slots=True)
class Suspicion:
    """How suspicious one image is.

    Args:
        score: 0 to 1, higher is more suspicious; to compare within one order.
        suggested: the class that it looks like, where that is another than its own; else None.
        why: the reason, for a person; empty where there is none.
        flagged: whether a person should look at it in any case.
    """

    score: float
    suggested: str | None = None
    why: str = ""
    flagged: bool = False


#: What nothing is known of: it comes last.
UNKNOWN = Suspicion(0.0)


class Judge(Protocol):
    """Says how suspicious each image of a version is."""

    @property
    def name(self) -> str:
        """Short name, for the page's menu."""
        ...

    @property
    def what(self) -> str:
        """What it goes by, in a sentence."""
        ...

    def __call__(self, rows: Sequence[ManifestRow]) -> Mapping[str, Suspicion]:
        """Return the suspicion of images, by sha256; what it knows nothing of is left out."""
        ...


@dataclass(frozen=True)
class Order:
    """A judge's order of a version's images.

    Args:
        name: of the judge.
        what: what it goes by, in a sentence.
        suspicions: by sha256.
    """

    name: str
    what: str
    suspicions: Mapping[str, Suspicion]

    @classmethod
    def by(cls, judge: Judge, rows: Sequence[ManifestRow]) -> Order:
        """Let a judge look at a version's images."""
        return cls(judge.name, judge.what, judge(rows))

    def of(self, sha256: str) -> Suspicion:
        """Return an image's suspicion."""
        return self.suspicions.get(sha256, UNKNOWN)

    def ranked(self) -> list[str]:
        """Return the sha256 of each image, the most suspicious first; of equals by sha256."""
        return sorted(self.suspicions, key=lambda sha256: (-self.of(sha256).score, sha256))
