"""The drawn catalogue: the same everywhere, never twice the same, and what its cards say."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apparel_clf.dataset import find_duplicates
from apparel_clf.errors import SettingsError
from apparel_clf.images.signature import sign
from crawler.storefront.garments import (
    GARMENT_CLASSES,
    Garment,
    design,
    draw,
    jeans,
    legs,
    motifs,
    palette,
    photo,
    silk,
    spec,
    trousers,
)

ROOT = Path(__file__).parents[3]
SMALL = (120, 160)
WORDS = {"jeans": "Jeans", "trousers": "Trousers", "saree": "Saree"}
POSES = {
    "jeans": sorted(spec.LEG_POSES),
    "trousers": sorted(spec.LEG_POSES),
    "saree": sorted(spec.SAREE_POSES),
}
EVERY_POSE = [(label, pose) for label in GARMENT_CLASSES for pose in POSES[label]]
SOME = [(label, seed) for label in GARMENT_CLASSES for seed in range(120)]


def pixels(garment: Garment, size=SMALL):
    return np.asarray(draw(garment, size)).astype(int)


def shown(label, pose, **changes):
    return replace(design(label, 5), pose=pose, background="white", **changes)


# --- the specification -------------------------------------------------------------------------


def test_the_classes_are_the_three_of_the_catalogue():
    assert GARMENT_CLASSES == ("jeans", "trousers", "saree")


@pytest.mark.parametrize("label", GARMENT_CLASSES)
def test_a_design_depends_on_label_and_seed_alone(label):
    first = [design(label, seed) for seed in range(30)]
    again = [design(label, seed) for seed in reversed(range(30))][::-1]
    assert first == again
    assert len({(g.title, g.price, g.pose, g.background) for g in first}) == 30
    assert all((g.label, g.seed) == (label, seed) for seed, g in enumerate(first))


def test_a_garment_can_be_a_key_and_cannot_be_changed():
    garment = design("jeans", 1)
    assert garment in {garment}
    with pytest.raises(AttributeError):
        garment.price = 1.0


@pytest.mark.parametrize(("label", "seed"), [("shirt", 0), ("Jeans", 0), ("", 1)])
def test_an_unknown_label_is_refused(label, seed):
    with pytest.raises(SettingsError, match=re.escape(f"Received: label={label!r}")):
        design(label, seed)


def test_a_negative_seed_is_refused():
    with pytest.raises(SettingsError, match="seed=-1"):
        design("saree", -1)


@pytest.mark.parametrize(("label", "seed"), SOME[::7])
def test_a_title_names_its_own_class_and_no_other(label, seed):
    garment = design(label, seed)
    named = {c for c, word in WORDS.items() if re.search(rf"\b{word}\b", garment.title)}
    assert named == {label}
    assert garment.brand not in garment.title
    assert garment.title.startswith("Women's" if label == "saree" else "Men's")


@pytest.mark.parametrize(("label", "seed"), SOME[::11])
def test_a_title_tells_what_is_drawn(label, seed):
    garment = design(label, seed)
    assert garment.colour in garment.title
    assert garment.colour in palette(label)
    if label == "saree":
        assert garment.cloth in garment.title
        assert (garment.accent in garment.title) or garment.accent == garment.colour
    else:
        assert f"{garment.cut.title()} Fit" in garment.title
    if garment.pattern == "ripped":
        assert "Ripped" in garment.title
    if label == "trousers" and garment.pattern != "solid":
        assert garment.title.endswith(garment.pattern.title())


def test_prices_and_brands_are_those_of_a_shop():
    garments = [design(label, seed) for label, seed in SOME]
    assert all(9 < g.price < 250 and round(g.price, 2) == g.price for g in garments)
    assert all(len({g.brand for g in garments if g.label == c}) >= 5 for c in GARMENT_CLASSES)


@pytest.mark.parametrize("label", GARMENT_CLASSES)
def test_a_class_uses_all_its_poses_colours_and_most_backgrounds(label):
    garments = [design(label, seed) for seed in range(400)]
    assert {g.pose for g in garments} == set(POSES[label])
    assert {g.colour for g in garments} == set(palette(label))
    assert len({g.pattern for g in garments}) >= 5
    scenes = [g.background.partition(":")[0] for g in garments]
    assert {"white", "near white", "grey", "studio", "room"} <= set(scenes)
    assert scenes.count("white") + scenes.count("near white") > 200


def test_trousers_and_jeans_come_in_colours_that_overlap():
    dyed = np.array([wash[0] for wash in jeans.WASHES.values()])
    away = [np.abs(dyed - np.array(c)).max(axis=1).min() for c in trousers.COLOURS.values()]
    assert sum(a < 0.06 for a in away) >= 6


# --- the pictures ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(480, 640), (97, 131), (200, 200), (300, 120), (16, 16)])
def test_a_picture_has_exactly_the_size_asked_for(size):
    picture = draw(design("trousers", 3), size)
    assert picture.size == size
    assert picture.mode == "RGB"


@pytest.mark.parametrize("size", [(15, 100), (100, 0)])
def test_a_picture_too_small_to_draw_is_refused(size):
    with pytest.raises(SettingsError, match="16 or more"):
        draw(design("jeans", 0), size)


@pytest.mark.parametrize("label", GARMENT_CLASSES)
def test_the_same_garment_gives_the_same_pixels_whatever_was_drawn_before(label):
    before = draw(design(label, 8), SMALL).tobytes()
    for other in GARMENT_CLASSES:
        draw(design(other, 9), (90, 120))
    assert draw(design(label, 8), SMALL).tobytes() == before


def test_another_process_with_another_hash_seed_draws_the_same():
    script = (
        "import hashlib; from crawler.storefront.garments import *;"
        "print(hashlib.sha256(b''.join(draw(design(c, 4), (120, 160)).tobytes()"
        " for c in GARMENT_CLASSES)).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    here = b"".join(draw(design(c, 4), SMALL).tobytes() for c in GARMENT_CLASSES)
    assert done.stdout.strip() == hashlib.sha256(here).hexdigest()


@pytest.mark.parametrize(("label", "pose"), EVERY_POSE)
def test_every_pose_shows_a_garment_that_fills_its_share_of_the_picture(label, pose):
    made = pixels(shown(label, pose))
    painted = (made.min(axis=2) < 225).mean()
    assert 0.07 < painted < 0.97
    assert made.std() > 20


@pytest.mark.parametrize("label", GARMENT_CLASSES)
def test_poses_differ_from_each_other(label):
    made = {pose: pixels(shown(label, pose)) for pose in POSES[label]}
    for one, other in itertools.combinations(made, 2):
        assert np.abs(made[one] - made[other]).mean() > 0.3, (one, other)


@pytest.mark.parametrize("cut", sorted(legs.CUTS))
@pytest.mark.parametrize("label", ["jeans", "trousers"])
def test_a_cut_changes_the_silhouette(label, cut):
    other = "wide" if cut != "wide" else "skinny"
    one, two = (pixels(shown(label, "ghost", cut=c)) for c in (cut, other))
    assert np.abs(one - two).mean() > 1


@pytest.mark.parametrize("pattern", sorted(jeans.FADES))
def test_a_fade_changes_denim_alone(pattern):
    made, clean = (pixels(shown("jeans", "ghost", pattern=p)) for p in (pattern, "clean"))
    assert (np.abs(made - clean).mean() > 0.3) == (pattern != "clean")


@pytest.mark.parametrize("pattern", [p for p in trousers.PATTERNS if p != "solid"])
def test_stripes_and_checks_can_be_seen(pattern):
    size = (240, 320)
    made, plain = (pixels(shown("trousers", "crop", pattern=p), size) for p in (pattern, "solid"))
    assert np.abs(made - plain).mean() > 0.5


@pytest.mark.parametrize("motif", [m for m in motifs.MOTIFS if m != "plain"])
def test_a_motif_can_be_seen_on_the_saree(motif):
    colours = {"colour": "Navy", "accent": "Red"}
    made, plain = (pixels(shown("saree", "half", pattern=m, **colours)) for m in (motif, "plain"))
    assert np.abs(made - plain).mean() > 0.5


@pytest.mark.parametrize("label", GARMENT_CLASSES)
def test_another_colour_recolours_the_garment_and_leaves_the_scene(label):
    def folded(colour):
        if label == "saree":
            return pixels(shown(label, "folded", colour=colour, accent=colour, pattern="plain"))
        return pixels(shown(label, "folded", colour=colour, accent="tonal"))

    dark, bright = folded("Black"), folded("Off White")
    changed = np.abs(dark - bright).max(axis=2) > 60
    assert 0.08 < changed.mean() < 0.8
    assert dark[changed].mean() + 80 < bright[changed].mean()
    assert not changed[0].any()


@pytest.mark.parametrize("colour", ["Maroon", "Mustard", "Royal Blue", "Bottle Green"])
def test_a_saree_has_the_colour_of_its_title(colour):
    made = pixels(shown("saree", "folded", colour=colour, accent=colour, pattern="plain")) / 255
    middle = np.median(made[60:100, 45:75].reshape(-1, 3), axis=0)
    away = {name: np.abs(middle - np.array(c)).sum() for name, c in silk.COLOURS.items()}
    assert colour in sorted(away, key=away.get)[:4]


@pytest.mark.parametrize(
    ("background", "low", "high"),
    [("white", 235, 256), ("near white", 215, 256), ("grey", 120, 230), ("studio:night", 0, 110)],
)
def test_a_background_is_what_its_name_says(background, low, high):
    made = pixels(replace(design("saree", 2), pose="standing", background=background))
    corners = made[:8, [*range(8), *range(-8, 0)]]
    assert low <= corners.mean() < high


@pytest.mark.parametrize("label", GARMENT_CLASSES)
def test_a_garment_throws_a_soft_shadow(label):
    garment = shown(label, "flat" if label != "saree" else "folded")
    made = pixels(garment, (240, 320)).mean(axis=2)
    assert ((made > 150) & (made < 245)).mean() > 0.01


def signatures(seeds):
    for label in GARMENT_CLASSES:
        for seed in seeds:
            file = io.BytesIO()
            draw(design(label, seed), (240, 320)).save(file, "JPEG", quality=90)
            yield sign(file.getvalue())


def test_no_two_pictures_are_near_duplicates():
    assert find_duplicates(list(signatures(range(50)))).removals() == ()


def test_sarees_are_easy_to_tell_and_jeans_from_trousers_are_not_trivial():
    model = pytest.importorskip("sklearn.linear_model").RidgeClassifier(alpha=30.0)
    seeds = range(64)
    keys = itertools.product(GARMENT_CLASSES, seeds)
    rows = {key: pixels(design(*key), (24, 32)).ravel() / 255 for key in keys}
    train = [key for key in rows if key[1] < 48]
    test = [key for key in rows if key[1] >= 48]
    model.fit([rows[key] for key in train], [label for label, _ in train])
    guessed = model.predict([rows[key] for key in test])
    truth = np.array([label for label, _ in test])
    saree = truth == "saree"
    assert ((guessed == "saree") == saree).mean() > 0.75
    assert (guessed == truth)[~saree].mean() < 0.95


def test_the_drawing_reads_no_field_that_the_title_hides():
    drawn = {f.name for f in fields(Garment)} - {"brand", "title", "price"}
    garment = design("trousers", 6)
    relabelled = replace(garment, brand="x", title="y", price=1.0)
    assert drawn >= {"cut", "cloth", "colour", "pattern", "pose", "background"}
    assert draw(garment, SMALL).tobytes() == draw(relabelled, SMALL).tobytes()
    assert isinstance(photo.draw(garment, SMALL), Image.Image)
