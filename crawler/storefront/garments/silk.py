"""Saree cloth: woven and printed motifs, zari borders, the pallu's end, and how silk shines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import flat, lighter, luma, mix, rgb, step, texture
from crawler.storefront.garments.motifs import (
    BORDERS,
    Masks,
    border,
    look_up,
    motif,
    texels,
)
from crawler.storefront.garments.ribbon import Colour, Floats, Patch

COLOURS: dict[str, Colour] = {
    "Maroon": rgb("#6b1526"),
    "Red": rgb("#b3182a"),
    "Rani Pink": rgb("#c02468"),
    "Magenta": rgb("#8e1d63"),
    "Peach": rgb("#eeb397"),
    "Blush Pink": rgb("#e3b0b4"),
    "Orange": rgb("#d9641f"),
    "Mustard": rgb("#cf9a26"),
    "Lemon": rgb("#e6d06c"),
    "Parrot Green": rgb("#5d9a32"),
    "Bottle Green": rgb("#12493a"),
    "Mehendi Green": rgb("#6b6a22"),
    "Sea Green": rgb("#3f9c8c"),
    "Teal": rgb("#0e5c6b"),
    "Turquoise": rgb("#27a3b2"),
    "Sky Blue": rgb("#84b5d8"),
    "Royal Blue": rgb("#20409a"),
    "Navy": rgb("#1a2250"),
    "Purple": rgb("#5b2a7d"),
    "Lavender": rgb("#b49ad0"),
    "Wine": rgb("#4b1232"),
    "Coffee": rgb("#5a3a28"),
    "Beige": rgb("#d8c3a0"),
    "Cream": rgb("#efe3c8"),
    "Off White": rgb("#eeeae2"),
    "Grey": rgb("#8b8d92"),
    "Black": rgb("#1a181c"),
}

GOLD = rgb("#d3a544")
SILVER = rgb("#c9ccd0")
COPPER = rgb("#b9744a")


@dataclass(frozen=True)
class Silk:
    """The cloth of one saree.

    Args:
        ground: main colour.
        band: colour of the border and the pallu's end.
        metal: colour of zari or of the print.
        second: the motif's second colour.
        motif: one of `MOTIFS`.
        border: one of `BORDERS`.
        pitch: units of one repeat of the motif.
        wide: units of the border's width.
        sheen: 0 for cotton, 1 for satin.
        half: None, or the colour of the skirt where it differs from the pallu.
        offset: shifts the textures.
    """

    ground: Colour
    band: Colour
    metal: Colour
    second: Colour
    motif: str
    border: str
    pitch: float
    wide: float
    sheen: float
    half: Colour | None
    offset: int

    def colours(self, patch: Patch, x: Floats, y: Floats, edge: Floats, skirt: bool) -> Floats:
        """Weave the cloth.

        Args:
            patch: the rasterised piece.
            x: units across the cloth, for the motif.
            y: units along the cloth, for the motif.
            edge: units from the nearest selvedge, for the border.
            skirt: whether this piece is the skirt, which may have a colour of its own.

        Returns:
            Colours of shape ``(3, height, width)``.
        """
        made = flat(self.half if skirt and self.half else self.ground, patch.alpha)
        if self.motif != "plain":
            masks = motif(self.motif, texels(self.pitch, patch.scale))
            self._figure(made, masks, x / self.pitch, y / self.pitch)
        inside = np.clip((self.wide - edge) * 1.5, 0, 1)
        along = y if np.ptp(edge[edge.shape[0] // 2]) > np.ptp(edge[:, edge.shape[1] // 2]) else x
        self._trim(made, inside, along, edge / self.wide, patch.scale)
        return made * (1 + 0.02 * texture("slub", x, y, self.offset))

    def end(self, made: Floats, patch: Patch, x: Floats, rest: Floats, deep: float) -> None:
        """Weave the pallu's richer end over cloth already woven, in place.

        Args:
            made: colours to change.
            patch: the rasterised piece.
            x: units across the cloth.
            rest: units to the end of the cloth.
            deep: units of the end's depth.
        """
        inside = np.clip((deep - rest) * 1.5, 0, 1)
        mix(made, self.band, inside)
        stripes = (rest / (deep / 3.0)).astype(np.float32)
        masks = border(self.border, texels(self.wide * 2, patch.scale))
        one, two = look_up(masks, x * np.float32(0.5 / self.wide), stripes)
        mix(made, self.metal, inside * one)
        mix(made, self.second, inside * two * 0.8)

    def _figure(self, made: Floats, masks: Masks, x: Floats, y: Floats) -> None:
        one, two = look_up(masks, x, y)
        mix(made, self.metal, one * 0.9)
        mix(made, self.second, two * 0.9)

    def _trim(
        self, made: Floats, inside: Floats, along: Floats, depth: Floats, scale: float
    ) -> None:
        mix(made, self.band, inside)
        masks = border(self.border, texels(self.wide * 2, scale))
        one, two = look_up(masks, along * np.float32(0.5 / self.wide), np.clip(depth, 0, 0.99))
        mix(made, self.metal, inside * one)
        mix(made, self.second, inside * two * 0.8)

    def lit(self, made: Floats, shade: Floats) -> Floats:
        """Apply shading, with a silk's shine on what faces the light."""
        made = made * shade
        bright = step(1.0, 1.32, shade) * (0.30 * self.sheen)
        gloss = lighter(self.ground, 0.75 if luma(self.ground) < 0.7 else 0.95)
        mix(made, gloss, bright)
        return np.clip(made, 0.0, 1.0)


def choose(colour: str, accent: str, name: str, sheen: float, chance: Chance) -> Silk:
    """Choose a cloth.

    Args:
        colour: key of `COLOURS`.
        accent: key of `COLOURS` for the border, or the same as `colour`.
        name: one of `MOTIFS`.
        sheen: 0 for cotton, 1 for satin.
        chance: border, metal and sizes.

    Returns:
        The cloth.
    """
    ground = lighter(COLOURS[colour], chance.around(0, 0.12))
    band = lighter(COLOURS[accent], chance.around(-0.05, 0.1))
    printed = sheen < 0.35
    metal = chance.weigh({GOLD: 5.0, SILVER: 1.0, COPPER: 1.0})
    if printed and chance.maybe(0.6):
        metal = chance.pick([COLOURS["Cream"], COLOURS["Off White"], band, COLOURS["Black"]])
    if abs(luma(metal) - luma(ground)) < 0.12:
        metal = lighter(metal, 0.6 if luma(ground) < 0.55 else -0.6)
    second = chance.pick([band, lighter(metal, 0.4), COLOURS[chance.pick(tuple(COLOURS))]])
    pitch = {
        "floral": (52, 84),
        "ikat": (34, 60),
        "paisley": (36, 60),
        "jaal": (30, 48),
        "bandhani": (30, 46),
    }
    low, high = pitch.get(name, (20, 40))
    return Silk(
        ground,
        band,
        metal,
        second,
        name,
        chance.pick(BORDERS),
        chance.between(low, high),
        chance.between(9, 24),
        sheen,
        band if chance.maybe(0.12) else None,
        chance.whole(0, 500),
    )
