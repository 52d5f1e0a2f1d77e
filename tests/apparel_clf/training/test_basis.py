import numpy as np
import pytest

from apparel_clf.training.basis import fit_basis, fit_coordinates, fit_scaling


def features(count=60, width=40, widest=2):
    """Features on scales that differ widely, far from 0."""
    values = np.random.default_rng(0).standard_normal((count, width)) + 5
    return (values * np.logspace(-1, widest, width)).astype(np.float16)


def test_scaled_features_have_mean_zero_and_rows_of_length_one():
    train = features(300, widest=0)
    scaled = fit_scaling(train).apply(train)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-4)
    assert np.linalg.norm(scaled, axis=1).mean() == pytest.approx(1, rel=0.05)


def test_scaling_is_that_of_all_rows_at_once():
    many = features(700)
    scaling = fit_scaling(many)
    np.testing.assert_allclose(scaling.mean, many.astype(np.float64).mean(0), rtol=1e-5)
    spread = many.astype(np.float64).std(0)
    alive = spread >= 0.1 * np.median(spread)
    expected = 1 / (spread[alive] * np.sqrt(many.shape[1]))
    np.testing.assert_allclose(scaling.factor[alive], expected, rtol=1e-5)


def test_features_that_hardly_vary_are_not_blown_up():
    some = np.tile(np.linspace(-1, 1, 50, dtype=np.float16)[:, None], (1, 4))
    some[:, 3] *= 1e-3
    factor = fit_scaling(some).factor
    assert factor[3] == pytest.approx(10 * factor[0], rel=1e-3)


def test_folded_layer_does_on_plain_features_what_the_layer_does_on_scaled():
    train = features()
    scaling = fit_scaling(train)
    rng = np.random.default_rng(4)
    kernel, bias = rng.standard_normal((40, 3), np.float32), rng.standard_normal(3, np.float32)
    folded, shift = scaling.fold(kernel, bias)
    np.testing.assert_allclose(
        train.astype(np.float64) @ folded + shift,
        scaling.apply(train) @ kernel + bias,
        atol=1e-3,
    )


def test_coordinates_keep_all_distances():
    many = features(50, width=3000, widest=1)
    basis = fit_basis(many)
    scaled, turned = basis.scaling.apply(many), basis.apply(many)
    assert turned.shape[1] < 50
    for values in (scaled, turned):
        values -= values.mean(0)
    np.testing.assert_allclose(turned @ turned.T, scaled @ scaled.T, atol=1e-4)


@pytest.mark.parametrize("width", [3000, 400, 20])
@pytest.mark.parametrize("fewest", [True, False])
def test_coordinates_as_a_by_product_are_those_of_the_basis(width, fewest):
    many = features(50, width=width, widest=1)
    basis, coordinates = fit_coordinates(many, fewest=fewest)
    np.testing.assert_allclose(coordinates, basis.apply(many), atol=2e-4)
    assert coordinates.shape[1] == (49 if width == 3000 or (fewest and width == 400) else width)
