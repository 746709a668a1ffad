import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.training.optimizers import FusedAdam, WarmUp, build_optimizer


def variables_of(seed=0):
    rng = np.random.default_rng(seed)
    kernel = keras.Variable(rng.normal(size=(4, 3)).astype(np.float32), name="kernel")
    bias = keras.Variable(rng.normal(size=(3,)).astype(np.float32), name="bias")
    return [kernel, bias]


def run(optimizer, steps=20):
    """Values after steps of unlike, changing gradients."""
    variables, rng = variables_of(), np.random.default_rng(1)
    for step in range(steps):
        gradients = [tf.constant(rng.normal(size=v.shape) * 10.0 ** rng.integers(-3, 3), tf.float32) for v in variables]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return [np.asarray(variable) for variable in variables]


SCHEDULE = {"peak": 0.01, "steps": 20, "warmup": 5}


@pytest.mark.parametrize("settings", [
    {"learning_rate": 1e-3}, {"learning_rate": 1e-2, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    {"learning_rate": 1e-3, "global_clipnorm": 0.5}, {"learning_rate": 1e-2, "weight_decay": 0.1}])
def test_fused_adam_equals_keras_adam(settings):
    for one, other in zip(run(FusedAdam(**settings)), run(keras.optimizers.Adam(**settings)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6, rtol=0)


def test_fused_adam_equals_keras_adam_on_a_schedule_and_in_a_graph():
    def in_graph(kind):
        optimizer, variables = kind(WarmUp(**SCHEDULE)), variables_of()
        optimizer.build(variables)
        step = tf.function(lambda gradients: optimizer.apply_gradients(zip(gradients, variables, strict=True)))
        rng = np.random.default_rng(2)
        for _ in range(20):
            step([tf.constant(rng.normal(size=v.shape), tf.float32) for v in variables])
        return [np.asarray(variable) for variable in variables]

    for one, other in zip(in_graph(FusedAdam), in_graph(keras.optimizers.Adam), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6, rtol=0)


def test_first_step_by_hand():
    # m = 0.1 g and v = 0.001 g^2, corrected by 1 - 0.9 and 1 - 0.999: a step of rate * sign
    variable = keras.Variable(np.array([1.0, 2.0], np.float32), name="kernel")
    FusedAdam(0.1).apply_gradients([(tf.constant([3.0, -0.5]), variable)])
    np.testing.assert_allclose(np.asarray(variable), [0.9, 2.1], atol=1e-5)


@pytest.mark.parametrize("fall, values", [
    ("constant", {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1, 19: 1}),
    ("cosine", {0: 0.25, 3: 1, 4: 1, 8: 0.5 + 0.5 * math.cos(math.pi / 4), 12: 0.5, 20: 0, 50: 0}),
    ("drops", {0: 0.25, 3: 1, 9: 1, 10: 0.1, 15: 0.1, 16: 0.01, 19: 0.01}),
])
def test_warm_up_by_hand(fall, values):
    schedule = WarmUp(2.0, 20, 4, fall, (0.5, 0.8))
    for step, value in values.items():
        assert float(schedule(tf.constant(step, tf.int64))) == pytest.approx(2.0 * value, abs=1e-6), step


def test_without_warm_up_the_first_step_is_at_the_peak():
    assert float(WarmUp(0.5, 10, 0, "constant")(0)) == 0.5
    assert float(WarmUp(0.5, 10, 0, "drops", ())(9)) == 0.5


def test_schedule_round_trip():
    schedule = WarmUp(0.5, 30, 3, "drops", (0.2, 0.6))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert [float(again(step)) for step in range(30)] == [float(schedule(step)) for step in range(30)]


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_weight_decay_spares_biases(name):
    optimizer = build_optimizer(name, learning_rate=0.5, momentum=0.9, weight_decay=0.1)
    kernel, bias = variables = variables_of()
    before = [np.asarray(variable).copy() for variable in variables]
    optimizer.apply_gradients([(tf.zeros(variable.shape), variable) for variable in variables])
    np.testing.assert_allclose(np.asarray(kernel), before[0] * (1 - 0.5 * 0.1), rtol=1e-6)
    assert np.array_equal(np.asarray(bias), before[1])


def test_momentum_by_hand():
    optimizer = build_optimizer("sgd", learning_rate=0.1, momentum=0.5, weight_decay=0)
    variable = keras.Variable(np.array([0.0], np.float32), name="kernel")
    seen = []
    for _ in range(3):
        optimizer.apply_gradients([(tf.constant([1.0]), variable)])
        seen.append(float(np.asarray(variable)[0]))
    np.testing.assert_allclose(seen, [-0.1, -0.25, -0.425], rtol=1e-5)  # steps of 0.1, 0.15, 0.175


def slowed_run(name, share, **settings):
    """Values after one step of gradient 2, of a kernel that is slowed and of one that is not; both begin at 1."""
    optimizer = build_optimizer(name, learning_rate=0.1, momentum=0.9, **{"weight_decay": 0.0, **settings})
    slow, other = variables = [keras.Variable(np.ones((1, 1), np.float32), name="kernel") for _ in range(2)]
    optimizer.slow([slow], share)
    optimizer.apply_gradients([(tf.constant([[2.0]]), variable) for variable in variables])
    return float(np.asarray(slow)[0, 0]), float(np.asarray(other)[0, 0])


@pytest.mark.parametrize("name, full", [("sgd", 0.2), ("adam", 0.1)])  # adam's first step is the rate
@pytest.mark.parametrize("share", [1.0, 0.25, 0.0])
def test_slowed_variables_by_hand(name, full, share):
    assert slowed_run(name, share) == pytest.approx((1 - full * share, 1 - full), abs=1e-5)


def test_slowed_variables_decay_slowly_too():
    slow, other = slowed_run("sgd", 0.5, weight_decay=0.3)
    assert other == pytest.approx(1 * (1 - 0.1 * 0.3) - 0.2, abs=1e-6)
    assert slow == pytest.approx(1 * (1 - 0.05 * 0.3) - 0.1, abs=1e-6)
