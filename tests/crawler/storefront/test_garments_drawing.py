"""The drawing board under the catalogue: chance, camera, ribbons, ink, cloth and motifs."""

from __future__ import annotations

import numpy as np
import pytest

from crawler.storefront.garments import cloth as cloth_module
from crawler.storefront.garments import legs, motifs
from crawler.storefront.garments.canvas import Canvas, shifted, soften
from crawler.storefront.garments.chance import Chance
from crawler.storefront.garments.cloth import Crease, Light
from crawler.storefront.garments.ribbon import Ribbon, View, spline


def test_chance_depends_on_all_three_values_and_on_nothing_else():
    draws = {
        key: tuple(Chance(*key).between(0, 1) for _ in range(2))
        for key in [("a", 0, "x"), ("a", 1, "x"), ("b", 0, "x"), ("a", 0, "y")]
    }
    assert len(set(draws.values())) == 4
    assert all(one == other for one, other in draws.values())


def test_chance_keeps_its_bounds_and_weights():
    chance = Chance("any", 0, "bounds")
    assert {chance.whole(2, 4) for _ in range(200)} == {2, 3, 4}
    assert all(-3 <= chance.around(1, 4) <= 5 for _ in range(200))
    assert {chance.sign() for _ in range(50)} == {-1.0, 1.0}
    picked = [chance.weigh({"often": 9.0, "seldom": 1.0, "never": 0.0}) for _ in range(400)]
    assert picked.count("often") > 4 * picked.count("seldom") > 0
    assert "never" not in picked


@pytest.mark.parametrize("mirror", [False, True])
def test_a_view_and_its_inverse_agree(mirror):
    view = View.of((300, 500), zoom=1.3, turn=0.4, look_at=(200, 250), mirror=mirror)
    ((x, y),) = view.project([(123.0, 45.0)]).tolist()
    a, b, c, d, e, f = view.inverse()
    assert (a * x + b * y + c, d * x + e * y + f) == pytest.approx((123, 45), abs=1e-2)
    assert view.mirrored is mirror
    assert view.scale == pytest.approx(1.3 * 300 / 480)


def test_a_spline_meets_its_knots_and_holds_its_ends():
    at = np.array([-5, 0, 10, 30, 99], dtype=np.float32)
    assert spline([(0, 1), (10, 4), (30, 2)], at).tolist() == pytest.approx([1, 1, 4, 2, 2])


def test_a_rasterised_ribbon_covers_its_area_and_knows_its_places():
    canvas = Canvas((480, 640), View.of((480, 640)))
    ribbon = Ribbon.limb((100.5, 50.0), (100.5, 150.0), (20, 20))
    patch = canvas.rasterise(ribbon)
    assert patch.alpha.sum() == pytest.approx(40 * 100, rel=0.01)
    inside = patch.alpha == 1
    assert np.abs(patch.across[inside]).max() <= 1
    assert 0 <= patch.t[inside].min() < 2
    assert 98 < patch.t[inside].max() <= 100
    assert {a.dtype for a in (patch.alpha, patch.across, patch.s, patch.t)} == {np.dtype("float32")}


@pytest.mark.parametrize("turn", [0.0, 0.7, 1.5708])
def test_a_turned_ribbon_keeps_its_area(turn):
    canvas = Canvas((480, 640), View.of((480, 640), turn=turn))
    patch = canvas.rasterise(Ribbon.limb((240, 280), (240, 360), (30, 10)))
    assert patch.alpha.sum() == pytest.approx(80 * 40, rel=0.02)


def test_a_ribbon_off_the_picture_is_an_empty_patch():
    canvas = Canvas((480, 640), View.of((480, 640)))
    patch = canvas.rasterise(Ribbon.limb((900, 900), (950, 990), (5, 5)))
    canvas.cast(patch, 4, 0, 0, 0.5)
    canvas.over(patch, (1.0, 0.0, 0.0))
    assert canvas.alpha.max() == 0


def test_a_bent_limb_passes_through_its_joints():
    joints = [(100.0, 100.0), (160.0, 180.0), (120.0, 260.0)]
    canvas = Canvas((480, 640), View.of((480, 640)))
    patch = canvas.rasterise(Ribbon.bent(joints, (10, 10, 10)))
    canvas.over(patch, (0.0, 0.0, 0.0))
    assert canvas.alpha[180, 158] == 1
    assert canvas.alpha[180, 120] == 0


def test_ink_stays_on_what_is_painted():
    canvas = Canvas((480, 640), View.of((480, 640)))
    canvas.over(canvas.rasterise(Ribbon.limb((240, 100), (240, 200), (20, 20))), (0.0, 0.0, 1.0))
    before = canvas.alpha.copy()
    canvas.stroke([[(100, 150), (400, 150)]], 4, (1.0, 0.0, 0.0))
    canvas.fill([[(200, 160), (300, 160), (300, 170), (200, 170)]], (0.0, 1.0, 0.0))
    assert np.array_equal(canvas.alpha, before)
    assert canvas.rgb[:, 150, 240].tolist() == pytest.approx([1, 0, 0], abs=0.02)
    assert canvas.rgb[:, 165, 240].tolist() == pytest.approx([0, 1, 0], abs=0.02)
    assert canvas.rgb[:, 150, 120].tolist() == [0, 0, 0]


def test_stitches_leave_gaps():
    canvas = Canvas((480, 640), View.of((480, 640)))
    canvas.over(canvas.rasterise(Ribbon.limb((240, 100), (240, 200), (80, 80))), (0.0, 0.0, 0.0))
    canvas.stroke([[(180, 150), (300, 150)]], 2, (1.0, 1.0, 1.0), dash=(6, 6))
    row = canvas.rgb[0, 150, 181:299]
    assert 0.35 < row.mean() < 0.65
    assert row.max() > 0.9
    assert row.min() < 0.1


def test_a_cast_shadow_darkens_only_what_lies_below():
    canvas = Canvas((480, 640), View.of((480, 640)))
    canvas.over(canvas.rasterise(Ribbon.limb((240, 100), (240, 300), (60, 60))), (0.8, 0.8, 0.8))
    canvas.cast(canvas.rasterise(Ribbon.limb((240, 180), (240, 220), (20, 20))), 4, 0, 6, 0.5)
    assert canvas.rgb[0, 206, 240] < 0.5
    assert canvas.rgb[0, 290, 240] == pytest.approx(0.8, abs=0.01)
    assert canvas.alpha[206, 100] == 0


def test_a_half_plane_keeps_the_side_of_the_point():
    canvas = Canvas((480, 640), View.of((480, 640), mirror=True))
    box = (slice(0, 640), slice(0, 480))
    kept = canvas.beyond(box, [(240, 0), (240, 640)], (400, 300))
    assert kept[300, 80] == 1
    assert kept[300, 400] == 0


def test_masks_move_and_soften():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 10:20] = 255
    moved = shifted(mask, -5, 7)
    assert moved[17:27, 5:15].min() == 255
    assert moved.sum() == mask.sum()
    soft = soften(mask, 6)
    assert soft.shape == mask.shape
    assert 0 < soft[22, 15] < soft[15, 15] < 1


# --- the cloth ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["grain", "warp", "twill", "slub", "cloud"])
def test_a_texture_is_even_and_repeats(kind):
    tile = cloth_module.tile(kind)
    assert (tile.mean(), tile.std()) == pytest.approx((0, 1), abs=1e-3)
    x = np.zeros((1, 1), np.float32)
    period = 512 / 1.5
    assert cloth_module.texture(kind, x, x, 3) == cloth_module.texture(kind, x + period, x, 3)


def test_a_round_body_is_brightest_towards_the_light():
    across = np.linspace(-1, 1, 41, dtype=np.float32)
    left, right = (cloth_module.roundness(across, Light(side, 0.3)) for side in (-1, 1))
    assert left.argmax() < 20 < right.argmax()
    assert right == pytest.approx(left[::-1])


def test_a_crease_is_lit_above_and_dark_below():
    canvas = Canvas((480, 640), View.of((480, 640)))
    patch = canvas.rasterise(Ribbon.limb((240, 100), (240, 300), (40, 40)))
    shade = np.ones_like(patch.alpha)
    cloth_module.add_crease(shade, patch, Crease(at=100, width=5, depth=0.2))
    column = shade[:, shade.shape[1] // 2]
    assert column.argmax() < column.argmin()
    assert column.max() > 1.1
    assert column[:50].tolist() == pytest.approx([1.0] * 50)


def test_colours_are_read_mixed_and_weighed():
    assert cloth_module.rgb("#ff0080") == pytest.approx((1, 0, 128 / 255))
    assert cloth_module.lighter((0.2, 0.4, 0.6), 1.0) == pytest.approx((1, 1, 1))
    assert cloth_module.lighter((0.2, 0.4, 0.6), -0.5) == pytest.approx((0.1, 0.2, 0.3))
    assert cloth_module.blend((0, 0, 0), (1, 1, 1), 0.25) == (0.25, 0.25, 0.25)
    assert cloth_module.luma((1, 1, 1)) == pytest.approx(1)


@pytest.mark.parametrize("side", [8, 32, 128])
@pytest.mark.parametrize("name", [m for m in motifs.MOTIFS if m != "plain"])
def test_a_motif_repeats_without_covering_the_cloth(name, side):
    one, two = motifs.motif(name, side)
    assert one.shape == two.shape == (side, side)
    assert 0.02 < np.maximum(one, two).mean() < 0.8
    x = np.array([[0.3]], np.float32)
    assert motifs.look_up((one, two), x, x) == motifs.look_up((one, two), x + 2, x - 3)


@pytest.mark.parametrize("name", motifs.BORDERS)
def test_a_border_has_metal_at_the_edge_of_the_cloth(name):
    metal, _ = motifs.border(name, 64)
    assert metal[1].min() > 0.9
    assert 0.1 < metal.mean() < 0.9


@pytest.mark.parametrize("pose", [*legs.WORN_POSES, "ghost"])
def test_legs_part_at_the_crotch_and_meet_above(pose):
    pair = legs.build("straight", pose, Chance("jeans", 1, "legs"), 100.0, 450.0)
    left, right = pair.halves
    assert left.point(1.0, 30.0) == pytest.approx(right.point(0.0, 30.0), abs=0.1)
    assert max(left.length, right.length) == pytest.approx(450, abs=1)
    assert left.point(0.5, 440.0)[0] != pytest.approx(right.point(0.5, 440.0)[0], abs=5)
