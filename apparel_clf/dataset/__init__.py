"""Folders of images: read one, find duplicates, split by group, publish a version."""

from apparel_clf.dataset.duplicates import (
    DuplicateIndex,
    Duplicates,
    Removal,
    find_duplicates,
    near_pairs,
)
from apparel_clf.dataset.folder import ImageFolder, ImageSet, Sample
from apparel_clf.dataset.plan import ManifestRow, Plan, Policy, plan_version
from apparel_clf.dataset.publish import publish
from apparel_clf.dataset.records import ImageRecord, PageRecord, Place, Rejection, check_label
from apparel_clf.dataset.splits import SPLITS, assign_splits
from apparel_clf.dataset.staging import (
    Journal,
    JournalWriter,
    ObjectStore,
    Staging,
    read_journal,
)
from apparel_clf.dataset.version import Version, open_version, version_numbers

__all__ = [
    "SPLITS",
    "DuplicateIndex",
    "Duplicates",
    "ImageFolder",
    "ImageRecord",
    "ImageSet",
    "Journal",
    "JournalWriter",
    "ManifestRow",
    "ObjectStore",
    "PageRecord",
    "Place",
    "Plan",
    "Policy",
    "Rejection",
    "Removal",
    "Sample",
    "Staging",
    "Version",
    "assign_splits",
    "check_label",
    "find_duplicates",
    "near_pairs",
    "open_version",
    "plan_version",
    "publish",
    "read_journal",
    "version_numbers",
]
