"""The life of a training, on a network of one weight: y = w x, whose answer is 3."""

import csv
import dataclasses
import io

import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data.example import Example
from frcnn_keras.errors import InputError
from frcnn_keras.files import read_json, write_whole
from frcnn_keras.files.locks import alone
from frcnn_keras.files.sealed import sealed
from frcnn_keras.models.saving import load_weights, save_weights
from frcnn_keras.pictures import plots
from frcnn_keras.runs.detections import Detections
from frcnn_keras.settings.learning import FitConfig
from frcnn_keras.training.loop import Keeper, StageModel
from frcnn_keras.training.stage import Stage
from tests.kills import Killed, killed_at, operations_of

FIT = FitConfig(epochs=3, batch=2, optimizer="sgd", learning_rate=0.05, schedule="constant", warmup=0, momentum=0.0,
                clip_norm=0.0)
LEFT = ["line.json", "line.weights.h5", "line_curves.png", "line_log.csv", "line_metrics.json"]


@dataclasses.dataclass(frozen=True)
class Request:
    fit: FitConfig
    data: str = "here"


def line(weight):
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, name="weight")], name="line")
    network.set_weights([np.array([[weight]], np.float32)])
    return network


class Line(Stage):
    """Learns y = 3 x from four images a step apart; `told` lists what it was asked for.

    best: the measure of each epoch; the weights of the greatest are to be kept. killed: before that epoch is kept.
    """

    title = "a line"

    def __init__(self, run, fit=FIT, *, best=None, killed=None, **settings):
        super().__init__("line", run, fit, artefact="line.weights.h5", images=4, measures=best is not None, **settings)
        self.best, self.killed, self.told = best, killed, []

    def build(self):
        self.told.append("build")
        network = line(0.0)

        def losses(batch):
            return {"square_loss": tf.reduce_mean(tf.square(network(batch["x"]) - 3 * batch["x"]))}

        return StageModel(network, losses, ("square_loss",))

    def batches(self, first):
        self.told.append(f"from {first}")
        x = tf.constant([[1.0], [2.0], [1.0], [2.0]])
        return tf.data.Dataset.from_tensor_slices({"x": x}).batch(self.batch).repeat(self.fit.epochs - first)

    def measure(self, epoch):
        if epoch == self.killed:
            raise Killed
        self.told.append(f"measured {epoch}")
        if self.best[epoch] >= max(self.best[:epoch], default=-1):
            save_weights(self.model.network, self.best_file)
        return {"AP": self.best[epoch]}

    def save(self):
        self.told.append("save")
        if self.measures:
            self.take_best(self.model.network)
        save_weights(self.model.network, self.run / self.artefact)

    def go(self, fresh=False, data="here"):
        return self.train(Request(self.fit, data), fresh)


def weight_of(path):
    network = line(0.0)
    load_weights(network, path)
    return float(network.get_weights()[0][0, 0])


def by_hand(epochs, weight=0.0):
    """w after so many epochs of two steps, and each epoch's loss: mean of (w - 3)^2 x^2, x 1 and 2, rate 0.05."""
    means = []
    for _ in range(epochs):
        steps = []
        for _ in range(2):
            steps.append(2.5 * (weight - 3) ** 2)
            weight -= 0.05 * 2 * 2.5 * (weight - 3)
        means.append(sum(steps) / 2)
    return weight, means


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_it_trains_and_leaves_what_it_says(tmp_path):
    run = tmp_path / "new" / "run"
    stage = Line(run)
    history = stage.go()
    weight, losses = by_hand(3)
    assert stage.told == ["build", "from 0", "save"]
    assert history["loss"] == history["square_loss"] == pytest.approx(losses, rel=1e-5)
    assert weight_of(run / "line.weights.h5") == pytest.approx(weight, rel=1e-5)
    assert sorted(content(run)) == LEFT
    assert read_json(run / "line_metrics.json") == history
    assert read_json(run / "line.json")["fit"]["epochs"] == 3 and read_json(run / "line.json")["data"] == "here"
    with open(run / "line_log.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [float(row["loss"]) for row in rows] == pytest.approx(losses, rel=1e-4)


def test_finished_already_nothing_is_done(tmp_path, capsys):
    history = Line(tmp_path).go()
    before = content(tmp_path)
    again = Line(tmp_path)
    assert again.go() == history and again.told == [] and content(tmp_path) == before
    assert f"line: trained already ({tmp_path / 'line.weights.h5'})" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["line.weights.h5", "line_metrics.json"])
def test_without_its_artefact_or_numbers_it_is_not_finished(lost, tmp_path):
    Line(tmp_path).go()
    before = content(tmp_path)
    (tmp_path / lost).unlink()
    again = Line(tmp_path)
    again.go()
    assert again.told == ["build", "from 0", "save"] and content(tmp_path)["line_metrics.json"] == before[
        "line_metrics.json"]


@pytest.mark.parametrize("change, words", [
    ({"fit": dataclasses.replace(FIT, learning_rate=0.01)}, "fit.learning_rate: 0.05 -> 0.01"),
    ({"data": "there"}, "data: here -> there")])
def test_begun_with_other_settings_it_is_refused_by_name(change, words, tmp_path):
    Line(tmp_path).go()
    before = content(tmp_path)
    other = Line(tmp_path, change.get("fit", FIT))
    other.flag = "--out"
    with pytest.raises(InputError) as caught:
        other.go(data=change.get("data", "here"))
    text = str(caught.value)
    assert f"{tmp_path / 'line.json'}: was begun with another config ({words})" in text and "another --out" in text
    assert other.told == [] and content(tmp_path) == before


def test_killed_after_an_epoch_it_goes_on_as_if_it_had_not_been(tmp_path, capsys):
    measures = [0.1, 0.3, 0.2]
    whole = Line(tmp_path / "whole", best=measures).go()
    with pytest.raises(Killed):
        Line(tmp_path / "killed", best=measures, killed=1).go()
    assert sorted(content(tmp_path / "killed")) == ["line.json", "line_best.weights.h5", "line_log.csv",
                                                     "line_state.npz"]
    capsys.readouterr()
    again = Line(tmp_path / "killed", best=measures)
    assert again.go() == whole and len(whole["loss"]) == 3 and whole["AP"] == measures
    assert again.told == ["build", "from 1", "measured 1", "measured 2", "save"]
    assert "line: resuming after epoch 1 of 3" in capsys.readouterr().err
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert sorted(content(tmp_path / "whole")) == LEFT


def test_killed_before_it_was_saved_it_only_finishes(tmp_path, monkeypatch, capsys):
    def dies(self):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Line, "save", dies)
        Line(tmp_path).go()
    again = Line(tmp_path)
    again.go()
    assert again.told == ["build", "save"] and "line: all 3 epochs are done already" in capsys.readouterr().err
    assert weight_of(tmp_path / "line.weights.h5") == pytest.approx(by_hand(3)[0], rel=1e-5)


@pytest.mark.parametrize("measures, epochs", [([0.3, 0.1, 0.2], 1), ([0.1, 0.3, 0.2], 2), ([0.1, 0.2, 0.3], 3)])
def test_the_best_epochs_weights_are_taken(measures, epochs, tmp_path):
    Line(tmp_path, best=measures).go()
    assert weight_of(tmp_path / "line.weights.h5") == pytest.approx(by_hand(epochs)[0], rel=1e-5)


def test_without_measures_the_last_epochs_weights_are_taken(tmp_path):
    Line(tmp_path).go()
    assert weight_of(tmp_path / "line.weights.h5") == pytest.approx(by_hand(3)[0], rel=1e-5)


def test_fresh_starts_over_and_leaves_what_is_not_its_own(tmp_path):
    with pytest.raises(Killed):
        Line(tmp_path, best=[0.1, 0.2, 0.3], killed=2).go()
    (tmp_path / "other_log.csv").write_text("mine")
    other = Line(tmp_path, dataclasses.replace(FIT, epochs=2))
    other.go(fresh=True)
    assert other.told == ["build", "from 0", "save"]
    assert sorted(content(tmp_path)) == sorted([*LEFT, "other_log.csv"])
    assert weight_of(tmp_path / "line.weights.h5") == pytest.approx(by_hand(2)[0], rel=1e-5)


class Noted(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.logs = []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))


def test_callbacks_find_the_measures_in_their_logs(tmp_path):
    noted = Noted()
    history = Line(tmp_path, best=[0.1, 0.3, 0.2], callbacks=[noted]).go()
    assert [logs["AP"] for logs in noted.logs] == [0.1, 0.3, 0.2]
    assert [logs["loss"] for logs in noted.logs] == pytest.approx(history["loss"])


def test_a_batch_is_no_larger_than_the_images(tmp_path):
    assert Line(tmp_path).batch == 2
    stage = Line(tmp_path, dataclasses.replace(FIT, batch=9))
    assert stage.batch == 4
    assert len(stage.go()["loss"]) == 3  # a step an epoch


def test_no_epochs_no_curves(tmp_path):
    stage = Line(tmp_path, dataclasses.replace(FIT, epochs=0))
    assert stage.go() == {} and stage.told == ["build", "save"]
    assert sorted(content(tmp_path)) == ["line.json", "line.weights.h5", "line_metrics.json"]


def begun(kind, run, fresh):
    """A folder in which the stage may be started; `fresh`: over a finished one of other settings."""
    if fresh:
        kind(run, dataclasses.replace(FIT, epochs=1), best=[0.5]).go()
        (run / "notes.txt").write_text("mine")
    return run


class Bare(Line):
    """The same files without a training."""

    def build(self):
        return None

    def fit_model(self):
        history = {"loss": []}
        for epoch in range(self.fit.epochs):
            history["loss"].append(epoch)
            for name in ("best.weights.h5", "state.npz", "log.csv"):
                write_whole(self._path(name), f"{epoch}".encode())
        return history

    def save(self):
        write_whole(self.run / self.artefact, f"{self.fit.epochs}".encode())


@pytest.mark.slow
@pytest.mark.parametrize("kind, fresh", [(Line, False), (Line, True)])
def test_killed_anywhere_while_it_trains_it_ends_as_if_it_had_not_been(kind, fresh, tmp_path, monkeypatch):
    killed_everywhere(kind, fresh, tmp_path, monkeypatch)


@pytest.mark.parametrize("fresh", [False, True])
def test_killed_anywhere_it_ends_as_if_it_had_not_been(fresh, tmp_path, monkeypatch):
    killed_everywhere(Bare, fresh, tmp_path, monkeypatch)


def killed_everywhere(kind, fresh, tmp_path, monkeypatch):
    """Before every change of the disk, then started again."""
    monkeypatch.setattr(plots, "plot_curves", lambda path, history, title: write_whole(path, title.encode()))

    def go(run):
        kind(run, dataclasses.replace(FIT, epochs=2), best=[0.3, 0.2]).go(fresh)

    whole = begun(kind, tmp_path / "whole", fresh)
    count = operations_of(lambda: go(whole))
    assert count > 30
    for point in range(count):
        run = begun(kind, tmp_path / str(point), fresh)
        with pytest.raises(Killed), killed_at(point):
            go(run)
        go(run)
        assert content(run) == content(whole), point


@pytest.mark.parametrize("spoil, words", [
    (lambda data: data[:-1], "damaged"), (lambda data: data[:len(data) // 2], "damaged"), (lambda data: b"", "damaged"),
    (lambda data: data[:500] + bytes([data[500] ^ 4]) + data[501:], "damaged"), (lambda data: b"PK" * 99, "damaged"),
    (lambda data: sealed(b"no zip"), "no state of this training"),
    (lambda data: other_state(), "no state of this training")])
def test_a_damaged_state_is_named_with_what_to_do(spoil, words, tmp_path):
    def go(killed=None, fresh=False):
        Line(tmp_path, best=[0.1, 0.3, 0.2], killed=killed).go(fresh)

    with pytest.raises(Killed):
        go(1)
    state = tmp_path / "line_state.npz"
    state.write_bytes(spoil(state.read_bytes()))
    with pytest.raises(InputError, match=f"{state}: .*{words}.*--fresh") as caught:
        go()
    assert "\n" not in str(caught.value)
    go(fresh=True)


def other_state():
    """That of a stage with other layers."""
    buffer = io.BytesIO()
    np.savez(buffer, variable0=np.zeros((3, 3)), names=np.array(["loss"]), history=np.zeros((1, 1)))
    return sealed(buffer.getvalue())


def test_damaged_numbers_of_a_finished_stage(tmp_path):
    Line(tmp_path).go()
    for text in ("", "[]", '{"loss": 3}', '{"loss": ["3"]}', '{"loss": [true]}'):
        (tmp_path / "line_metrics.json").write_text(text)
        with pytest.raises(InputError, match="line_metrics.json: .*--fresh"):
            Line(tmp_path).go()


def test_two_at_once(tmp_path):
    with alone(tmp_path), pytest.raises(InputError, match=f"{tmp_path}: another command is at work there.*--run"):
        Line(tmp_path).go()
    assert content(tmp_path) == {}


def test_fresh_removes_its_tensorboard_logs_alone(tmp_path):
    logs = tmp_path / "tensorboard" / "line"
    (logs / "train").mkdir(parents=True)
    for name in ("train/events.out.tfevents.1.host.2.3.v2", "mine.txt"):
        (logs / name).touch()
    Line(tmp_path).go()
    Line(tmp_path).go(fresh=True)
    assert [path.name for path in logs.rglob("*") if path.is_file()] == ["mine.txt"]


def image(found):
    """An object, and a detection of it or elsewhere."""
    box = np.array([[0, 0, 10, 10]], np.float32)
    no = np.zeros(1, bool)
    example = Example("a", "a", bytes, 50, 50, box, np.ones(1, np.int32), no, no)
    return example, Detections.of(box if found else box + 30, np.ones(1, np.float32), np.ones(1, np.int32), ["one"])


def measuring(run):
    """A stage as it is while it trains."""
    stage = Line(run, best=[])
    stage.keeper = Keeper(run / "state", run / "log", "line", 1, 4)
    return stage


def kept(stage, weight, found):
    """AP of an epoch, and the weight that is kept then."""
    example, detections = image(found)
    measured = stage.keep_best([example], [detections], ["one"], line(weight))
    stage.keeper.add(measured)
    return measured["AP"], weight_of(stage.best_file)


def test_an_epoch_is_kept_where_none_before_was_better(tmp_path):
    stage = measuring(tmp_path)
    assert kept(stage, 1.0, found=False) == (0, 1)
    assert kept(stage, 2.0, found=False) == (0, 1)  # no better: the first stays
    assert kept(stage, 3.0, found=True) == (pytest.approx(1), 3)
    assert kept(stage, 4.0, found=False) == (0, 3)


def test_an_epoch_without_ap_is_kept_too(tmp_path):
    """No object that counts: AP is NaN, and the weights are there to be taken."""
    stage = measuring(tmp_path)
    example, detections = image(True)
    crowd = dataclasses.replace(example, crowd=np.ones(1, bool))
    assert np.isnan(stage.keep_best([crowd], [detections], ["one"], line(1.0))["AP"])
    assert weight_of(stage.best_file) == 1
