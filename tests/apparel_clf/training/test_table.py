from apparel_clf.training.table import EpochTable


def written(*epochs):
    lines = []
    table = EpochTable(lines.append)
    for epoch, logs in enumerate(epochs):
        table.row(epoch, logs)
    return lines


def logs(val_loss, loss=0.5):
    return {"loss": loss, "accuracy": 0.8, "val_loss": val_loss, "val_accuracy": 0.9}


def test_header_comes_once_and_epochs_count_from_one():
    header, first, second = written(logs(0.4), logs(0.6))
    names, legend = header.split("  (")
    assert names.split() == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert legend == "* = lowest val_loss so far)\n"
    assert first.split() == ["1", "0.5000", "0.8000", "0.4000", "0.9000", "*"]
    assert second.split() == ["2", "0.5000", "0.8000", "0.6000", "0.9000"]


def test_columns_line_up():
    header, row = written(logs(0.4))
    assert header.index("val_loss") + len("val_loss") == row.index("0.4000") + len("0.4000")


def test_a_star_marks_each_epoch_that_is_the_best_so_far():
    _, *rows = written(*map(logs, (0.5, 0.6, 0.4, 0.4, 0.3)))
    assert ["*" in row for row in rows] == [True, False, True, False, True]


def test_without_validation_the_training_loss_decides():
    header, *rows = written({"loss": 0.5, "accuracy": 0.1}, {"loss": 0.6, "accuracy": 0.2})
    names, legend = header.split("  (")
    assert names.split() == ["epoch", "loss", "accuracy"]
    assert legend == "* = lowest loss so far)\n"
    assert ["*" in row for row in rows] == [True, False]
