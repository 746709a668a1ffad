"""Flags of how a stage is optimised: all of them changed in one training, and what a callback saw of it."""

import types

import keras
import numpy as np

from frcnn_keras.training.loop import resolve_precision
from tests.effects.rows import Row


class Spy(keras.callbacks.Callback):
    """The optimizer, the rates of its steps, the weights before and after."""

    def on_train_begin(self, logs=None):
        network, outer = self.model.network, self.model.optimizer
        self.optimizer = getattr(outer, "inner_optimizer", outer)
        self.scaled = outer is not self.optimizer
        self.before = {weight.path: np.asarray(weight).copy() for weight in network.weights}
        self.precisions = {layer.compute_dtype for layer in network._flatten_layers() if layer.weights}

    def on_train_end(self, logs=None):
        self.steps = int(self.optimizer.iterations)
        self.rates = [float(self.optimizer._learning_rate(step)) for step in range(self.steps)]
        self.after = {weight.path: np.asarray(weight).copy() for weight in self.model.network.weights}


def trained(subject):
    """What was seen of the subject's stage while it trained, and its first batch and initial weights."""
    stage, spy = subject.stage, Spy()
    stage.callbacks = [spy]
    history = stage.train(subject.config, fresh=True)
    first = {name: part.numpy() for name, part in next(iter(stage.batches(0))).items()}
    return types.SimpleNamespace(spy=spy, history=history, stage=stage, first=first, subject=subject,
                                 images=stage.images)


def epochs(seen, value):
    assert {len(values) for values in seen.history.values()} == {value}


def batch(seen, value):
    assert seen.spy.steps == seen.images // value * 2 and len(next(iter(seen.first.values()))) == value


def optimizer(seen, value):
    assert isinstance(seen.spy.optimizer, keras.optimizers.SGD)


def learning_rate(seen, value):
    np.testing.assert_allclose(max(seen.spy.rates), value, rtol=1e-5)


def warmup(steps):
    def check(seen, value):
        np.testing.assert_allclose(seen.spy.rates[:steps], 0.02 * np.arange(1, steps + 1) / steps, rtol=1e-5)
        assert seen.spy.rates[steps] <= seen.spy.rates[steps - 1] and value == steps

    return check


def schedule(seen, value):
    """After the rise: the highest rate, or a tenth of it; nothing between."""
    peak = max(seen.spy.rates)
    assert {round(rate / peak, 4) for rate in seen.spy.rates[seen.spy.rates.index(peak):]} == {1.0, 0.1}


def drops(seen, value):
    """From half of the steps on."""
    peak, half = max(seen.spy.rates), seen.spy.steps // 2
    np.testing.assert_allclose(np.array(seen.spy.rates[half - 1:half + 1]) / peak, [1, 0.1], rtol=1e-4)


def momentum(seen, value):
    assert seen.spy.optimizer.momentum == value


def weight_decay(seen, value):
    assert seen.spy.optimizer.weight_decay == value


def clip_norm(seen, value):
    """No step can go further than momentum lets a gradient of this norm go, and decay."""
    assert seen.stage.model.clip_norm == value
    if seen.spy.scaled:
        assert seen.stage.model.optimizer.inner_optimizer.global_clipnorm == value
    else:
        far = np.sqrt(sum(np.sum((seen.spy.after[name] - before)**2) for name, before in seen.spy.before.items()))
        norm = np.sqrt(sum(np.sum(before**2) for before in seen.spy.before.values()))
        assert 0 < far <= sum(seen.spy.rates) * (value / (1 - 0.5) + 1e-3 * norm) * 1.1


def precision(seen, value):
    assert value in seen.spy.precisions


def seed(seen, value):
    """Other initial weights and another order than of the default seed."""
    usual = seen.subject.given.usual(seen.stage.name)
    name = "seed" if "seed" in seen.first else "deltas"
    assert not np.array_equal(seen.first[name], usual.first[name][:len(seen.first[name])])
    if seen.stage.name != "finetune":
        assert any(not np.array_equal(one, other) for one, other in
                   zip(seen.spy.before.values(), usual.weights, strict=True))


def backbone_rate(seen, value):
    """0: of the trunk's weights none has moved, but for the rounding of averages; of the RPN's all have."""
    def moved(part):
        return [np.abs(seen.spy.after[weight.path] - seen.spy.before[weight.path]).max()
                / np.abs(seen.spy.before[weight.path]).max() for weight in part.weights if "kernel" in weight.path]

    assert max(moved(seen.stage.detector.extractor.trunk)) < 1e-6 < 1e-5 < min(moved(seen.stage.detector.rpn))


def ema(seen, value):
    """The mean age is `value` epochs of three steps."""
    assert seen.spy.optimizer.use_ema
    np.testing.assert_allclose(seen.spy.optimizer.ema_momentum, 1 - 1 / (value * 3), rtol=1e-6)


def accumulate(seen, value):
    assert seen.stage.model.parts == value


def patience(subject, value):
    """How long that is: tests/training/test_patience.py."""
    assert subject.stage.patience == value


OTHER_PRECISION = "bfloat16" if resolve_precision("auto") == "float32" else "float32"
SHARED = {
    "fit.epochs": Row(2, epochs), "fit.optimizer": Row("sgd", optimizer), "fit.learning_rate": Row(0.02, learning_rate),
    "fit.schedule": Row("drops", schedule), "fit.drops": Row((0.5,), drops), "fit.momentum": Row(0.5, momentum),
    "fit.weight_decay": Row(1e-3, weight_decay), "fit.clip_norm": Row(0.05, clip_norm), "fit.seed": Row(5, seed),
}
STAGES = SHARED | {"fit.batch": Row(1, batch), "fit.warmup": Row(3, warmup(3)),
                   "fit.precision": Row(OTHER_PRECISION, precision)}
FINETUNE = SHARED | {
    "fit.batch": Row(4, batch), "fit.warmup": Row(1, warmup(1)), "fit.precision": Row("float16", precision),
    "fit.backbone_rate": Row(0.0, backbone_rate), "fit.ema": Row(3.0, ema), "fit.accumulate": Row(2, accumulate),
}
