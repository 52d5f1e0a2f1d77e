"""From a garment to its picture: who wears it, where the camera stands, what is painted when."""

from __future__ import annotations

from PIL import Image

from apparel_clf.errors import SettingsError
from crawler.storefront.garments import (
    figure,
    jeans,
    legs,
    mannequin,
    saree,
    saree_still,
    silk,
    still,
    trousers,
)
from crawler.storefront.garments.canvas import Canvas
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import Light
from crawler.storefront.garments.legs import Legs
from crawler.storefront.garments.ribbon import View
from crawler.storefront.garments.scene import compose, ground
from crawler.storefront.garments.spec import LYING, SAREE_CLOTHS, Garment

Cloth = jeans.Denim | trousers.Suiting

_EMPTY = ("hanger", "ghost", "flat", "folded")


def draw(garment: Garment, size: tuple[int, int] = (480, 640)) -> Image.Image:
    """Draw a garment as a product photo. The same garment gives the same pixels.

    Args:
        garment: what `design` thought up; replacing a field, such as the colour, redraws the
            same scene with that change.
        size: width and height in pixels, each at least 16.

    Returns:
        An RGB picture of exactly that size.

    Raises:
        SettingsError: a size below 16; it is a ValueError too.

    Example:
        >>> draw(design("jeans", 0)).size
        (480, 640)
    """
    if min(size) < 16:
        raise SettingsError(f"Expected size to be 16 or more each way. Received: size={size}")
    chance = Chance(garment.label, garment.seed, "camera")
    light = Light(chance.sign() * chance.between(0.15, 0.95), chance.between(0.24, 0.42))
    canvas = Canvas(size, _camera(garment, size, chance))
    if garment.label == "saree":
        _paint_saree(canvas, garment, light)
    else:
        _paint_pair(canvas, garment, light)
    scene = Chance(garment.label, garment.seed, "scene")
    behind = ground(garment.background, size, scene, garment.pose in LYING)
    side = -light.side if canvas.view.mirrored else light.side
    return compose(canvas, behind, side, scene, lying=garment.pose in (*LYING, "hanger", "hanging"))


def _camera(garment: Garment, size: tuple[int, int], chance: Chance) -> View:
    mirror = chance.maybe(0.5 if garment.label == "saree" else 0.25)
    shift = chance.around(0, 46), chance.around(0, 18)
    if garment.pose in LYING:
        turn = chance.around(0, 0.5) + (
            1.5708 * chance.whole(-1, 1) if garment.pose == "folded" else 0
        )
        zoom = chance.between(0.92, 1.06) if garment.pose == "flat" else chance.between(1.0, 1.3)
        return View.of(size, zoom, turn, (240, 320), (shift[0] * 0.5, shift[1]), mirror)
    turn = chance.around(0, 0.03)
    if garment.pose == "crop":
        at = 240 + chance.around(0, 30), chance.between(215, 330)
        return View.of(size, chance.between(1.4, 2.0), turn, at, (0, 0), mirror)
    if garment.pose == "half":
        at = 240 + chance.around(8, 20), chance.between(190, 250)
        return View.of(size, chance.between(1.45, 1.9), turn, at, (0, 0), mirror)
    if garment.pose in _EMPTY:
        drift = chance.around(0, 50), chance.around(0, 26)
        return View.of(size, chance.between(0.80, 1.08), turn, (240, 320), drift, mirror)
    return View.of(size, chance.between(0.88, 1.12), turn, (240, 320), shift, mirror)


def _paint_pair(canvas: Canvas, garment: Garment, light: Light) -> None:
    chance = Chance(garment.label, garment.seed, "cloth")
    cloth: Cloth
    if garment.label == "jeans":
        cloth = jeans.Denim.of(garment.colour, garment.accent, garment.pattern, chance)
    else:
        cloth = trousers.Suiting.of(garment.colour, garment.cloth, garment.pattern, chance)
    body = Chance(garment.label, garment.seed, "body")
    if garment.pose == "folded":
        _paint_folded(canvas, cloth, light, body)
        return
    empty = garment.pose in _EMPTY
    top = body.between(84, 104) if empty else body.between(112, 142)
    length = (590 - top if empty else 580 - top) - body.between(0, 18)
    stance = garment.pose if garment.pose not in ("crop", "ghost") else body.pick(legs.WORN_POSES)
    pair = legs.build(garment.cut, stance, body, top, length)
    if empty:
        _paint_empty(canvas, garment, pair, cloth, light, body)
    else:
        _paint_worn(canvas, garment, pair, cloth, light, body)


def _paint_garment(
    canvas: Canvas, garment: Garment, pair: Legs, cloth: Cloth, light: Light, chance: Chance
) -> None:
    back = garment.pose == "back"
    if isinstance(cloth, jeans.Denim):
        if back:
            jeans.paint_back(canvas, pair, cloth, light, chance)
        else:
            jeans.paint_front(canvas, pair, cloth, light, chance, garment.pattern == "ripped")
    elif back:
        trousers.paint_back(canvas, pair, cloth, garment.style, light, chance)
    else:
        trousers.paint_front(canvas, pair, cloth, garment.style, light, chance)


def _paint_worn(
    canvas: Canvas, garment: Garment, pair: Legs, cloth: Cloth, light: Light, chance: Chance
) -> None:
    smart = {"formal": 0.95, "pleated": 0.85, "chino": 0.5, "jeans": 0.22}.get(garment.style, 0.25)
    wearer = figure.Wearer.of(Chance(garment.label, garment.seed, "wearer"), smart)
    figure.paint_shoes(canvas, pair, wearer, light)
    if wearer.tucked:
        figure.paint_torso(canvas, pair, wearer, light, chance)
    _paint_garment(canvas, garment, pair, cloth, light, chance)
    if wearer.belt is not None:
        figure.paint_belt(canvas, pair, wearer.belt, light, buckle=garment.pose != "back")
    if not wearer.tucked:
        figure.paint_torso(canvas, pair, wearer, light, chance)
    figure.paint_arms(canvas, pair, wearer, light, chance)


def _paint_empty(
    canvas: Canvas, garment: Garment, pair: Legs, cloth: Cloth, light: Light, chance: Chance
) -> None:
    still.paint_inside(canvas, pair, cloth.main, chance)
    _paint_garment(canvas, garment, pair, cloth, light, chance)
    if garment.pose == "hanger":
        still.paint_hanger(canvas, pair, light, chance)


def _paint_folded(canvas: Canvas, cloth: Cloth, light: Light, chance: Chance) -> None:
    pair = still.folded(chance)
    if isinstance(cloth, jeans.Denim):
        still.paint_folded(canvas, pair, lambda patch: cloth.colours(patch, 0.25), light, chance)
        jeans.paint_folded_details(canvas, pair, cloth, light, chance)
    else:
        still.paint_folded(canvas, pair, lambda patch: cloth.colours(patch, patch.s), light, chance)
        trousers.paint_folded_details(canvas, pair, cloth, light, chance)


def _paint_saree(canvas: Canvas, garment: Garment, light: Light) -> None:
    chance = Chance(garment.label, garment.seed, "cloth")
    sheen = SAREE_CLOTHS[garment.cloth]
    cloth = silk.choose(garment.colour, garment.accent, garment.pattern, sheen, chance)
    body = Chance(garment.label, garment.seed, "body")
    if garment.pose == "folded":
        saree_still.paint_folded(canvas, cloth, light, body)
    elif garment.pose == "hanging":
        saree_still.paint_hanging(canvas, cloth, light, body)
    else:
        pose = body.pick(["standing", "arm out"]) if garment.pose == "half" else garment.pose
        blouse = body.pick([cloth.band, cloth.band, cloth.ground])
        wearer = mannequin.Body.of(pose, blouse, cloth.metal, body)
        drape = saree.Drape.of(pose, body)
        paint = saree.paint_back if pose == "back" else saree.paint
        paint(canvas, cloth, wearer, drape, light, body)
