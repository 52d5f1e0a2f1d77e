from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from apparel_clf.cli import main
from apparel_clf.dataset import JournalWriter, Rejection, publish, verify
from apparel_clf.errors import DatasetError, DatasetNotFoundError


@pytest.fixture(scope="module")
def published(tmp_path_factory, stage, encode_as):
    """A version of 24 images, four of them converted."""
    dataset = tmp_path_factory.mktemp("datasets") / "demo"
    stage(dataset, "1", range(12))
    stage(dataset, "2", range(100, 108), "saree")
    stage(dataset, "3", range(200, 204), "saree", encode_as("PNG"))
    with JournalWriter(dataset / "journals" / "1.jsonl") as journal:
        journal.rejection(Rejection("jeans", "sponsored", "an ad"))
    return publish(dataset)


@pytest.fixture
def copy(published, tmp_path):
    """A copy of that version to damage: real files, no links into the store."""
    return shutil.copytree(published.path, tmp_path / "copy")


def rewrite(path, change):
    """Change a file's bytes, whatever its permissions."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(change(data))


def flip(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def edit_facts(folder, **values):
    facts = json.loads((folder / "version.json").read_text()) | values
    (folder / "version.json").write_text(json.dumps(facts))


def make_older(folder):
    """Make the version one of those that were published before there was SHA256SUMS."""
    for name in ("SHA256SUMS", "croissant.json"):
        (folder / name).unlink()
    facts = json.loads((folder / "version.json").read_text())
    del facts["checksums"]
    (folder / "version.json").write_text(json.dumps(facts))


def told(found):
    return [(problem.path, problem.kind) for problem in found.problems]


def image(published, *, plain=True):
    rows = published.rows
    return next(row.path for row in rows if row.record.signature.plain == plain)


def test_a_published_version_is_whole(published):
    found = verify(published.path)
    assert found.ok
    assert (found.problems, found.unproven) == ((), 0)
    sizes = [p.stat().st_size for p in published.path.rglob("*") if p.is_file()]
    assert (found.files, found.size_bytes) == (len(sizes), sum(sizes))
    assert found.files > len(published) == 24
    assert verify(published.path.parent / "latest") == found
    assert f"whole; {len(sizes)} files" in str(found)


def test_sha256sum_itself_agrees(published):
    if not shutil.which("sha256sum"):
        pytest.skip("there is no sha256sum here")
    command = ["sha256sum", "-c", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=published.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK\n") == verify(published.path).files - 1


def test_where_it_is_and_who_may_read_it_makes_no_difference(copy):
    for path in copy.rglob("*"):
        path.chmod(0o700)
    assert verify(copy).ok


def test_one_flipped_bit_in_any_file_is_found(copy):
    for path in [p for p in copy.rglob("*") if p.is_file() and p.stat().st_size]:
        whole = path.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            rewrite(path, lambda data, place=place: flip(data, place))
            assert not verify(copy).ok, (path, place)
            rewrite(path, lambda _, whole=whole: whole)
    assert verify(copy).ok


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lambda p: p.unlink(), "missing"),
        (lambda p: rewrite(p, lambda data: flip(data, 1000)), "changed"),
        (lambda p: rewrite(p, lambda data: data[:-1]), "changed"),
        (lambda p: rewrite(p, lambda data: b""), "changed"),
        (lambda p: (p.unlink(), os.mkfifo(p)), "unreadable"),
        (lambda p: (p.unlink(), p.symlink_to("nowhere")), "changed"),
        (lambda p: p.symlink_to(p.rename(p.parents[3] / "elsewhere.jpg")), "changed"),
        (lambda p: (p.unlink(), p.mkdir()), "missing"),
    ],
)
def test_a_damaged_image_is_named(published, copy, damage, kind, plain):
    name = image(published, plain=plain)
    damage(copy / name)
    assert told(verify(copy)) == [(name, kind)]


@pytest.mark.parametrize(
    "name", ["train/jeans/copy.jpg", ".hidden", "notes.txt", "new/x.jpg", "train/\udcff.jpg"]
)
def test_a_file_too_many_is_named(copy, name):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_bytes(b"x")
    assert told(verify(copy)) == [(name, "extra")]


def test_a_link_too_many_is_named(copy):
    (copy / "more.jpg").symlink_to("README.md")
    assert told(verify(copy)) == [("more.jpg", "extra")]


@pytest.mark.parametrize("name", ["README.md", "rejections.jsonl", "version.json", "SHA256SUMS"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    assert told(verify(copy)) == [(name, "missing")]


def test_a_missing_manifest_is_named_first_of_all(copy):
    (copy / "manifest.jsonl").unlink()
    found = told(verify(copy))
    assert ("manifest.jsonl", "missing") in found
    assert ("version.json", "facts") in found


def test_a_card_that_was_edited_is_named(copy):
    rewrite(copy / "README.md", lambda data: data + b"\n")
    assert told(verify(copy)) == [("README.md", "changed")]


def test_a_manifest_that_is_cut_off_is_named_with_its_line(published, copy):
    rewrite(copy / "manifest.jsonl", lambda data: data[:-20])
    found = verify(copy)
    assert [p for p in found.problems if "line 24: damaged (it is cut off)" in p.reason]
    assert ("manifest.jsonl", "changed") in told(found)
    assert (published.rows[-1].path, "manifest") in told(found)


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"3",
        b"{}",
        b"not json",
        b"[" * 100_000,
        b'{"path": 3}',
        b'{"path": "train/../x.jpg"}',
    ],
)
def test_a_manifest_line_of_nonsense_is_no_error(copy, line):
    rewrite(copy / "manifest.jsonl", lambda data: data + line + b"\n")
    assert told(verify(copy)) == [("manifest.jsonl", "changed"), ("manifest.jsonl", "manifest")]


def test_a_group_in_two_splits_is_named(published, copy):
    one, other = published.rows[0], published.rows[-1]
    assert one.split != other.split
    groups = [f'"group": "{row.group}"'.encode() for row in (other, one)]
    rewrite(copy / "manifest.jsonl", lambda data: data.replace(*groups))
    found = verify(copy)
    assert told(found) == [("manifest.jsonl", "changed"), ("manifest.jsonl", "manifest")]
    assert f"'{one.group}' lies in test and val" in found.problems[1].reason


def test_a_row_too_many_is_named(copy):
    rewrite(copy / "manifest.jsonl", lambda data: data + data.splitlines(keepends=True)[0])
    found = verify(copy)
    assert told(found) == [("manifest.jsonl", "changed"), ("manifest.jsonl", "manifest")]
    assert "names the same file" in found.problems[1].reason


def test_manifest_and_sums_that_were_changed_together_do_not_have_the_id(published, copy):
    (copy / published.rows[0].path).unlink()
    rewrite(copy / "manifest.jsonl", lambda data: data.partition(b"\n")[2])
    rewrite(copy / "SHA256SUMS", lambda data: data.replace(published.id.encode(), b"0" * 64))
    assert ("manifest.jsonl", "changed") in told(verify(copy))


def test_counts_that_do_not_agree_are_named(copy):
    facts = json.loads((copy / "version.json").read_text())
    facts["counts"]["train"]["jeans"] += 1
    edit_facts(copy, counts=facts["counts"], images=99)
    reasons = [p.reason for p in verify(copy).problems if p.kind == "facts"]
    assert reasons == [
        "counts 9 images in train/jeans, the manifest 8",
        "counts 99 images, the manifest 24",
    ]


@pytest.mark.parametrize(
    "text", ["{}", "[]", "3", "{", '{"format": 99}', '{"format": 1}', '{"format": 1, "counts": 3}']
)
def test_facts_of_nonsense_are_no_error(copy, text):
    (copy / "version.json").write_text(text)
    assert {("version.json", "facts"), ("version.json", "changed")} <= set(told(verify(copy)))


def test_a_line_of_the_sums_that_is_damaged_or_missing_is_named(published, copy):
    name = image(published)
    rewrite(
        copy / "SHA256SUMS",
        lambda data: b"".join(x for x in data.splitlines(True) if name.encode() not in x) + b"x\n",
    )
    assert told(verify(copy)) == [("SHA256SUMS", "sums"), (name, "sums")]


def test_sums_lead_nowhere_else(copy):
    line = f"{'0' * 64}  ../../secret\n".encode()
    rewrite(copy / "SHA256SUMS", lambda data: data + line)
    assert told(verify(copy)) == [("SHA256SUMS", "sums")]


def test_where_sums_and_manifest_differ_the_manifest_is_believed(published, copy):
    name = image(published)
    digest = name[-68:-4].encode()
    rewrite(copy / "SHA256SUMS", lambda data: data.replace(digest + b" ", b"0" * 64 + b" "))
    assert told(verify(copy)) == [(name, "sums")]


def test_a_file_that_the_sums_alone_name_is_no_part_of_the_version(copy):
    line = f"{'0' * 64}  train/jeans/{'0' * 64}.jpg\n".encode()
    rewrite(copy / "SHA256SUMS", lambda data: data + line)
    kinds = [kind for _, kind in told(verify(copy))]
    assert kinds == ["manifest", "missing"]


def test_an_older_version_is_checked_by_its_names(published, copy):
    make_older(copy)
    found = verify(copy)
    assert found.ok
    assert found.unproven == 4
    assert "4 converted images could not be checked" in str(found)
    plain, converted = image(published), image(published, plain=False)
    for name in (plain, converted):
        rewrite(copy / name, lambda data: flip(data, 1000))
    assert told(verify(copy)) == [(plain, "changed")]
    (copy / converted).unlink()
    (copy / "rejections.jsonl").unlink()  # the very first versions have none
    assert set(told(verify(copy))) == {(plain, "changed"), (converted, "missing")}


def test_everything_that_is_wrong_is_listed(published, copy):
    for row in published.rows:
        (copy / row.path).unlink()
    assert told(verify(copy)) == [(row.path, "missing") for row in published.rows]


def test_what_is_no_version_at_all_is_an_error(published, tmp_path):
    with pytest.raises(DatasetNotFoundError):
        verify(tmp_path / "none")
    with pytest.raises(DatasetError, match="not a version"):
        verify(tmp_path)
    with pytest.raises(DatasetError, match="demo/latest"):
        verify(published.path.parent)
    with pytest.raises(DatasetNotFoundError, match="this is a file"):
        verify(published.path / "README.md")


def test_the_command_says_whole_or_names_each_problem(published, copy, capsys):
    assert main(["dataset", "verify", str(published.path)]) == 0
    out, err = capsys.readouterr()
    assert "whole" in out
    assert err == ""
    name = image(published)
    (copy / name).unlink()
    (copy / "x").touch()
    assert main(["dataset", "verify", str(copy), "--json"]) == 1
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert (answer["ok"], [p["kind"] for p in answer["problems"]]) == (False, ["missing", "extra"])
    assert err.splitlines() == [
        f"apparel-clf: error: {name}: this file is missing",
        "apparel-clf: error: x: nothing names this file",
    ]
