"""The folder that the guides are followed in: small photos, datasets of them, trained models.

The network is the library's own, with one thin convolution a block: `ApparelClassifier._blocks`
is what checks replace. ImageNet's weights are a file where Keras keeps them, with numbers for
these. Two things that take long and are tested elsewhere are cut short: the timing of bfloat16, and
the number of settings that `tune` tries.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import apparel_clf as ac
from apparel_clf.classifier import ApparelClassifier
from apparel_clf.model import weights
from apparel_clf.training import precision, tune

BLOCKS = ((4, 1), (4, 1), (4, 1), (8, 1), (8, 1))
GARMENTS = {"jeans": (60, 80, 150), "saree": (190, 60, 60), "trousers": (150, 140, 110)}
SHOES = {
    "boots": (90, 60, 40),
    "heels": (200, 40, 90),
    "loafers": (120, 30, 30),
    "sandals": (210, 180, 120),
    "sneakers": (70, 110, 200),
}


def photo(colour: tuple[int, int, int], seed: int, size: tuple[int, int] = (60, 80)) -> Image.Image:
    """A picture in shades of a colour that looks like no other seed's."""
    rng = np.random.default_rng([seed, *colour])
    shades = rng.normal(colour, 35.0, (8, 6, 3)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(shades).resize(size, Image.Resampling.BICUBIC)


def write_photos(folder: Path, classes: dict[str, tuple[int, int, int]], count: int) -> None:
    for label, colour in classes.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            photo(colour, number).save(folder / label / f"{number:02d}.jpg", quality=92)


def furnish(folder: Path) -> None:
    """Fill a folder with what the guides take for granted."""
    write_photos(folder / "my_photos", GARMENTS, 11)
    photo(GARMENTS["saree"], 500).save(folder / "my_photos" / "jeans" / "strayed.jpg")
    write_photos(folder / "shoe_photos", SHOES, 8)
    for place in ("x.jpg", "y.jpg", "shirt.jpg", "photos/1.jpg", "photos/2.jpg", "inbox/1.jpg"):
        path = folder / place
        path.parent.mkdir(exist_ok=True)
        photo(GARMENTS["saree"], 900 + len(place)).save(path)
    for name in ("shoes", "rehearsal"):
        ac.import_folder(folder / "shoe_photos", folder / "datasets" / name)
    first = ac.import_folder(folder / "my_photos", folder / "datasets" / "demo")
    out = first.rows[0]
    ac.curate(folder / "datasets" / "demo", reject=[out.path], why="to have a second version")
    (folder / "back.csv").write_text(f"{out.record.sha256},{out.record.label}\n")
    strayed = hash_of(folder / "my_photos" / "jeans" / "strayed.jpg")
    (folder / "wrong.csv").write_text(f"{strayed},saree\n")
    (folder / "bad.txt").write_text(hash_of(folder / "my_photos" / "trousers" / "03.jpg") + "\n")


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_quick(home: Path, patch: pytest.MonkeyPatch) -> None:
    """Put the small network and its weights in place for as long as the patch holds."""
    patch.setattr(ApparelClassifier, "_blocks", BLOCKS)
    patch.setattr(precision, "_bfloat16_ratio", lambda: 1.0)
    patch.setattr(tune, "_ADAM", {"learning_rate": (1e-2,), "batch_size": (32,), "l2": (0.1,)})
    patch.setattr(tune, "_LBFGS", {"l2": (1e-3, 1e-5)})
    patch.setenv("KERAS_HOME", str(home))
    digest = hashlib.md5(_weights_file(home).read_bytes(), usedforsecurity=False).hexdigest()
    patch.setattr(weights, "IMAGENET_MD5", digest)


def write_weights(home: Path) -> None:
    """Write numbers for the small network in the layout in which Keras publishes VGG16's."""
    path = _weights_file(home)
    path.parent.mkdir(parents=True)
    rng = np.random.default_rng(0)
    names, incoming = [], 3
    with h5py.File(path, "w") as file:
        for number, (filters, _) in enumerate(BLOCKS, start=1):
            name = f"block{number}_conv1"
            group = file.create_group(name)
            group["kernel"] = rng.normal(0, 0.3, (3, 3, incoming, filters)).astype(np.float32)
            group["bias"] = np.zeros(filters, np.float32)
            group.attrs["weight_names"] = ["kernel", "bias"]
            names.append(name)
            incoming = filters
        file.attrs["layer_names"] = names


def _weights_file(home: Path) -> Path:
    return home / "models" / weights.IMAGENET_FILE


def train_models(folder: Path) -> None:
    train, val, _ = ac.ImageFolder(folder / "datasets" / "demo").split()
    for name, seed in (("model", 0), ("a", 1), ("b", 2)):
        model = ApparelClassifier(image_size=32, random_state=seed, verbose=False)
        model.fit(train, val).save(folder / f"{name}.keras")
    ac.load(folder / "model.keras").export(folder / "model.onnx")
