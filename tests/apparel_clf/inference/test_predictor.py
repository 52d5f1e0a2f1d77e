import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apparel_clf.dataset import Sample
from apparel_clf.errors import ImageError
from apparel_clf.images import load_image, to_square
from apparel_clf.inference.predictor import Predictor
from apparel_clf.inference.runtimes.keras_runtime import KerasRuntime
from apparel_clf.inference.sources import is_single, sources_of
from apparel_clf.model.build import build_network
from apparel_clf.model.weights import fill_backbone


@pytest.fixture(scope="module")
def network():
    model = build_network(3, 32, "flatten", 0, blocks=((4, 1), (8, 1)))
    fill_backbone(model, None, 0)
    return model


@pytest.fixture(scope="module")
def runtime(network):
    return KerasRuntime(network, "flatten")


@pytest.fixture
def files(tmp_path, jpeg):
    paths = []
    for seed in range(19):
        path = tmp_path / f"{seed}.jpg"
        path.write_bytes(jpeg(seed))
        paths.append(path)
    return paths


def test_answers_are_the_networks_own(network, runtime, files):
    answers = list(Predictor(runtime, "pad").answers(files))
    squares = np.stack([to_square(load_image(path), 32) for path in files])
    expected = network.predict(squares, verbose=0)
    np.testing.assert_allclose([a.probabilities() for a in answers], expected, atol=1e-6)
    assert [answer.source for answer in answers] == [str(path) for path in files]


@pytest.mark.parametrize("rule", ["pad", "crop", "stretch"])
def test_the_resize_rule_is_followed(network, runtime, files, rule):
    [answer] = Predictor(runtime, rule).answers(files[:1])
    square = to_square(load_image(files[0]), 32, rule)
    np.testing.assert_allclose(answer.row, network.predict_on_batch(square[None])[0], atol=1e-6)


def test_every_kind_of_input_agrees_to_the_bit(runtime, files):
    image = load_image(files[0])
    data = files[0].read_bytes()
    kinds = [files[0], str(files[0]), data, bytearray(data), image, np.asarray(image)]
    kinds.append(Image.open(files[0]))
    rows = [answer.row for answer in Predictor(runtime, "pad").answers(kinds)]
    for row in rows[1:]:
        np.testing.assert_array_equal(row, rows[0])


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 19])
def test_company_changes_an_answer_by_rounding_at_most(runtime, files, count):
    predictor = Predictor(runtime, "pad")
    [alone] = predictor.answers(files[:1])
    together = next(predictor.answers(files[:count]))
    np.testing.assert_allclose(together.row, alone.row, atol=1e-6)


def test_one_bad_file_stops_no_other(runtime, files):
    files[3].write_bytes(b"")
    files[8].unlink()
    answers = list(Predictor(runtime, "pad").answers(files))
    bad = {place: answer.error.code for place, answer in enumerate(answers) if answer.error}
    assert bad == {3: "empty", 8: "missing"}
    assert [answer.source for answer in answers] == [str(path) for path in files]
    [last] = Predictor(runtime, "pad").answers(files[-1:])
    np.testing.assert_allclose(answers[-1].row, last.row, atol=1e-6)


def test_bad_files_alone_are_answered_too(runtime, tmp_path):
    answers = list(Predictor(runtime, "pad").answers([tmp_path / "a", b"nonsense", 7]))
    assert [a.error.code for a in answers] == ["missing", "not_an_image", "unsupported_input"]
    with pytest.raises(ImageError, match="no such file"):
        answers[0].probabilities()


def test_what_could_not_be_read_is_let_go_with_its_error(runtime, jpeg):
    """Without waiting for Python's collector, which takes its time in a large program."""
    bad = [b"nonsense", b"", jpeg(1)[:400], jpeg(2)]
    gc.disable()
    try:
        for kinds in (bad, bad[:1]):
            answers = list(Predictor(runtime, "pad").answers(kinds))
            errors = [answer.error for answer in answers if answer.error]
            assert all(error.__traceback__ is None for error in errors)
            gone = [weakref.ref(error) for error in errors]
            del answers, errors
            assert [ref() for ref in gone] == [None] * len(gone)
    finally:
        gc.enable()


def test_the_callers_own_error_keeps_its_traceback(runtime):
    own = ValueError("the caller's")
    try:
        raise own
    except ValueError:
        [answer] = Predictor(runtime, "pad").answers([b"nonsense"])
    assert answer.error is not None
    assert own.__traceback__ is not None


def test_a_collected_error_still_names_its_cause(runtime, jpeg):
    [answer] = Predictor(runtime, "pad").answers([jpeg(1)[:400]])
    with pytest.raises(ImageError, match="truncated") as caught:
        answer.probabilities()
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.__traceback__ is None


def test_no_images_give_no_answers(runtime):
    assert list(Predictor(runtime, "pad").answers([])) == []


@pytest.mark.parametrize(
    "one",
    ["x.jpg", Path("x.jpg"), b"x", bytearray(b"x"), np.zeros((2, 2, 3)), Image.new("L", (1, 1)), 7],
)
def test_one_image_is_told_from_several(one):
    assert is_single(one)
    assert not is_single([one])
    assert not is_single((one, one))


def test_samples_become_their_paths():
    given = [Sample(Path("a.jpg"), "jeans"), "b.jpg", b"c"]
    assert sources_of(given) == [Path("a.jpg"), "b.jpg", b"c"]
