"""The commands ``apparel-clf dataset …``: arguments in, library calls, text or JSON out.

What is imported at the top is loaded by ``--help`` too; the library is imported in each command.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from apparel_clf._outcome import Outcome

if TYPE_CHECKING:
    import argparse

    from apparel_clf.dataset import Version


def _publish(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import publish

    return _published(publish(args.folder))


def _published(version: Version) -> Outcome:
    lines = [str(version.path)]
    for split, counts in version.counts.items():
        lines.append(f"{split}: " + ", ".join(f"{label} {n}" for label, n in counts.items()))
    document = {"path": str(version.path), "counts": version.counts}
    return Outcome("\n".join(lines), document)


def _verify(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import verify

    found = verify(args.version)
    return Outcome(str(found), found.to_json(), [str(problem) for problem in found.problems])


def _diff(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import diff

    found = diff(args.before, args.after)
    return Outcome(found.summary(None) if args.all else str(found), found.to_json())


def _stats(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import stats

    found = stats(args.version)
    return Outcome(str(found), found.to_json())


def _import(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import import_folder

    folder = args.output or Path("datasets", args.source.resolve().name)
    return _published(import_folder(args.source, folder, keep_splits=not args.new_splits))


def _merge(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import merge

    return _published(merge(args.folder, args.others))


def _curate(args: argparse.Namespace) -> Outcome:
    from apparel_clf.dataset import curate, read_list

    lists = {
        name: read_list(path) if path else []
        for name, path in (
            ("reject", args.reject),
            ("relabel", args.relabel),
            ("restore", args.restore),
        )
    }
    version = curate(
        args.folder,
        reject={row["image"]: row.get("why", "") for row in lists["reject"]},
        relabel={row["image"]: row.get("label", "") for row in lists["relabel"]},
        restore=[row["image"] for row in lists["restore"]],
        who=args.who,
        why=args.why,
    )
    return _published(version)


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

    output = export_manifest(args.version, args.output, overwrite=args.force)
    version = open_version(args.version)
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
