"""Publishing that is killed, runs out of disk, or is not alone: real processes, real files."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import pytest

from apparel_clf.dataset import (
    ImageRecord,
    JournalWriter,
    Rejection,
    Staging,
    open_version,
    publish,
    verify,
)
from apparel_clf.dataset.sums import FileHasher
from apparel_clf.errors import PublishError
from apparel_clf.images import sign

ROOT = Path(__file__).parents[3]
KILLS = 20

# Publishes when told to. Before each step that changes files it calls `before`, which a test
# defines.
CHILD = """
import os, signal, sys
from apparel_clf.dataset import publish
from apparel_clf.errors import PublishError
STEPS = {"os.link", "os.mkdir", "os.rename", "os.symlink"}
def watch(event, args):
    if event in STEPS or (event == "open" and str(args[1]).startswith("w")):
        before(event, f"{args[0]} {args[1]}")
%s
sys.addaudithook(watch)
print("ready", flush=True)
sys.stdin.readline()
try:
    print(publish(sys.argv[1]).name, flush=True)
except PublishError as error:
    sys.exit(str(error))
"""
NOTHING = "def before(event, names): pass"


def start(dataset, before=NOTHING, **options):
    """Start a process that is about to publish; it waits for a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD % before, str(dataset)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )
    assert process.stdout.readline() == b"ready\n"
    return process


def go(process):
    process.stdin.write(b"\n")
    process.stdin.flush()


def run(dataset, before=NOTHING):
    process = start(dataset, before)
    out, err = process.communicate(b"\n")
    return process.returncode, out.decode(), err.decode()


def hashes(folder):
    hasher = FileHasher()
    paths = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hasher.digest(p)[0] for p in paths}


def copy_of(dataset, place):
    """The same dataset elsewhere; its files are links, so that it takes no time."""
    return shutil.copytree(dataset, place / "demo", symlinks=True, copy_function=os.link)


def left_overs(dataset):
    return [*dataset.glob(".building-*"), *dataset.glob(".latest*")]


@pytest.fixture(scope="module")
def grown(tmp_path_factory, stage, encode_as):
    """A dataset with one version of 110 images and as many to publish; and what v2 must be."""
    folder = tmp_path_factory.mktemp("grown")
    dataset = folder / "demo"
    stage(dataset, "1", range(100))
    stage(dataset, "2", range(1000, 1010), "saree", encode_as("PNG"))
    publish(dataset)
    stage(dataset, "3", range(100, 190))
    stage(dataset, "4", range(1010, 1030), "saree", encode_as("PNG"))
    whole = copy_of(dataset, folder / "whole")
    return dataset, hashes(publish(whole).path)


def check_survival(dataset, second):
    """What there was is whole, and the next publisher makes of the rest what it would have been."""
    versions = sorted(dataset.glob("v*"))
    assert [p.name for p in versions] in (["v1"], ["v1", "v2"])
    assert all(verify(version).ok for version in versions)
    assert (dataset / "latest").resolve() in versions
    made = publish(dataset)
    assert made.number == len(versions) + 1
    assert verify(made.path).ok
    assert hashes(dataset / "v2") == second
    assert (dataset / "latest").resolve() == made.path
    assert left_overs(dataset) == []


def _seconds_to_publish(dataset):
    process = start(dataset)
    begun = time.perf_counter()
    go(process)
    assert process.stdout.readline() == b"demo/v2\n"
    duration = time.perf_counter() - begun
    process.communicate()
    return duration


def test_twenty_kills_at_random_moments(grown, tmp_path):
    dataset, second = grown
    # The least of some: a pause of the machine would put the kills behind the end.
    duration = min(_seconds_to_publish(copy_of(dataset, tmp_path / f"whole{n}")) for n in range(3))
    rng = random.Random(0)
    cut_short = 0
    for number in range(KILLS):
        copy = copy_of(dataset, tmp_path / str(number))
        process = start(copy)
        go(process)
        time.sleep(duration * (number + rng.random()) / KILLS)
        process.kill()
        process.communicate()
        cut_short += not (copy / "v2").exists()
        check_survival(copy, second)
    assert cut_short >= KILLS // 4


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("os.mkdir", ".building-v2"),
        ("os.mkdir", ".building-v2/val/jeans"),
        ("os.link", ".building-v2/train/jeans"),
        ("os.link", ".building-v2/val/saree"),
        ("open", "manifest.jsonl"),
        ("open", "rejections.jsonl"),
        ("open", "version.json"),
        ("open", "README.md"),
        ("open", "SHA256SUMS"),
        ("os.symlink", ".latest"),
        ("os.rename", ".building-v2"),
        ("os.rename", ".latest"),
    ],
)
def test_a_kill_just_before_a_step(grown, tmp_path, step, name):
    dataset, second = grown
    copy = copy_of(dataset, tmp_path)
    kill = f"""
def before(event, names):
    if event == {step!r} and {name!r} in names:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    code, _, err = run(copy, kill)
    assert code == -signal.SIGKILL, err
    assert (copy / "v2").exists() == (name == ".latest" and step == "os.rename")
    check_survival(copy, second)


def test_two_publishers_the_second_is_told_so(grown, tmp_path):
    dataset, second = grown
    copy = copy_of(dataset, tmp_path)
    stop_once = """
stopped = []
def before(event, names):
    if event == "os.link" and not stopped:
        stopped.append(1)
        os.kill(os.getpid(), signal.SIGSTOP)
"""
    first = start(copy, stop_once)
    go(first)
    try:
        _, status = os.waitpid(first.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        code, _, err = run(copy)
        assert code == 1
        assert "another process is publishing here" in err
    finally:
        first.send_signal(signal.SIGCONT)
    out, err = first.communicate()
    assert (out, first.returncode) == (b"demo/v2\n", 0), err
    assert hashes(copy / "v2") == second
    check_survival(copy, second)


def test_publishers_that_start_together_damage_nothing(grown, tmp_path):
    dataset, second = grown
    copy = copy_of(dataset, tmp_path)
    processes = [start(copy) for _ in range(3)]
    for process in processes:
        go(process)
    ends = [process.communicate() for process in processes]
    done = [out.decode().strip() for out, _ in ends if out]
    assert done
    assert sorted(done) == [f"demo/v{i + 2}" for i in range(len(done))]
    assert all(b"another process" in err for out, err in ends if not out)
    assert all(verify(version).ok for version in copy.glob("v*"))
    assert hashes(copy / "v2") == second
    assert left_overs(copy) == []


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of a given size."""
    mounted = []

    def mount(options):
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("no file system can be mounted here")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def full_after(small_disk, stage, encode_as):
    """A dataset on a small disk: one version, and 40 images more to publish."""

    def make(options):
        dataset = small_disk(options) / "demo"
        stage(dataset, "1", range(40))
        publish(dataset)
        stage(dataset, "2", range(40, 60))
        stage(dataset, "3", range(100, 120), "saree", encode_as("PNG"))
        return dataset

    return make


def check_refused(dataset, first):
    with pytest.raises(PublishError, match="the disk is full"):
        publish(dataset)
    assert hashes(dataset / "v1") == first
    assert (dataset / "latest").readlink() == Path("v1")
    assert left_overs(dataset) == []
    assert not (dataset / "v2").exists()


def test_a_full_disk_at_any_step(full_after, tmp_path):
    dataset = full_after("size=2m")
    elsewhere = shutil.copytree(dataset, tmp_path / "copy" / "demo", symlinks=True)
    second = hashes(publish(elsewhere).path)
    first = hashes(dataset / "v1")
    filler = dataset.parent / "filler"
    page = 4096
    free = shutil.disk_usage(dataset).free
    filler.write_bytes(bytes(free))
    refused = 0
    while shutil.disk_usage(dataset).free < 150 * page:
        try:
            publish(dataset)
            break
        except PublishError:
            refused += 1
            check_refused(dataset, first)
            os.truncate(filler, filler.stat().st_size - 7 * page)
    assert refused > 5
    assert hashes(dataset / "v2") == second
    assert verify(dataset / "latest").ok


def test_no_room_for_another_name(full_after):
    dataset = full_after("size=8m,nr_inodes=420")
    first = hashes(dataset / "v1")
    fillers = []
    while True:
        filler = dataset.parent / f"filler{len(fillers)}"
        with suppress(OSError):
            filler.touch()
        if not filler.exists():
            break
        fillers.append(filler)
    refused = 0
    while fillers:
        try:
            publish(dataset)
            break
        except PublishError:
            refused += 1
            check_refused(dataset, first)
            for filler in fillers[-9:]:
                filler.unlink()
            del fillers[-9:]
    assert refused > 5
    assert verify(dataset / "v2").ok


def test_files_that_may_not_grow(grown, tmp_path):
    dataset, second = grown
    copy = copy_of(dataset, tmp_path)
    limit = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
def before(event, names): pass
"""
    code, _, err = run(copy, limit)
    assert code == 1
    assert "could not be written" in err
    assert left_overs(copy) == []
    check_survival(copy, second)


def inodes(version):
    return {row.record.sha256: (version.path / row.path).stat().st_ino for row in version.rows}


def test_one_image_in_a_hundred_more_writes_no_other(dataset, crawl, encode_as, monkeypatch):
    crawl("1", range(180))
    crawl("2", range(1000, 1020), "saree", encode_as("PNG"))
    before = inodes(publish(dataset))
    crawl("3", [180], "jeans")
    crawl("4", [1020], "saree", encode_as("PNG"))
    module = sys.modules["apparel_clf.dataset.publish"]
    as_jpeg, converted = module._as_jpeg, []
    monkeypatch.setattr(module, "_as_jpeg", lambda p: converted.append(p) or as_jpeg(p))
    version = publish(dataset)
    after = inodes(version)
    assert len(before) == 200
    assert len(after) == 202
    assert {sha256: after[sha256] for sha256 in before} == before
    assert len(converted) == 1
    stored = {p.stat().st_ino for p in (dataset / "objects").rglob("*") if p.is_file()}
    assert set(after.values()) <= stored


def test_a_converted_image_that_was_damaged_is_made_again(dataset, crawl, encode_as):
    crawl("1", range(4), encode=encode_as("PNG"))
    first = publish(dataset)
    whole = hashes(first.path)
    inside = [(first.path / row.path).stat().st_ino for row in first.rows]
    for path in (dataset / "objects").rglob("*"):
        if path.is_file() and path.stat().st_ino in inside:
            path.unlink()
            path.write_bytes(b"half")
    second = publish(dataset)
    assert verify(second.path).ok
    assert hashes(first.path) == whole


def test_copies_where_the_store_is_on_another_file_system(dataset, crawl, small_disk):
    crawl("1", range(10))
    elsewhere = small_disk("size=8m") / "objects"
    shutil.move(dataset / "objects", elsewhere)
    (dataset / "objects").symlink_to(elsewhere)
    version = publish(dataset)
    assert verify(version.path).ok
    image = version.path / version.rows[0].path
    assert image.stat().st_nlink == 1
    assert image.stat().st_dev != elsewhere.stat().st_dev
    assert image.stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOSYS])
def test_copies_where_there_can_be_no_link(dataset, crawl, monkeypatch, number):
    crawl("1", range(5))

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    version = publish(dataset)
    assert verify(version.path).ok
    assert (version.path / version.rows[0].path).stat().st_nlink == 1


def test_half_written_files_of_long_ago_are_removed(dataset, crawl):
    crawl("1", range(5))
    old, young = (dataset / "objects" / "ab" / f".tmp-1-{n}" for n in (1, 2))
    old.parent.mkdir(exist_ok=True)
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    publish(dataset)
    assert [old.exists(), young.exists()] == [False, True]


def test_something_in_the_way_is_told_before_any_work(dataset, crawl):
    crawl("1", range(5))
    (dataset / "v1").mkdir()
    (dataset / "v1" / "notes.txt").touch()
    with pytest.raises(PublishError, match="v1: is in the way"):
        publish(dataset)
    assert left_overs(dataset) == []
    shutil.rmtree(dataset / "v1")
    (dataset / "latest").mkdir()
    with pytest.raises(PublishError, match="latest: this is a folder"):
        publish(dataset)
    assert not (dataset / "v1").exists()


def test_a_link_that_cannot_be_set_leaves_no_version(dataset, crawl, monkeypatch):
    crawl("1", range(5))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "symlink_to", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(PublishError, match="disk is full"):
            publish(dataset)
    assert not (dataset / "v1").exists()
    assert left_overs(dataset) == []
    assert publish(dataset).number == 1


@pytest.fixture(scope="module")
def journalled(tmp_path_factory, jpeg):
    """Two journals with duplicates, products of several photos, and rejections."""
    dataset = tmp_path_factory.mktemp("journalled") / "demo"
    staging = Staging(dataset)
    for name, first in (("1", 0), ("2", 30)):
        with JournalWriter(staging.journals_folder / f"{name}.jsonl", per_class=35) as journal:
            for place in range(50):
                label = "saree" if place % 3 else "jeans"
                seed = (first + place) % 60 + 100 * (place % 3 != 0)
                data = jpeg(seed, quality=90 if place % 7 else 80)
                staging.objects.put(data)
                at = {"page": place // 10 + 1, "position": place % 10 + 1, "query": label}
                asin = f"{label} {seed // 2}" if place % 4 else f"{label} {name} {place}"
                journal.image(ImageRecord(label, sign(data), asin=asin, **at))
                if place % 5 == 0:
                    journal.rejection(Rejection(label, "sponsored", f"ad {name}.{place}", **at))
    return dataset


@pytest.mark.parametrize("seed", range(5))
def test_lines_in_any_order_give_the_same_files(journalled, tmp_path, seed):
    rng = random.Random(seed)
    expected = hashes(publish(copy_of(journalled, tmp_path / "ordered")).path)
    shuffled = copy_of(journalled, tmp_path / "shuffled")
    names = ["a", "b"] if seed % 2 else ["b", "a"]
    for name, path in zip(names, sorted((shuffled / "journals").iterdir()), strict=True):
        head, *lines = path.read_text().splitlines(keepends=True)
        rng.shuffle(lines)
        path.unlink()
        (shuffled / "journals" / f"{name}.jsonl").write_text(head + "".join(lines))
    version = publish(shuffled)
    assert hashes(version.path) == expected
    removed = json.loads((version.path / "version.json").read_text())["removed"]
    assert removed["exact"] > 0
    assert removed["near"] > 0


def test_groups_are_named_the_same_in_every_version(journalled, tmp_path):
    dataset = copy_of(journalled, tmp_path)
    groups = defaultdict(set)
    for _ in range(2):
        for row in open_version(publish(dataset).path).rows:
            groups[row.record.sha256].add(row.group)
    assert all(len(names) == 1 for names in groups.values())
