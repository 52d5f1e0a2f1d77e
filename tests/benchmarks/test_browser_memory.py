"""The pure part of the look at the browser's memory."""

import pytest

from benchmarks.crawl.browser_memory import highest_by_quarter


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([], ()),
        ([(7.0, 3)], (3, 0, 0, 0)),
        ([(float(second), second) for second in range(5)], (1, 2, 3, 4)),
        ([(0.0, 9), (90.0, 1), (100.0, 2)], (9, 0, 0, 2)),
    ],
)
def test_each_quarter_of_the_time_has_its_highest_value(series, expected):
    assert highest_by_quarter(series) == expected
