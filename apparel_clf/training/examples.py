"""Pictures as they are and as augmentation shows them, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from apparel_clf.errors import ImageError
from apparel_clf.images import load_image
from apparel_clf.training.fit import views_of
from apparel_clf.training.recipes import Recipe

if TYPE_CHECKING:
    from PIL import Image

_PICTURES = 4
_VIEWS = 5


def augmented_examples(
    samples: Sequence[Any], recipe: Recipe, side: int, random_state: int
) -> list[tuple[str, list[Image.Image]]]:
    """Show what training sees of a few images.

    Args:
        samples: the training images; a few are taken at equal distances.
        recipe: says what augmentation changes, and how many views there are.
        side: of the square that the network sees, in pixels.
        random_state: the training's seed.

    Returns:
        Of each image its label and file, and the pictures: as it is, then its augmented views.
        Nothing where the recipe has none.

    Example:
        >>> clf.evaluate(test).to_html(
        ...     "report.html", augmented=augmented_examples(train.samples, clf.recipe_, 256, 0))
    """
    from PIL import Image

    views = views_of(side, recipe, random_state)
    if views.count < 2 or not samples:
        return []
    shown = []
    step = max(1, len(samples) // _PICTURES)
    for sample in list(samples)[::step][:_PICTURES]:
        try:
            image = load_image(sample.path)
        except ImageError:
            continue  # named elsewhere
        squares = views.some(image, range(min(views.count, 1 + _VIEWS)))
        pictures = [Image.fromarray(square) for square in squares]
        shown.append((f"{sample.label}/{sample.path.name}", pictures))
    return shown
