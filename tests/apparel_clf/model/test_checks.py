import pytest

from apparel_clf.errors import SettingsError
from apparel_clf.model.checks import check_choice, check_number, check_whole


@pytest.mark.parametrize("value", [1, 2, 10**9])
def test_whole_numbers_from_the_least_pass(value):
    check_whole("epochs", value, 1)


@pytest.mark.parametrize("value", [0, -1, 1.0, "3", None, True])
def test_other_than_whole_numbers_are_refused(value):
    with pytest.raises(SettingsError, match=r"epochs to be a whole number of at least 1\. Rec"):
        check_whole("epochs", value, 1)


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 3])
def test_numbers_from_the_least_pass(value):
    check_number("l2", value)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "1", None, False])
def test_other_than_finite_numbers_are_refused(value):
    with pytest.raises(SettingsError, match=r"l2 to be a finite number of at least 0. Received"):
        check_number("l2", value)


def test_zero_is_refused_where_a_number_must_be_positive():
    check_number("learning_rate", 1e-9, positive=True)
    with pytest.raises(SettingsError, match="learning_rate to be a finite number above 0"):
        check_number("learning_rate", 0.0, positive=True)


def test_choices_are_listed():
    check_choice("head", "gap", ("flatten", "gap"))
    with pytest.raises(SettingsError, match=r"\('flatten', 'gap'\). Received: 'x'"):
        check_choice("head", "x", ("flatten", "gap"))
