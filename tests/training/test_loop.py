import csv
import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.settings.stages import FitConfig
from frcnn_keras.training.loop import Keeper, StageModel, clipped, fit_stage, resolve_precision
from frcnn_keras.training.optimizers import build_optimizer

FIT = FitConfig(epochs=4, learning_rate=0.05, warmup=2, precision="float32")
STEPS = 5


def stage_model(seed=0, poison_at=None):
    """A small regression with two losses; `poison_at`: the value of `number` at which the loss is NaN."""
    keras.utils.set_random_seed(seed)
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)])

    def losses(batch):
        error = network(batch["x"], training=True) - batch["y"]
        poison = 0.0 if poison_at is None else tf.where(batch["number"][0] == poison_at, np.nan, 0.0)
        return {"square_loss": tf.reduce_mean(tf.square(error)) + poison, "size_loss": 0.01 * tf.reduce_mean(error)}

    return StageModel(network, losses, ("square_loss", "size_loss"))


def batches(first_epoch, epochs=4):
    """STEPS batches an epoch that depend on the epoch and the step alone."""
    parts = {"x": [], "y": [], "number": []}
    for number in range(first_epoch * STEPS, epochs * STEPS):
        rng = np.random.default_rng(number)
        parts["x"].append(rng.normal(size=(8, 3)).astype(np.float32))
        parts["y"].append(rng.normal(size=(8, 1)).astype(np.float32))
        parts["number"].append(np.full(8, number))
    return tf.data.Dataset.from_tensor_slices({name: np.stack(part) for name, part in parts.items()})


def keeper(folder, measure=None):
    return Keeper(folder / "state.npz", folder / "log.csv", "stage", STEPS, 4, measure)


def train(folder, fit=FIT, measure=None, poison_at=None):
    """One start of the stage in a folder: (model, history, first epochs that the data were asked for)."""
    asked, model = [], stage_model(poison_at=poison_at)

    def dataset(first):
        asked.append(first)
        return batches(first)

    history = fit_stage(model, dataset, fit, keeper(folder, measure), folder / "tensorboard")
    return model, history, asked


def test_the_sum_of_the_losses_is_the_same_in_any_order():
    """Of float32 sums these would be 1 or 0; the gradients are those of the losses themselves."""
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    values = {"a": 1e8, "b": 1.0, "c": -1e8, "d": 1.0}

    def losses(batch):
        nothing = 0.0 * tf.reduce_sum(network(batch["x"]))
        return {name: value + nothing for name, value in values.items()}

    model = StageModel(network, losses, tuple(values))
    model.compile(optimizer="sgd")
    found = model.step({"x": tf.ones((2, 1))})
    assert found["loss"].dtype == tf.float32 and float(found["loss"]) == 2
    assert {name: float(found[name]) for name in values} == values


def test_without_a_clip_norm_a_step_is_the_rate_times_the_gradients():
    model, batch = stage_model(), next(iter(batches(0)))
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    before = [np.asarray(variable) for variable in model.network.trainable_variables]
    with tf.GradientTape() as tape:
        losses = model.losses_of(batch)
        total = losses["square_loss"] + losses["size_loss"]
    gradients = tape.gradient(total, model.network.trainable_variables)
    model.step(batch)
    for variable, old, gradient in zip(model.network.trainable_variables, before, gradients, strict=True):
        np.testing.assert_allclose(variable, old - 0.1 * gradient, rtol=1e-5, atol=1e-7)
    assert any(np.abs(gradient).max() > 0.01 for gradient in gradients)


def test_the_optimizer_is_built_of_the_settings(tmp_path):
    """The schedule ends with the last of 4 epochs' 20 steps; of these a third at most is warm-up."""
    seen, model = {}, stage_model()

    def build(name, **settings):
        seen.update(settings, name=name)
        return build_optimizer(name, **settings)

    fit = dataclasses.replace(FIT, warmup=100, schedule="drops", drops=(0.5,), weight_decay=0.01, momentum=0.3,
                              clip_norm=0.25, optimizer="sgd")
    fit_stage(model, batches, fit, keeper(tmp_path), tmp_path / "tensorboard", build)
    rate = seen.pop("learning_rate")
    assert (rate.peak, rate.steps, rate.warmup, rate.fall, rate.drops) == (0.05, 20, 6, "drops", (0.5,))
    assert seen == {"name": "sgd", "momentum": 0.3, "weight_decay": 0.01} and model.clip_norm == 0.25


class Killed(BaseException):
    """Stands for the end of the process."""


def train_until(folder, epoch, fit=FIT):
    """Trains and dies in the given epoch (counted from 0), before it is kept."""

    def measure(current):
        if current == epoch:
            raise Killed
        return {"measured": current + 0.5}

    with pytest.raises(Killed):
        train(folder, fit, measure)


def log(folder):
    with open(folder / "log.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_two_epochs_a_restart_and_two_more_equal_four_to_the_bit(optimizer, tmp_path):
    fit = dataclasses.replace(FIT, optimizer=optimizer, weight_decay=0.01)
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()

    def measure(epoch):
        return {"measured": epoch + 0.5}

    whole, whole_history, asked = train(tmp_path / "whole", fit, measure)
    assert asked == [0]
    train_until(tmp_path / "killed", 2, fit)
    assert [row["epoch"] for row in log(tmp_path / "killed")] == ["1", "2"]
    resumed, history, asked = train(tmp_path / "killed", fit, measure)
    assert asked == [2]
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        assert np.array_equal(one, other)
    for one, other in zip(whole.optimizer.variables, resumed.optimizer.variables, strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other))
    assert history == whole_history and history["measured"] == [0.5, 1.5, 2.5, 3.5]
    assert log(tmp_path / "killed") == log(tmp_path / "whole")


def test_killed_in_the_first_epoch_it_starts_over(tmp_path):
    train_until(tmp_path, 0)
    assert not (tmp_path / "state.npz").exists()
    assert train(tmp_path)[2] == [0]


def test_all_done_asks_for_no_data(tmp_path):
    model, history, _ = train(tmp_path)
    again, same, asked = train(tmp_path)
    assert asked == [] and same == history
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_the_log_is_whole_and_names_every_number(tmp_path):
    _, history, _ = train(tmp_path, measure=lambda epoch: {"AP": epoch / 10})
    rows = log(tmp_path)
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert next(iter(rows[0])) == "epoch" and set(rows[0]) == {"epoch", "loss", "square_loss", "size_loss", "AP"}
    for index, row in enumerate(rows):
        for name, values in history.items():
            assert float(row[name]) == pytest.approx(values[index], rel=1e-5)
    left = {path.name for path in tmp_path.iterdir()}
    assert left - {"tensorboard"} == {"log.csv", "state.npz"}  # nothing temporary


def test_the_losses_are_means_of_the_epoch_and_sum_up(tmp_path):
    _, history, _ = train(tmp_path)
    for total, square, size in zip(history["loss"], history["square_loss"], history["size_loss"], strict=True):
        assert total == pytest.approx(square + size, abs=1e-5)


def test_the_first_loss_by_numpy(tmp_path):
    """A learning rate of 0 leaves the weights: the epoch's loss is the mean over its batches."""
    fit = dataclasses.replace(FIT, learning_rate=0.0)
    model, history, _ = train(tmp_path, fit)
    w1, b1, w2, b2 = model.network.get_weights()
    means = []
    for batch in batches(0).take(STEPS).as_numpy_iterator():
        error = np.tanh(batch["x"] @ w1 + b1) @ w2 + b2 - batch["y"]
        means.append((error**2).mean() + 0.01 * error.mean())
    assert history["loss"][0] == pytest.approx(np.mean(means), rel=1e-4)


def test_training_lowers_the_loss(tmp_path):
    _, history, _ = train(tmp_path)
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize("loss", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_stops(loss, tmp_path):
    one = keeper(tmp_path)
    one.on_epoch_begin(0)
    with pytest.raises(FloatingPointError, match=f"the loss is {loss} at step 3 .no epoch was finished"):
        one.on_train_batch_end(2, {"loss": float(loss)})


@pytest.mark.parametrize("number, kept", [(2, "no epoch was finished"), (13, "epoch 2 is kept")])
def test_nan_stops_with_a_message(tmp_path, number, kept):
    with pytest.raises(FloatingPointError) as caught:
        train(tmp_path, poison_at=number)
    message = str(caught.value)
    assert "nan" in message and kept in message and "--learning-rate" in message and "\n" not in message
    assert (tmp_path / "state.npz").exists() == (number == 13)


def test_what_was_kept_before_nan_is_sound(tmp_path):
    with pytest.raises(FloatingPointError):
        train(tmp_path, poison_at=13)
    model, history, asked = train(tmp_path)
    assert asked == [2] and all(np.isfinite(weight).all() for weight in model.get_weights())
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize("flags, kind", [("avx2 avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16"),
                                         ("avx2 avx512f", "float32")])
def test_auto_goes_by_the_processors_instructions(flags, kind, monkeypatch):
    monkeypatch.setattr("frcnn_keras.training.loop.Path.read_text", lambda path, **settings: f"flags : fpu {flags}\n")
    assert resolve_precision("auto") == kind and resolve_precision("float32") == "float32"


def test_precision():
    assert resolve_precision("float32") == "float32" and resolve_precision("bfloat16") == "bfloat16"
    assert resolve_precision("auto") in ("float32", "bfloat16")


@pytest.mark.parametrize("limit, expected", [(1.0, [0.6, -0.8]), (5.0, [3.0, -4.0]), (10.0, [3.0, -4.0])])
def test_gradients_are_clipped_to_their_global_norm(limit, expected):
    found = clipped([tf.constant([3.0]), tf.constant([-4.0])], limit)  # of norm 5
    np.testing.assert_allclose([float(part[0]) for part in found], expected, rtol=1e-6)


def test_an_epochs_mean_is_summed_in_float64():
    """In float32, one after the other, 20,000 losses of 0.3 have a mean that is wrong by 1.3e-4 of it."""
    model = stage_model()
    mean = model.means["loss"]
    mean.update_state(np.full(1, 0.3, np.float32))
    mean.total.assign(np.float64(np.float32(0.3)) * 2**25)
    mean.count.assign(2**25)
    mean.update_state(np.float32(0.3))  # beside a sum of ten million, float32 has no digits left for it
    assert float(mean.total) == np.float64(np.float32(0.3)) * (2**25 + 1) and float(mean.count) == 2**25 + 1
