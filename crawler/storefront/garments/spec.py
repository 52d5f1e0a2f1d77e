"""What one garment is, and what its card says: cut, cloth, colour, pose, brand, title, price."""

from __future__ import annotations

from dataclasses import dataclass

from apparel_clf.errors import SettingsError
from crawler.storefront.garments import jeans, silk, trousers
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.motifs import MOTIFS
from crawler.storefront.garments.scene import LYING_SCENES, STUDIO_COLOURS

GARMENT_CLASSES: tuple[str, ...] = ("jeans", "trousers", "saree")

_BRANDS = {
    "jeans": ("Brindlow", "Quarrowe", "Tamsett Dry Goods", "Oxenfell", "Halvern Works", "Dunmarsh"),
    "trousers": (
        "Hollincote",
        "Veldrin",
        "Ashgrave & Low",
        "Pellworth",
        "Tamsett Dry Goods",
        "Marchwold",
    ),
    "saree": ("Ruhkala", "Vastrilok", "Suravesh Looms", "Nirvaani House", "Chitrakosh", "Anvikaar"),
}
_PRICES = {"jeans": (19, 89), "trousers": (17, 79), "saree": (22, 189)}

LEG_POSES = {
    "standing": 20.0,
    "apart": 8.0,
    "walking": 13.0,
    "turned": 12.0,
    "leaning": 10.0,
    "back": 9.0,
    "hanger": 5.0,
    "ghost": 8.0,
    "flat": 7.0,
    "folded": 4.0,
    "crop": 7.0,
}
SAREE_POSES = {
    "standing": 38.0,
    "arm out": 22.0,
    "dress form": 9.0,
    "back": 8.0,
    "half": 10.0,
    "folded": 8.0,
    "hanging": 6.0,
}
LYING = ("flat", "folded")

_WASHES = {
    "Raw Indigo": 7.0,
    "Dark Indigo": 14.0,
    "Washed Indigo": 16.0,
    "Mid Blue": 14.0,
    "Classic Blue": 9.0,
    "Light Blue": 10.0,
    "Ice Blue": 5.0,
    "Vintage Blue": 8.0,
    "Black": 7.0,
    "Washed Black": 6.0,
    "Charcoal": 5.0,
    "Grey": 4.0,
    "Khaki": 2.5,
    "Olive": 2.0,
    "Brown": 2.0,
    "Off White": 2.5,
}
_COLOURS = {
    "Navy": 10.0,
    "Dark Blue": 4.0,
    "Airforce Blue": 3.5,
    "Powder Blue": 2.0,
    "Black": 9.0,
    "Charcoal": 9.0,
    "Grey": 7.0,
    "Light Grey": 6.0,
    "Khaki": 9.0,
    "Beige": 8.0,
    "Stone": 5.0,
    "Off White": 3.0,
    "Tan": 3.0,
    "Brown": 4.0,
    "Coffee": 4.0,
    "Olive": 5.0,
    "Bottle Green": 3.0,
    "Sage": 2.0,
    "Maroon": 2.0,
    "Rust": 1.5,
    "Taupe": 3.0,
}
_STYLES = {"chino": 32.0, "formal": 30.0, "pleated": 12.0, "five-pocket": 16.0, "cargo": 10.0}
_STYLE_WORDS = {
    "chino": "Chinos Trousers",
    "formal": "Formal Trousers",
    "pleated": "Pleated Trousers",
    "five-pocket": "5-Pocket Trousers",
    "cargo": "Cargo Trousers",
}
_STYLE_CLOTH = {
    "chino": ("Cotton Twill", "Stretch Cotton", "Cotton", "Linen Blend"),
    "formal": ("Poly-Viscose", "Wool Blend"),
    "pleated": ("Poly-Viscose", "Wool Blend", "Linen Blend"),
    "five-pocket": ("Cotton Twill", "Stretch Cotton", "Corduroy"),
    "cargo": ("Cotton Twill", "Cotton"),
}
_STYLE_PATTERNS = {
    "formal": {
        "solid": 50.0,
        "melange": 12.0,
        "pinstripe": 15.0,
        "windowpane": 7.0,
        "glen check": 8.0,
        "houndstooth": 4.0,
        "tartan": 4.0,
    },
    "pleated": {
        "solid": 60.0,
        "melange": 10.0,
        "pinstripe": 12.0,
        "windowpane": 9.0,
        "glen check": 9.0,
    },
    "chino": {"solid": 88.0, "melange": 4.0, "windowpane": 4.0, "houndstooth": 4.0},
}
_CUTS = {
    "jeans": {
        "skinny": 5.0,
        "slim": 10.0,
        "tapered": 6.0,
        "straight": 9.0,
        "regular": 8.0,
        "relaxed": 5.0,
        "bootcut": 5.0,
        "wide": 2.0,
    },
    "trousers": {
        "skinny": 2.0,
        "slim": 10.0,
        "tapered": 7.0,
        "straight": 8.0,
        "regular": 10.0,
        "relaxed": 5.0,
        "bootcut": 2.0,
        "wide": 3.0,
    },
}

SAREE_CLOTHS: dict[str, float] = {
    "Banarasi Silk": 1.0,
    "Art Silk": 0.8,
    "Satin Silk": 1.0,
    "Tussar Silk": 0.55,
    "Chanderi": 0.5,
    "Chiffon": 0.4,
    "Georgette": 0.4,
    "Cotton": 0.0,
    "Linen": 0.05,
    "Cotton Silk": 0.45,
}
_MOTIF_WORDS = {
    "plain": "Plain",
    "buti": "Woven Buti",
    "paisley": "Paisley",
    "dots": "Dotted",
    "jaal": "Floral Jaal",
    "ikat": "Ikat",
    "checks": "Checked",
    "stripes": "Striped",
    "floral": "Floral",
    "leheriya": "Leheriya",
    "bandhani": "Bandhani",
    "diamond": "Diamond Buti",
}


@dataclass(frozen=True)
class Garment:
    """One product of the drawn catalogue: what is drawn, and what its card says.

    Args:
        label: one of `GARMENT_CLASSES`.
        seed: number of the garment within its class.
        brand: an invented brand.
        title: text of the card, without the brand.
        price: in the shop's currency.
        style: ``"jeans"``, a style of trousers, or ``"saree"``.
        cut: silhouette of the legs; ``"draped"`` for a saree.
        cloth: what it is made of.
        colour: main colour, a key of the class's colours.
        accent: colour of the topstitching or of the saree's border.
        pattern: fade, check, stripe or motif.
        pose: how it is shown.
        background: where it is shown.
    """

    label: str
    seed: int
    brand: str
    title: str
    price: float
    style: str
    cut: str
    cloth: str
    colour: str
    accent: str
    pattern: str
    pose: str
    background: str


def design(label: str, seed: int) -> Garment:
    """Think up a garment. The same label and seed always give the same one.

    Args:
        label: one of `GARMENT_CLASSES`.
        seed: any whole number from 0.

    Returns:
        The garment, not drawn yet.

    Raises:
        SettingsError: an unknown label or a negative seed; it is a ValueError too.

    Example:
        >>> design("saree", 3) == design("saree", 3)
        True
    """
    if label not in GARMENT_CLASSES:
        raise SettingsError(
            f"Expected label to be one of {GARMENT_CLASSES}. Received: label={label!r}"
        )
    if seed < 0:
        raise SettingsError(f"Expected seed to be 0 or more. Received: seed={seed}")
    chance = Chance(label, seed, "design")
    low, high = _PRICES[label]
    facts = {"jeans": _jeans, "trousers": _trousers, "saree": _saree}[label](chance)
    return Garment(
        label=label,
        seed=seed,
        brand=chance.pick(_BRANDS[label]),
        price=chance.whole(low, high) + chance.pick([0.99, 0.5, 0.95]),
        background=_background(facts["pose"], chance),
        **facts,
    )


def _background(pose: str, chance: Chance) -> str:
    if pose in LYING:
        scenes = dict(zip(LYING_SCENES, (4.0, 3.0, 2.0, 3.0, 2.0), strict=True))
    else:
        scenes = {"white": 46.0, "near white": 20.0, "grey": 12.0, "studio": 12.0, "room": 10.0}
    name = chance.weigh(scenes)
    return f"{name}:{chance.pick(tuple(STUDIO_COLOURS))}" if name == "studio" else name


def _jeans(chance: Chance) -> dict[str, str]:
    wash = chance.weigh(_WASHES)
    plain = wash in ("Black", "Khaki", "Olive", "Brown", "Off White", "Raw Indigo")
    faded = {
        "light fade": 6.0,
        "heavy fade": 5.0,
        "whiskered": 6.0,
        "ripped": 3.0,
        "acid wash": 1.0,
    }
    fade = chance.weigh({"clean": 3.0, "light fade": 1.0} if plain else {"clean": 4.0, **faded})
    thread = chance.weigh(
        {"tonal": 6.0, "tobacco": 2.0}
        if plain
        else {"tobacco": 6.0, "gold": 4.0, "tonal": 4.0, "white": 1.0, "red": 0.6}
    )
    cut = chance.weigh(_CUTS["jeans"])
    cloth = chance.pick(["Stretch Denim", "Rigid Denim", "Organic Denim"])
    words = {
        "clean": "",
        "light fade": "",
        "heavy fade": "Faded ",
        "whiskered": "Whisker Wash ",
        "ripped": "Ripped ",
        "acid wash": "Acid Wash ",
    }[fade]
    kind = {"Stretch Denim": "Stretch ", "Rigid Denim": "", "Organic Denim": "Organic Cotton "}[
        cloth
    ]
    return {
        "style": "jeans",
        "cut": cut,
        "cloth": cloth,
        "colour": wash,
        "accent": thread,
        "pattern": fade,
        "pose": chance.weigh(LEG_POSES),
        "title": f"Men's {cut.title()} Fit {words}{kind}Jeans, {wash}",
    }


def _trousers(chance: Chance) -> dict[str, str]:
    style = chance.weigh(_STYLES)
    cloth = chance.pick(_STYLE_CLOTH[style])
    pattern = chance.weigh(_STYLE_PATTERNS.get(style, {"solid": 1.0}))
    cuts = {
        k: v
        for k, v in _CUTS["trousers"].items()
        if style != "pleated" or k not in ("skinny", "bootcut")
    }
    cut, colour = chance.weigh(cuts), chance.weigh(_COLOURS)
    tail = "" if pattern == "solid" else f" {pattern.title()}"
    return {
        "style": style,
        "cut": cut,
        "cloth": cloth,
        "colour": colour,
        "accent": "tonal",
        "pattern": pattern,
        "pose": chance.weigh(LEG_POSES),
        "title": f"Men's {cut.title()} Fit {cloth} {_STYLE_WORDS[style]}, {colour}{tail}",
    }


def _saree(chance: Chance) -> dict[str, str]:
    cloth, motif = chance.pick(tuple(SAREE_CLOTHS)), chance.pick(MOTIFS)
    colour = chance.pick(tuple(silk.COLOURS))
    accent = colour if chance.maybe(0.15) else chance.pick(tuple(silk.COLOURS))
    trim = "" if accent == colour else f" with {accent} Border"
    return {
        "style": "saree",
        "cut": "draped",
        "cloth": cloth,
        "colour": colour,
        "accent": accent,
        "pattern": motif,
        "pose": chance.weigh(SAREE_POSES),
        "title": f"Women's {cloth} {_MOTIF_WORDS[motif]} Saree with Blouse Piece, {colour}{trim}",
    }


def palette(label: str) -> tuple[str, ...]:
    """Return the names of the colours that a class comes in."""
    if label == "jeans":
        return tuple(jeans.WASHES)
    return tuple(trousers.COLOURS if label == "trousers" else silk.COLOURS)
