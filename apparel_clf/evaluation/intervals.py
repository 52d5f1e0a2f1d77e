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
