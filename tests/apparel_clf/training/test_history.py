import pytest

from apparel_clf.errors import SettingsError
from apparel_clf.training import History

FULL = {
    "loss": [0.9, 0.5, 0.3],
    "accuracy": [0.6, 0.8, 0.9],
    "val_loss": [0.8, 0.4, 0.6],
    "val_accuracy": [0.7, 0.85, 0.8],
}
TRAIN_ONLY = {name: FULL[name] for name in ("loss", "accuracy")}


def test_table_has_a_row_for_each_epoch_and_the_columns_in_order():
    shuffled = History(dict(reversed(FULL.items())))
    table = shuffled.to_pandas()
    assert list(table.columns) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert list(table.index) == shuffled.epoch == [0, 1, 2]
    assert table["val_accuracy"].tolist() == [0.7, 0.85, 0.8]


def test_table_without_validation_has_no_validation_columns():
    assert list(History(TRAIN_ONLY).to_pandas().columns) == ["loss", "accuracy"]


def test_best_epoch_has_the_lowest_validation_loss():
    assert History(FULL).best_epoch == 1


def test_best_epoch_without_validation_has_the_lowest_loss():
    assert History(TRAIN_ONLY).best_epoch == 2


def test_of_equals_the_earlier_epoch_is_best():
    assert History({"loss": [0.3, 0.2, 0.2], "accuracy": [0, 0, 0]}).best_epoch == 1


def test_the_last_epoch_is_kept_unless_another_was():
    assert History(FULL).kept_epoch == 2
    assert History(FULL, kept=1).kept_epoch == 1


@pytest.mark.parametrize("kept", [None, 0])
def test_plain_values_read_back(kept):
    first = History(FULL, kept)
    assert History.from_json(first.to_json()) == first


def test_plain_values_share_nothing_with_the_history():
    first = History({name: list(values) for name, values in FULL.items()})
    first.to_json()["history"]["loss"].append(9.0)
    assert first.epoch == [0, 1, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"loss": [1.0]},
        {"loss": [1.0], "accuracy": [0.5, 0.6]},
        {"loss": [1.0], "accuracy": [0.5], "lr": [0.1]},
    ],
)
def test_columns_that_do_not_fit_are_refused(wrong):
    with pytest.raises(SettingsError, match="Expected a history of loss and accuracy"):
        History(wrong)


def test_plot_draws_training_and_validation_from_epoch_one():
    accuracy, loss = History(FULL).plot().axes
    assert (accuracy.get_title(), loss.get_title()) == ("Accuracy", "Loss")
    train, val, kept = accuracy.get_lines()
    assert train.get_xydata().tolist() == [[1, 0.6], [2, 0.8], [3, 0.9]]
    assert val.get_xydata().tolist() == [[1, 0.7], [2, 0.85], [3, 0.8]]
    assert set(kept.get_xdata()) == {3}
    labels = [text.get_text() for text in loss.get_legend().get_texts()]
    assert labels == ["training", "validation", "kept: epoch 3"]


def test_plot_without_validation_draws_training_alone():
    for axes in History(TRAIN_ONLY).plot().axes:
        assert len(axes.get_lines()) == 2


@pytest.mark.parametrize(("name", "start"), [("h.png", b"\x89PNG"), ("h.svg", b"<?xml")])
def test_plot_is_written_where_asked(tmp_path, name, start):
    History(FULL).plot(tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_plot_leaves_no_figure_behind_in_pyplot():
    from matplotlib import pyplot

    History(FULL).plot()
    assert pyplot.get_fignums() == []
