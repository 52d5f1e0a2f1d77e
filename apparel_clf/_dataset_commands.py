"""The commands ``apparel-clf dataset …``: arguments in, library calls, text or JSON out.

What is imported at the top is loaded by ``--help`` too; the library is imported in each command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from apparel_clf._outcome import Outcome

if TYPE_CHECKING:
    import argparse

    from apparel_clf.dataset import ManifestRow, Version


def _publish(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import publish

    return _published(publish(args.folder))


def _published(version: Version) -> Outcome:
    lines = [str(version.path)]
    lines += [f"{split}: {_listed(counts)}" for split, counts in version.counts.items()]
    lines += [*_left_out(version), *_missing(version)]
    unchanged = version.facts.get("parent") == version.id
    if unchanged:
        lines.append("nothing changed since the version before")
    document = {
        "path": str(version.path),
        "id": version.id,
        "unchanged": unchanged,
        "counts": version.counts,
        "removed": version.facts.get("removed", {}),
        "rejected": version.facts.get("rejected", {}),
    }
    return Outcome("\n".join(lines), document)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items())


def _left_out(version: Version) -> Iterator[str]:
    """Tell how many images were given and are not in the version, and why."""
    removed = {kind: n for kind, n in version.facts.get("removed", {}).items() if n}
    rejected = version.facts.get("rejected", {})
    if removed:
        yield f"duplicates removed: {_listed(removed)}"
    if rejected:
        yield f"left out: {_listed(rejected)} (see rejections.jsonl)"
    if "label_conflict" in rejected:
        yield (
            "label_conflict is what was found under several classes; say which is right with: "
            f"apparel-clf dataset curate {version.path.parent} --relabel LIST"
        )


def _missing(version: Version) -> Iterator[str]:
    """Warn of classes without an image in a split that should have a share of them."""
    policy = version.facts.get("policy", {})
    wanted = [split for split in ("val", "test") if policy.get(split, 0) > 0]
    for label in sorted({row.record.label for row in version.rows}):
        lacking = [split for split in wanted if not version.counts[split].get(label)]
        if lacking:
            reason = _why_missing([row for row in version.rows if row.record.label == label])
            yield f"warning: class {label} has no image for {' or '.join(lacking)}: {reason}"


def _why_missing(rows: Sequence[ManifestRow]) -> str:
    groups = len({row.group for row in rows})
    if all(row.record.given_split for row in rows):
        return "its pictures came with their splits"
    if groups == 1:
        return "its pictures form one group"
    return f"its {len(rows)} pictures form {groups} groups"


def _verify(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import verify
    from apparel_clf.dataset.version import resolve_version

    found = verify(resolve_version(args.version))
    return Outcome(str(found), found.to_json(), [str(problem) for problem in found.problems])


def _diff(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import diff
    from apparel_clf.dataset.version import resolve_version

    found = diff(resolve_version(args.before), resolve_version(args.after))
    return Outcome(found.summary(None) if args.all else str(found), found.to_json())


def _stats(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import stats
    from apparel_clf.dataset.version import resolve_version

    found = stats(resolve_version(args.version))
    return Outcome(str(found), found.to_json())


def _import(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import import_folder

    folder = args.output or _default_dataset(args.source)
    return _published(import_folder(args.source, folder, keep_splits=not args.new_splits))


def _default_dataset(source: Path) -> Path:
    from apparel_clf.dataset.version import is_version, resolve_version
    from apparel_clf.errors import SettingsError

    if is_version(resolve_version(source)):
        raise SettingsError(
            f"{source}: a dataset already. Name the folder of the dataset that its images are to "
            "go to: -o datasets/NAME"
        )
    return Path("datasets", source.resolve().name)


def _merge(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import merge

    return _published(merge(args.folder, args.others))


def _curate(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import curate

    version = curate(
        args.folder,
        reject={row["image"]: row.get("why", "") for row in _rows(args.reject)},
        relabel=_labels(args.relabel, _rows(args.relabel)),
        restore=[row["image"] for row in _rows(args.restore)],
        who=args.who,
        why=args.why,
    )
    return _published(version)


def _rows(path: Path | None) -> list[dict[str, str]]:
    from apparel_clf.dataset import read_list

    return read_list(path) if path else []


def _labels(path: Path | None, rows: Iterable[dict[str, str]]) -> dict[str, str]:
    """The class that a list gives each image, where it gives one and only one."""
    from apparel_clf.errors import DatasetError, SettingsError

    labels: dict[str, str] = {}
    for row in rows:
        image, label = row["image"], row.get("label", "")
        if not label:
            raise DatasetError(f"{path}: {image}: no class is given; write it after a comma")
        if labels.setdefault(image, label) != label:
            raise SettingsError(
                f"{path}: {image}: named twice, as {labels[image]!r} and as {label!r}"
            )
    return labels


def _duplicates(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import find_duplicates

    found = find_duplicates(args.folder)
    lines = [f"remove {r.image}: {r.kind} of {r.kept} ({r.reason})" for r in found.removals()]
    lines += [
        f"keep {link.first} and {link.second}: {link.kind} ({link.reason})"
        for group in found.groups
        for link in group.links
        if link.kind not in ("exact", "near")
    ]
    unreadable = [str(error) for error in found.unreadable]
    return Outcome("\n".join([*lines, str(found)]), found.to_json(), unreadable)


def _export(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import export_manifest, open_version
    from apparel_clf.dataset.version import resolve_version

    folder = resolve_version(args.version)
    output = export_manifest(folder, args.output, overwrite=args.force)
    version = open_version(folder)
    lost = sum(not row.record.image_url.startswith(("http:", "https:")) for row in version.rows)
    document = {
        "path": str(output),
        "id": version.id,
        "images": len(version),
        "without_address": lost,
    }
    more = f"; {lost} of them have no address and can't be fetched" if lost else ""
    return Outcome(f"{output}: {len(version)} images by address and hash{more}", document)


def _fetch(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import fetch

    version = fetch(
        args.shared,
        args.folder,
        allow_private=args.allow_private,
        allow_missing=args.allow_missing,
    )
    missing = version.facts.get("fetched", {}).get("missing", 0)
    document = {
        "path": str(version.path),
        "id": version.id,
        "images": len(version),
        "missing": missing,
    }
    text = f"{version.path}: {len(version)} images, {missing} missing\nversion id {version.id}"
    return Outcome(text, document)


DATASET_COMMANDS: dict[str, Callable[[argparse.Namespace], Outcome]] = {
    "dataset publish": _publish,
    "dataset verify": _verify,
    "dataset diff": _diff,
    "dataset stats": _stats,
    "dataset import": _import,
    "dataset merge": _merge,
    "dataset curate": _curate,
    "dataset duplicates": _duplicates,
    "dataset export": _export,
    "dataset fetch": _fetch,
}
