import pytest
from sklearn.base import clone

from apparel_clf.errors import SettingsError
from apparel_clf.model.params import Params


class Thing(Params):
    def __init__(self, size=3, *, colour="red"):
        self.size = size
        self.colour = colour


def test_settings_are_read_by_name():
    assert Thing(4).get_params() == {"size": 4, "colour": "red"}


def test_settings_are_changed_and_the_object_returned():
    thing = Thing()
    assert thing.set_params(size=9) is thing
    assert thing.get_params() == {"size": 9, "colour": "red"}


def test_an_unknown_setting_changes_nothing():
    thing = Thing()
    with pytest.raises(SettingsError, match=r"among \['size', 'colour'\]. Received: \['weight'\]"):
        thing.set_params(size=9, weight=1)
    assert thing.size == 3


def test_what_is_shown_is_what_differs_from_the_defaults():
    assert repr(Thing()) == "Thing()"
    assert repr(Thing(5, colour="blue")) == "Thing(size=5, colour='blue')"


def test_scikit_learn_can_clone_it():
    thing = Thing(7, colour="green")
    copy = clone(thing)
    assert copy is not thing
    assert copy.get_params() == thing.get_params()
