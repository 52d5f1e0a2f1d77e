"""Folders of images: read one, find duplicates, split by group, publish a version."""

from apparel_clf.dataset.curate import curate, decide, read_list
from apparel_clf.dataset.decisions import Decision, read_decisions
from apparel_clf.dataset.diff import Change, Diff, diff
from apparel_clf.dataset.duplicates import (
    DuplicateIndex,
    Duplicates,
    Group,
    Link,
    Removal,
    find_duplicates,
)
from apparel_clf.dataset.fetch import fetch
from apparel_clf.dataset.folder import ImageFolder, ImageSet, Sample, groups_of, hash_of
from apparel_clf.dataset.importing import add_folder, import_folder, merge
from apparel_clf.dataset.marks import MarkedNumbers, Marks
from apparel_clf.dataset.neighbours import near_pairs
from apparel_clf.dataset.plan import ManifestRow, Plan, Policy, plan_version
from apparel_clf.dataset.publish import publish
from apparel_clf.dataset.records import (
    ImageRecord,
    PageRecord,
    Place,
    Rejection,
    check_label,
    check_labels,
)
from apparel_clf.dataset.share import export_manifest
from apparel_clf.dataset.signature_file import SignatureFile
from apparel_clf.dataset.splits import SPLITS, assign_splits
from apparel_clf.dataset.staging import (
    Journal,
    JournalWriter,
    ObjectStore,
    Staging,
    read_journal,
)
from apparel_clf.dataset.stats import Stats, stats
from apparel_clf.dataset.verify import Problem, Verification, verify
from apparel_clf.dataset.version import Version, open_version, version_numbers

__all__ = [
    "SPLITS",
    "Change",
    "Decision",
    "Diff",
    "DuplicateIndex",
    "Duplicates",
    "Group",
    "ImageFolder",
    "ImageRecord",
    "ImageSet",
    "Journal",
    "JournalWriter",
    "Link",
    "ManifestRow",
    "MarkedNumbers",
    "Marks",
    "ObjectStore",
    "PageRecord",
    "Place",
    "Plan",
    "Policy",
    "Problem",
    "Rejection",
    "Removal",
    "Sample",
    "SignatureFile",
    "Staging",
    "Stats",
    "Verification",
    "Version",
    "add_folder",
    "assign_splits",
    "check_label",
    "check_labels",
    "curate",
    "decide",
    "diff",
    "export_manifest",
    "fetch",
    "find_duplicates",
    "groups_of",
    "hash_of",
    "import_folder",
    "merge",
    "near_pairs",
    "open_version",
    "plan_version",
    "publish",
    "read_decisions",
    "read_journal",
    "read_list",
    "stats",
    "verify",
    "version_numbers",
]
