import tracemalloc
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apparel_clf.dataset import neighbours
from apparel_clf.dataset.neighbours import near_pair_blocks, near_pairs
from apparel_clf.errors import SettingsError


def brute_force(hashes, radius):
    distances = np.bitwise_count(hashes[:, None] ^ hashes[None, :])
    left, right = np.nonzero(np.triu(distances <= radius, 1))
    return list(zip(left.tolist(), right.tolist(), distances[left, right].tolist(), strict=True))


def clustered(count, seed=0, centres=100, flips=5):
    """Hashes around few centres, of which some bits hardly vary; some are equal."""
    rng = np.random.default_rng(seed)
    fixed = np.uint64(0x00FF_0F0F_0000_8001)
    around = rng.integers(0, 2**64, centres, dtype=np.uint64)[rng.integers(0, centres, count)]
    for _ in range(flips):
        flipped = np.uint64(1) << rng.integers(0, 64, count, dtype=np.uint64)
        around ^= np.where(rng.random(count) < 0.7, flipped, np.uint64(0))
    return np.where(rng.random(count) < 0.9, around | fixed, around)


@pytest.fixture
def plan_anything(monkeypatch):
    """Make plans for few hashes too, and look at few at a time."""
    monkeypatch.setattr(neighbours, "_SMALL", 1)
    monkeypatch.setattr(neighbours, "_BLOCK", 256)
    monkeypatch.setattr(neighbours, "_SAMPLE_PAIRS", 256)
    monkeypatch.setattr(neighbours, "_TABLE_COST", 0.0)
    monkeypatch.setattr(neighbours, "_ENTRY_COST", 0.0)


few_bits = st.integers(0, 63).map(lambda bit: 1 << bit)
values = st.one_of(st.integers(0, 2**64 - 1), few_bits, st.just(0x8000000000000000))
lists = st.lists(values, max_size=60)


@given(lists, st.integers(0, 12))
def test_few_hashes_equal_brute_force(some, radius):
    hashes = np.array(some, dtype=np.uint64)
    assert sorted(near_pairs(hashes, radius)) == brute_force(hashes, radius)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 300),
    st.integers(0, 2**32),
    st.integers(1, 30),
    st.integers(0, 12),
    st.integers(0, 12),
)
@pytest.mark.usefixtures("plan_anything")
def test_planned_searches_equal_brute_force(count, seed, centres, flips, radius):
    hashes = clustered(count, seed, centres, flips)
    assert sorted(near_pairs(hashes, radius)) == brute_force(hashes, radius)


@pytest.mark.parametrize("equal", [1, 2, 3, 4])
@pytest.mark.parametrize("radius", [1, 4, 7])
def test_every_number_of_equal_chunks_is_exact(monkeypatch, equal, radius):
    def plan(hashes, radius):
        sample = neighbours._Sample.of(hashes)
        return neighbours._Plan(sample.dealt(radius + equal, 40 // equal), equal)

    monkeypatch.setattr(neighbours, "_best_plan", plan)
    hashes = clustered(1500)
    assert sorted(near_pairs(hashes, radius)) == brute_force(hashes, radius)


@pytest.mark.parametrize("radius", [2, 8])
def test_large_and_small_runs_of_equal_keys(radius):
    rng = np.random.default_rng(1)
    hashes = np.concatenate(
        [clustered(2500), rng.integers(0, 2**64, 2500, dtype=np.uint64), clustered(300, 9, 1, 3)]
    )
    found = sorted(near_pairs(hashes, radius))
    assert found == brute_force(hashes, radius)
    assert len(found) > 1000


@pytest.mark.parametrize("radius", [0, 8, 64])
@pytest.mark.parametrize("some", [[], [7], [7, 7], [0, 2**64 - 1]])
def test_hardly_any_hashes(some, radius):
    hashes = np.array(some, dtype=np.uint64)
    assert list(near_pairs(hashes, radius)) == brute_force(hashes, radius)


def test_radius_64_pairs_everything():
    hashes = np.random.default_rng(0).integers(0, 2**64, 100, dtype=np.uint64)
    assert len(list(near_pairs(hashes, 64))) == 100 * 99 // 2


def test_radius_0_pairs_equal_hashes():
    hashes = np.array([5, 9, 5, 5, 8], dtype=np.uint64)
    assert sorted(near_pairs(hashes, 0)) == [(0, 2, 0), (0, 3, 0), (2, 3, 0)]


def test_values_are_plain_numbers():
    (pair,) = near_pairs(np.array([1, 0], dtype=np.uint64), np.int64(3))
    assert pair == (0, 1, 1)
    assert [type(part) for part in pair] == [int, int, int]


def test_all_equal():
    hashes = np.full(400, 0x8000000000000000, dtype=np.uint64)
    assert sorted(near_pairs(hashes, 8)) == brute_force(hashes, 8)


def test_blocks_have_arrays_of_one_length():
    hashes = clustered(3000)
    blocks = list(near_pair_blocks(hashes, 6))
    for first, second, distance in blocks:
        assert (first.dtype, second.dtype, distance.dtype) == (np.int64, np.int64, np.uint8)
        assert len(first) == len(second) == len(distance) > 0
        assert (first < second).all()
    pairs = [tuple(pair) for block in blocks for pair in zip(*block, strict=True)]
    assert sorted(pairs) == brute_force(hashes, 6)


@pytest.mark.parametrize(
    "hashes",
    [
        np.full(20_000, 3, dtype=np.uint64),
        np.repeat(np.arange(4, dtype=np.uint64), 5_000),  # all near each other, in four groups
        np.arange(1 << 14, dtype=np.uint64),  # every hash has 16,383 neighbours
    ],
    ids=["equal", "groups", "distinct"],
)
def test_pairs_come_at_once_and_need_little_memory(hashes):
    tracemalloc.start()
    try:
        some = list(islice(near_pair_blocks(hashes, 15), 3))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(len(first) for first, _, _ in some) > 100_000
    assert peak < 60_000_000  # all pairs would take gigabytes


def test_the_order_is_always_the_same():
    hashes = clustered(4000)
    once, again = list(near_pairs(hashes, 6)), list(near_pairs(hashes.copy(), 6))
    assert once == again
    assert once != sorted(once)  # as documented: not sorted


def test_hashes_are_left_alone():
    hashes = clustered(3000)
    before = hashes.copy()
    list(near_pair_blocks(hashes, 4))
    hashes.setflags(write=False)
    list(near_pair_blocks(hashes[::2], 4))
    np.testing.assert_array_equal(hashes, before)


def test_chunks_share_out_what_tells_hashes_apart():
    """With half of the bits constant and pairs of bits equal, each chunk gets its share."""
    rng = np.random.default_rng(3)
    half = rng.integers(0, 2**16, 6000, dtype=np.uint64)
    hashes = half | half << np.uint64(16)
    chunks = neighbours._Sample.of(hashes).dealt(4, 40)
    assert sorted(bit for chunk in chunks for bit in chunk) == list(range(64))
    for chunk in chunks:
        # Four different ones of the 16 bits that vary, whichever of the two copies.
        first = [bit % 16 for bit in chunk if bit < 32][:4]
        assert len(set(first)) == 4


@pytest.mark.parametrize("radius", [-1, 65, 2.0, "8", None, True])
def test_a_bad_radius_is_named_at_once(radius):
    with pytest.raises(SettingsError, match=f"radius={radius!r}"):
        near_pairs(np.zeros(3, dtype=np.uint64), radius)


@pytest.mark.parametrize(
    ("hashes", "received"),
    [
        (np.zeros(3, dtype=np.int64), "array of int64, shape \\(3,\\)"),
        (np.zeros((3, 2), dtype=np.uint64), "array of uint64, shape \\(3, 2\\)"),
        ([1, 2, 3], "list"),
    ],
)
def test_bad_hashes_are_named_at_once(hashes, received):
    with pytest.raises(SettingsError, match=received):
        near_pair_blocks(hashes, 4)
