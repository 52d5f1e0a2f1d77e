"""How far a share measured on a few images may be from the truth."""

from __future__ import annotations

import math

from apparel_clf.errors import SettingsError

#: The standard normal quantile at 0.975: leaves 2.5% on either side.
Z_95 = 1.959963984540054


def wilson_interval(hits: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Compute Wilson's score interval for a share.

    Unlike the textbook ``p ± z·sqrt(p(1-p)/n)`` it stays within 0 and 1 and keeps its coverage for
    few images and for shares near 1, which is where a good classifier is.

    Source: E. B. Wilson (1927), "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22, 209–212; recommended by
    Brown, Cai and DasGupta (2001), "Interval estimation for a binomial proportion", Statistical
    Science 16, 101–133.

    Args:
        hits: how many were right, 0 to `n`.
        n: how many there were, at least 1.
        z: normal quantile. Default: 1.96, for a 95% interval.

    Returns:
        The lower and the upper end, each a share from 0 to 1.

    Raises:
        SettingsError: `n` is below 1, or `hits` is not within 0 and `n`.

    Example:
        >>> [round(end, 3) for end in wilson_interval(288, 337)]
        [0.813, 0.888]
    """
    if n < 1:
        raise SettingsError(f"Expected n to be at least 1. Received: n={n}")
    if not 0 <= hits <= n:
        raise SettingsError(f"Expected hits to be within 0 and n={n}. Received: hits={hits}")
    share = hits / n
    weight = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / weight
    reach = z / weight * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the formula gives 0 and 1 exactly; floating point misses them by a hair.
    low = 0.0 if hits == 0 else centre - reach
    high = 1.0 if hits == n else centre + reach
    return low, high


def paired_interval(
    both: int, only_first: int, only_second: int, neither: int, z: float = Z_95
) -> tuple[float, float]:
    """Compute Newcombe's interval for the difference of two shares of the same images.

    Source: R. G. Newcombe (1998), "Improved confidence intervals for the difference between
    binomial proportions based on paired data", Statistics in Medicine 17, 2635–2650, method 10:
    Wilson's intervals of both shares, joined by their correlation. It stays within -1 and 1 and
    keeps its coverage for few images, where the textbook interval does not.

    Args:
        both: how many images both got right.
        only_first: how many only the first got right.
        only_second: how many only the second got right.
        neither: how many both got wrong.
        z: normal quantile. Default: 1.96, for a 95% interval.

    Returns:
        The lower and the upper end of the second's share less the first's, from -1 to 1.

    Raises:
        SettingsError: a count is below 0, or all are 0.

    Example:
        >>> [round(end, 3) for end in paired_interval(36, 2, 12, 0)]
        [0.057, 0.34]
    """
    counts = (both, only_first, only_second, neither)
    n = sum(counts)
    if min(counts) < 0 or n < 1:
        raise SettingsError(f"Expected counts from 0 that are not all 0. Received: {counts}")
    hits = (both + only_second, both + only_first)
    second, first = (hit / n for hit in hits)
    (low2, high2), (low1, high1) = (wilson_interval(hit, n, z) for hit in hits)
    phi = _correlation(*counts)
    difference = (only_second - only_first) / n
    down = _joined(second - low2, high1 - first, phi)
    up = _joined(high2 - second, first - low1, phi)
    return difference - down, difference + up


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Newcombe's phi: a positive one is corrected for continuity, an undefined one is 0."""
    margins = (both + only_first) * (only_second + neither)
    margins *= (both + only_second) * (only_first + neither)
    if not margins:
        return 0.0
    product = both * neither - only_first * only_second
    half = (both + only_first + only_second + neither) / 2
    return (max(product - half, 0) if product > 0 else product) / math.sqrt(margins)


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))
