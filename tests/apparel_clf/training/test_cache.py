"""The feature cache: real files, real processes, and all that can happen to either."""

from __future__ import annotations

import inspect
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import warnings
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from apparel_clf.errors import SettingsError
from apparel_clf.training import cache as module
from apparel_clf.training import cache_store
from apparel_clf.training.cache import FeatureCache

ROOT = Path(__file__).parents[3]
SPACE, OTHER = "ab" * 32, "cd" * 32
WIDTH = 1000
GB = 10**9


def row(key, width=WIDTH):
    """Values that follow from the key, so that processes need not tell each other."""
    return np.random.default_rng(zlib.crc32(key.encode())).standard_normal(width).astype(np.float16)


# What every child begins with.
SHARED = f"""
import sys, zlib
import numpy as np
from pathlib import Path
from apparel_clf.training.cache import FeatureCache
SPACE, WIDTH = {SPACE!r}, {WIDTH}
{inspect.getsource(row)}
cache = FeatureCache(Path(sys.argv[1]), {GB})
"""


def rows(*names, width=WIDTH):
    return {name: row(name, width) for name in names}


def numbered(first, last, width=WIDTH):
    return rows(*(f"{number:064x}:plain" for number in range(first, last)), width=width)


def check(cache, wanted, space=SPACE):
    """All wanted rows are there, and as they were."""
    width = len(next(iter(wanted.values())))
    found = cache.get_many(space, list(wanted), width)
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        np.testing.assert_array_equal(found[key], value)
        assert found[key].dtype == np.float16


def start(folder, script, **options):
    return subprocess.Popen(
        [sys.executable, "-W", "always", "-c", SHARED + script, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def statement(folder, *command):
    """Change the file behind the cache's back."""
    with closing(sqlite3.connect(folder / "features.sqlite")) as db:
        found = db.execute(*command).fetchall()
        db.commit()
    return found


@pytest.fixture(autouse=True)
def _small_disks_will_do(monkeypatch):
    monkeypatch.setattr(module, "_RESERVE", 0)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def _no_warnings():
    """No warning is expected but where a test says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def full(folder):
    """A folder with a cache of fifty rows in it, closed."""
    with FeatureCache(folder, GB) as cache:
        cache.put_many(SPACE, numbered(0, 50))
    return folder


def test_rows_come_back_as_they_were(folder):
    wanted = {**numbered(0, 3), **rows("00ff:3:a0b1")}
    with FeatureCache(folder, GB) as cache:
        assert cache.get_many(SPACE, list(wanted), WIDTH) == {}
        cache.put_many(SPACE, wanted)
        check(cache, wanted)
    with FeatureCache(folder, GB) as cache:
        check(cache, wanted)


def test_rows_keep_every_bit(folder):
    strange = np.array([np.nan, np.inf, -0.0, 6e-8, 65504], np.float16)
    with FeatureCache(folder, GB) as cache:
        cache.put_many(SPACE, {"a": strange, "b": np.zeros(10, np.float16)[::2]})
        found = cache.get_many(SPACE, ["a", "b"], 5)
    assert found["a"].tobytes() == strange.tobytes()
    assert not found["b"].any()


def test_rows_of_any_number_are_found(folder):
    wanted = numbered(0, 1203, width=8)
    with FeatureCache(folder, GB) as cache:
        cache.put_many(SPACE, wanted)
        check(cache, wanted)


def test_rows_of_the_largest_size(folder):
    wanted = rows("a", "b", width=300_000)
    with FeatureCache(folder, GB) as cache:
        cache.put_many(SPACE, wanted)
        check(cache, wanted)


def test_rows_of_another_space_or_width_are_not_found(full):
    keys = list(numbered(0, 50))
    with FeatureCache(full, GB) as cache:
        assert cache.get_many(OTHER, keys, WIDTH) == {}
        assert cache.get_many(SPACE, keys, WIDTH - 1) == {}
        assert cache.get_many(SPACE, [], WIDTH) == {}


def test_rows_are_replaced_with_their_bytes(full):
    with FeatureCache(full, GB) as cache:
        cache.put_many(SPACE, numbered(0, 50, width=7))
        check(cache, numbered(0, 50, width=7))
        assert cache.get_many(SPACE, list(numbered(0, 50)), WIDTH) == {}
        assert cache.info().rows == 50
    assert statement(full, "SELECT count(*) FROM payload") == [(50,)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payload SET data = zeroblob(2000) WHERE id = 1",
        "UPDATE payload SET data = substr(data, 1, 1998) WHERE id = 1",
        "UPDATE payload SET data = 'text' WHERE id = 1",
        "UPDATE payload SET data = (SELECT data FROM payload WHERE id = 2) WHERE id = 1",
        "UPDATE entry SET crc = crc + 1 WHERE id = 1",
        "UPDATE entry SET used = 'yesterday' WHERE id = 1",
        "DELETE FROM payload WHERE id = 1",
    ],
)
def test_rows_that_are_not_whole_are_missing_and_are_replaced(full, change):
    statement(full, change)
    wanted = numbered(0, 50)
    first = next(iter(wanted))
    with FeatureCache(full, GB) as cache:
        assert wanted.keys() - cache.get_many(SPACE, list(wanted), WIDTH).keys() == {first}
        cache.put_many(SPACE, {first: wanted[first]})
        check(cache, wanted)
        assert len(cache.info().spaces) == 1


def test_rows_are_shared_by_threads(folder):
    def work(number):
        mine = numbered(100 * number, 100 * number + 100)
        for key, value in mine.items():
            cache.put_many(SPACE, {key: value})
            check(cache, {key: value})

    with FeatureCache(folder, GB) as cache:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(cache, numbered(0, 400))


@pytest.mark.parametrize("space", ["", "xyz", "AB" * 8, "ab", "ab" * 100, "ab" * 8 + "\n"])
def test_rows_need_a_space_of_hex(folder, space):
    cache = FeatureCache(folder, GB)
    for call in (
        lambda: cache.get_many(space, [], 1),
        lambda: cache.put_many(space, {}),
        lambda: cache.clear(space),
    ):
        with pytest.raises(SettingsError, match="Expected a space"):
            call()


@pytest.mark.parametrize("key", ["", "a b", "é", "a\0", "a" * 257, "x\n"])
def test_rows_need_keys_of_plain_text(folder, key):
    cache = FeatureCache(folder, GB)
    with pytest.raises(SettingsError, match="Expected a key"):
        cache.get_many(SPACE, [key], 1)
    with pytest.raises(SettingsError, match="Expected a key"):
        cache.put_many(SPACE, {key: np.zeros(1, np.float16)})


@pytest.mark.parametrize("value", [np.zeros(3, np.float32), np.zeros((2, 2), np.float16)])
def test_rows_need_the_type_that_they_are_read_as(folder, value):
    with pytest.raises(SettingsError, match=r"float16 in one dimension\. Received: float"):
        FeatureCache(folder, GB).put_many(SPACE, {"a": value})
    assert not folder.exists()


# Rows of 20 kB in a cache of 2 MB: fewer than a hundred fit.
LIMIT, WIDE = 2_000_000, 10_000


def opened(folder, now, limit=LIMIT):
    return FeatureCache(folder, limit, clock=lambda: now)


def kept(folder, first, last):
    keys = list(numbered(first, last, width=1))
    with FeatureCache(folder, GB, clock=lambda: 0) as cache:
        return len(cache.get_many(SPACE, keys, WIDE))


def fill(folder, first, last, now):
    with opened(folder, now) as cache:
        for number in range(first, last, 5):
            cache.put_many(SPACE, numbered(number, number + 5, width=WIDE))


def test_the_rows_unused_for_longest_go_first(folder):
    fill(folder, 0, 30, now=100)
    fill(folder, 30, 60, now=200)
    with opened(folder, 300) as cache:
        check(cache, numbered(0, 15, width=WIDE))
    fill(folder, 60, 115, now=400)
    assert kept(folder, 0, 15) == 15  # used at 300
    assert kept(folder, 15, 30) == 0
    assert 0 < kept(folder, 30, 60) < 30
    assert kept(folder, 60, 115) == 55


def test_the_file_stays_within_it(folder):
    for number in range(8):
        fill(folder, 40 * number, 40 * number + 40, now=100 * number + 100)
        size = (folder / "features.sqlite").stat().st_size
        assert size <= LIMIT
    assert size > 0.8 * LIMIT


def test_a_lower_one_shrinks_the_file(folder):
    fill(folder, 0, 90, now=100)
    with opened(folder, 200, limit=1_000_000) as cache:
        cache.put_many(SPACE, numbered(90, 91, width=WIDE))
    assert (folder / "features.sqlite").stat().st_size <= 1_000_000
    assert kept(folder, 90, 91) == 1


def test_a_session_keeps_what_it_used(folder):
    fill(folder, 0, 30, now=100)
    reason = r"0\.002 GB hold features of this run.*_CACHE_GB"
    with pytest.warns(UserWarning, match=reason) as told, opened(folder, 200) as cache:  # noqa: PT031
        for number in range(30, 230, 5):
            cache.put_many(SPACE, numbered(number, number + 5, width=WIDE))
        check(cache, numbered(30, 100, width=WIDE))
    assert len(told) == 1
    assert kept(folder, 0, 30) == 0


def test_rows_from_the_future_go_too(folder):
    fill(folder, 0, 90, now=10**9)  # by a clock that was wrong
    fill(folder, 90, 130, now=100)
    assert kept(folder, 90, 130) == 40


def test_the_disk_keeps_a_reserve(folder, monkeypatch):
    monkeypatch.setattr(module, "_RESERVE", shutil.disk_usage("/").total * 1000)
    cache = FeatureCache(folder, GB)
    with pytest.warns(UserWarning, match="GiB would be left on the disk"):
        cache.put_many(SPACE, numbered(0, 1))
    cache.put_many(SPACE, numbered(0, 1))
    assert cache.info().rows == 0


def test_processes_write_at_once(folder):
    script = """
sys.stdin.readline()
first = int(sys.stdin.readline())
for number in range(first, first + 300, 10):
    keys = [f"{n:064x}:plain" for n in range(number, number + 10)]
    cache.put_many(SPACE, {key: row(key) for key in keys})
cache.close()
"""
    children = [start(folder, script) for _ in range(3)]
    for number, child in enumerate(children):  # the ranges overlap
        child.stdin.write(f"\n{200 * number}\n")
        child.stdin.flush()
    for child in children:
        _, errors = child.communicate()
        assert (child.returncode, errors) == (0, "")
    with FeatureCache(folder, GB) as cache:
        check(cache, numbered(0, 700))
        assert cache.info().rows == 700


def test_processes_begin_anew_once_between_them(folder):
    folder.mkdir()
    (folder / "features.sqlite").write_bytes(b"no database" * 1000)
    script = """
number = int(sys.stdin.readline())
cache.put_many(SPACE, {str(number): row(str(number))})
print(len(cache.get_many(SPACE, [str(number)], WIDTH)))
sys.stdin.readline()
cache.close()
"""
    children = [start(folder, script) for _ in range(4)]
    for number, child in enumerate(children):
        child.stdin.write(f"{number}\n")
        child.stdin.flush()
    assert [child.stdout.readline() for child in children] == ["1\n"] * 4
    errors = "".join(child.communicate("\n")[1] for child in children)
    assert errors.count("UserWarning") == 1
    with FeatureCache(folder, GB) as cache:
        check(cache, rows("0", "1", "2", "3"))


def test_processes_may_be_killed_while_they_write(folder):
    script = """
start = int(sys.stdin.readline())
for batch in range(start, 10**6):
    cache.put_many(SPACE, {k: row(k, 10_000) for k in (f"{batch}:{n}" for n in range(20))})
    print(batch, flush=True)
"""
    rng = random.Random(0)
    batch, done = 0, []
    for _ in range(6):
        child = start(folder, script)
        child.stdin.write(f"{batch}\n")
        child.stdin.flush()
        told = [child.stdout.readline()]
        time.sleep(rng.uniform(0, 0.15))
        child.send_signal(signal.SIGKILL)
        told += child.communicate()[0].splitlines()
        done += map(int, told)
        batch = done[-1] + 1
        with FeatureCache(folder, GB) as cache:
            check(cache, rows(*(f"{done[-1]}:{n}" for n in range(20)), width=10_000))
            begun = cache.get_many(SPACE, [f"{batch}:{n}" for n in range(20)], 10_000)
            assert len(begun) in (0, 20)
    with FeatureCache(folder, GB) as cache:
        for number in done:
            check(cache, rows(*(f"{number}:{n}" for n in range(20)), width=10_000))
    assert statement(folder, "PRAGMA integrity_check") == [("ok",)]


def test_processes_on_a_full_disk_keep_what_they_have(folder):
    script = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
for number in range(100):
    cache.put_many(SPACE, {str(number): row(str(number), 10_000)})
print(len(cache.get_many(SPACE, [str(n) for n in range(100)], 10_000)))
cache.close()
"""
    child = start(folder, script)
    out, errors = child.communicate()
    assert child.returncode == 0, errors
    assert errors.count("UserWarning") == 1
    assert f"{folder / 'features.sqlite'}: the feature cache takes no more: disk I/O" in errors
    assert "apparel-clf cache clear" in errors
    held = int(out)
    assert 0 < held < 100
    with FeatureCache(folder, GB) as cache:
        check(cache, rows(*map(str, range(held)), width=10_000))


def test_processes_wait_for_another_and_then_go_on_without(full, monkeypatch):
    monkeypatch.setattr(cache_store, "PATIENCE", 0.1)
    with (
        closing(sqlite3.connect(full / "features.sqlite", isolation_level=None)) as db,
        FeatureCache(full, GB) as cache,
    ):
        db.execute("BEGIN IMMEDIATE")
        with pytest.warns(UserWarning, match="takes no more: database is locked") as told:  # noqa: PT031
            cache.put_many(SPACE, numbered(50, 60))
            cache.put_many(SPACE, numbered(60, 70))
        assert len(told) == 1
        check(cache, numbered(0, 50))


def test_processes_that_hold_the_folder_are_waited_for(full, monkeypatch):
    monkeypatch.setattr(cache_store, "PATIENCE", 0.1)
    with cache_store.alone(full):
        cache = FeatureCache(full, GB)
        with pytest.warns(UserWarning, match=r"is not used: in use by another process"):
            assert cache.get_many(SPACE, list(numbered(0, 50)), WIDTH) == {}
        with pytest.raises(OSError, match="in use by another process"):
            cache.clear()


def refused(folder, reason, *, emptied=True):
    """One warning, and from then on an empty cache that keeps nothing.

    Emptying it is advised where that would help.
    """
    cache = FeatureCache(folder, GB)
    with pytest.warns(UserWarning, match=reason) as told:  # noqa: PT031
        assert cache.get_many(SPACE, list(numbered(0, 50)), WIDTH) == {}
        cache.put_many(SPACE, numbered(0, 5))
        assert cache.get_many(SPACE, list(numbered(0, 5)), WIDTH) == {}
        assert cache.info().rows == 0
        cache.close()
    assert len(told) == 1
    words = str(told[0].message)
    assert words.startswith(f"{folder / 'features.sqlite'}: ")
    assert ("apparel-clf cache clear" in words) == emptied
    assert "APPAREL_CLF_CACHE" in words
    return cache


def test_a_place_that_no_folder_can_have(tmp_path):
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file" / "cache", "is not used: Not a directory", emptied=False)
    assert FeatureCache(tmp_path / "file" / "cache", GB).clear() == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only(full):
    full.chmod(0o500)
    try:
        refused(full, "is not used: ", emptied=False)
    finally:
        full.chmod(0o700)


def test_a_file_without_a_byte_is_a_new_one(folder):
    folder.mkdir()
    (folder / "features.sqlite").touch()
    with FeatureCache(folder, GB) as cache:
        cache.put_many(SPACE, numbered(0, 3))
        check(cache, numbered(0, 3))


@pytest.mark.parametrize("garbage", [b"{}", b"no database" * 1000, b"SQLite format 3\0" * 500])
def test_a_file_that_is_no_database_is_put_aside(folder, garbage):
    folder.mkdir()
    (folder / "features.sqlite.damaged").write_text("an earlier one")
    (folder / "features.sqlite").write_bytes(garbage)
    with FeatureCache(folder, GB) as cache:
        with pytest.warns(UserWarning, match=r"features.sqlite: .* is damaged .*cache clear"):
            cache.put_many(SPACE, numbered(0, 3))
        check(cache, numbered(0, 3))
    assert (folder / "features.sqlite.damaged").read_bytes() == garbage


def test_a_file_that_breaks_while_it_is_open(full):
    with FeatureCache(full, GB) as cache:
        check(cache, numbered(0, 50))
        with (full / "features.sqlite").open("r+b") as file:
            file.truncate(40_000)
        with FeatureCache(full, GB) as other, pytest.warns(UserWarning, match="is damaged"):  # noqa: PT031
            assert other.get_many(SPACE, list(numbered(0, 50)), WIDTH) == {}
            other.put_many(SPACE, numbered(60, 70))
            check(other, numbered(60, 70))
    with FeatureCache(full, GB) as cache:
        check(cache, numbered(60, 70))


def test_damage_anywhere_gives_no_wrong_row_and_no_error(full, tmp_path):
    """Whatever the damage, a row is as it was or missing, and new ones can be kept."""
    size = (full / "features.sqlite").stat().st_size
    wanted = numbered(0, 50)
    for seed in range(24):
        rng = random.Random(seed)
        copy = Path(shutil.copytree(full, tmp_path / str(seed)))
        with (copy / "features.sqlite").open("r+b") as file:
            for _ in range(rng.choice((1, 20))):
                file.seek(rng.randrange(size) if seed % 2 else rng.randrange(6 * 16384))
                file.write(rng.randbytes(rng.choice((1, 50, 3000))))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for _ in range(3):
                with FeatureCache(copy, GB) as cache:
                    for key, value in cache.get_many(SPACE, list(wanted), WIDTH).items():
                        np.testing.assert_array_equal(value, wanted[key])
                    cache.put_many(SPACE, numbered(0, 60))
                    cache.info()
            FeatureCache(copy, GB).clear()
        assert all(item.category is UserWarning for item in told), seed
        shutil.rmtree(copy)


def test_a_newer_format_is_left_alone_until_it_is_cleared(full):
    statement(full, "PRAGMA user_version = 2")
    before = (full / "features.sqlite").read_bytes()
    cache = refused(full, "has format 2; this version of apparel_clf knows 1")
    assert (full / "features.sqlite").read_bytes() == before
    cache.clear()
    cache.put_many(SPACE, numbered(0, 3))
    check(cache, numbered(0, 3))
    cache.close()


def test_tables_of_another_shape(full):
    statement(full, "ALTER TABLE entry RENAME TO other")
    cache = refused(full, "is not used: no such table: entry")
    cache.clear()
    assert not (full / "features.sqlite").exists()


def test_another_programs_database_is_never_touched(folder):
    folder.mkdir()
    statement(folder, "CREATE TABLE letters (words TEXT)")
    before = (folder / "features.sqlite").read_bytes()
    cache = refused(folder, "is another program's database", emptied=False)
    with pytest.raises(SettingsError, match=r"another program.*APPAREL_CLF_CACHE"):
        cache.clear()
    assert (folder / "features.sqlite").read_bytes() == before


@pytest.mark.parametrize("name", ["features.sqlite", "features.sqlite-wal"])
def test_a_link_is_refused(folder, tmp_path, name):
    folder.mkdir()
    target = tmp_path / "precious"
    target.write_bytes(b"")
    (folder / name).symlink_to(target)
    cache = refused(folder, f"{name} is a symbolic link")
    cache.clear()
    assert target.read_bytes() == b""
    assert sorted(path.name for path in folder.iterdir()) == ["features.lock"]


def test_a_lock_that_is_a_link_is_not_followed(folder, tmp_path):
    folder.mkdir()
    (folder / "features.lock").symlink_to(tmp_path / "made")
    refused(folder, "symbolic link", emptied=False)
    assert not (tmp_path / "made").exists()


def test_what_is_no_file(folder):
    (folder / "features.sqlite").mkdir(parents=True)
    cache = refused(folder, "features.sqlite is not a regular file")
    with pytest.raises(OSError, match=r"features\.sqlite"):
        cache.clear()


def test_nothing_is_made_by_asking(folder):
    cache = FeatureCache(folder, GB)
    info = cache.info()
    assert (info.folder, info.rows, info.bytes, info.limit) == (folder, 0, 0, GB)
    assert (info.spaces, cache.clear(), cache.clear(SPACE)) == ((), 0, 0)
    assert not folder.exists()


def test_the_folder_is_the_users_alone(full):
    assert stat.S_IMODE(full.stat().st_mode) == 0o700


def test_spaces_are_counted_the_last_used_first(folder):
    for now, space, count in ((100, SPACE, 5), (200, OTHER, 3)):
        with FeatureCache(folder, GB, clock=lambda now=now: now) as cache:
            cache.put_many(space, numbered(0, count))
    info = cache.info()
    assert [(s.space, s.rows, s.bytes) for s in info.spaces] == [
        (OTHER, 3, 3 * 2 * WIDTH),
        (SPACE, 5, 5 * 2 * WIDTH),
    ]
    assert [s.used.timestamp() for s in info.spaces] == [200, 100]
    assert info.rows == 8
    assert info.bytes >= (folder / "features.sqlite").stat().st_size
    with FeatureCache(folder, GB, clock=lambda: 300) as cache:
        check(cache, numbered(0, 1))
    assert [s.used.timestamp() for s in cache.info().spaces] == [300, 200]
    document = cache.info().to_json()
    assert document["spaces"][0] == {
        "space": SPACE,
        "rows": 5,
        "bytes": 10_000,
        "used": "1970-01-01T00:05:00+00:00",
    }


def test_uses_are_noted_in_batches(full, monkeypatch):
    monkeypatch.setattr(module, "_TOUCHES", 10)
    cache = FeatureCache(full, GB, clock=lambda: 10**10)
    check(cache, numbered(0, 10))
    assert statement(full, "SELECT count(*) FROM entry WHERE used = 10000000000") == [(10,)]
    cache.close()


def test_one_space_is_cleared_and_the_file_shrinks(full):
    with FeatureCache(full, GB) as cache:
        cache.put_many(OTHER, numbered(0, 2000))
        before = cache.bytes_on_disk()
        assert cache.clear(OTHER) == 2000
        assert cache.bytes_on_disk() < before / 5
        check(cache, numbered(0, 50))


def test_all_is_cleared(full):
    cache = FeatureCache(full, GB)
    assert cache.clear() == 50
    assert cache.bytes_on_disk() == 0
    cache.put_many(SPACE, numbered(0, 3))
    check(cache, numbered(0, 3))
    cache.close()


def test_a_process_that_is_at_work_does_no_harm_afterwards(full):
    early = FeatureCache(full, GB)
    check(early, numbered(0, 50))
    early.put_many(SPACE, numbered(50, 60))
    assert FeatureCache(full, GB).clear() == 60
    with FeatureCache(full, GB) as late:
        late.put_many(SPACE, numbered(100, 200))
        early.put_many(SPACE, numbered(60, 70))
        check(early, numbered(0, 70))
        early.close()
        check(late, numbered(100, 200))
        late.put_many(SPACE, numbered(200, 300))
    with FeatureCache(full, GB) as cache:
        check(cache, numbered(100, 300))
        assert cache.info().rows == 200
    assert statement(full, "PRAGMA integrity_check") == [("ok",)]


@pytest.fixture
def environment(monkeypatch, tmp_path):
    for name in ("APPAREL_CLF_CACHE", "APPAREL_CLF_CACHE_GB", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({}, "~/.cache/apparel-clf"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/apparel-clf"),
        ({"XDG_CACHE_HOME": "relative"}, "~/.cache/apparel-clf"),
        ({"XDG_CACHE_HOME": ""}, "~/.cache/apparel-clf"),
        ({"APPAREL_CLF_CACHE": "/mine", "XDG_CACHE_HOME": "/xdg"}, "/mine"),
        ({"APPAREL_CLF_CACHE": "~/mine"}, "~/mine"),
    ],
)
def test_the_default_folder(environment, variables, folder):
    for name, value in variables.items():
        environment.setenv(name, value)
    cache = FeatureCache.open_default()
    assert cache.folder == Path(folder).expanduser()
    assert cache.limit_bytes == 10 * GB


@pytest.mark.parametrize("value", ["", " ", "off", "OFF"])
def test_the_cache_may_be_off(environment, value):
    environment.setenv("APPAREL_CLF_CACHE", value)
    assert FeatureCache.open_default() is None


@pytest.mark.parametrize(("text", "limit"), [("0.5", GB // 2), ("", 10 * GB), ("200", 200 * GB)])
def test_the_default_limit(environment, text, limit):
    environment.setenv("APPAREL_CLF_CACHE_GB", text)
    assert FeatureCache.open_default().limit_bytes == limit


@pytest.mark.parametrize("text", ["0", "-1", "much", "nan", "inf", "10 GB"])
def test_a_limit_that_is_none(environment, text):
    environment.setenv("APPAREL_CLF_CACHE_GB", text)
    with pytest.raises(SettingsError, match=f"APPAREL_CLF_CACHE_GB.*Received: '{text}'"):
        FeatureCache.open_default()


def test_no_home_means_no_cache(environment):
    environment.setenv("APPAREL_CLF_CACHE", "~nobody-of-this-name/cache")
    with pytest.warns(UserWarning, match=r"No place .*APPAREL_CLF_CACHE"):
        assert FeatureCache.open_default() is None
