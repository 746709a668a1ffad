"""Keras's private names that this package depends on. Where one of these fails, Keras changed: mend the one file."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from frcnn_keras.models import keras_internals
from frcnn_keras.training.optimizers import SGD, FusedAdam

ROOT = Path(__file__).resolve().parents[2]
NAMES = [(keras.Layer, "_flatten_layers"), (keras.Sequential, "_flatten_layers"),
         (keras.optimizers.Optimizer, "_var_key"), (keras.optimizers.Optimizer, "_get_variable_index"),
         (keras.optimizers.Optimizer, "_apply_weight_decay"), (keras.optimizers.Optimizer, "_all_reduce_sum_gradients")]
PRIVATE = re.compile(r"\._(flatten_layers|run_through_graph|var_key|get_variable_index|apply_weight_decay|momentums|"
                     r"velocities|all_reduce_sum_gradients)\b")


def network():
    """image -> conv -> inner model (dense) -> output"""
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="inside")], name="inner")
    image = keras.Input((4,))
    return keras.Model(image, inner(keras.layers.Dense(4, name="first")(image)), name="outer")


@pytest.mark.parametrize("owner, name", NAMES)
def test_keras_still_has_the_name(owner, name):
    assert hasattr(owner, name), (f"Keras {keras.__version__} has no {owner.__name__}.{name} any more: "
                                  "adapt frcnn_keras/models/keras_internals.py")


def test_functional_models_still_run_through_their_graph():
    assert keras_internals.is_graph(network()), (
        f"Keras {keras.__version__}: functional models have no _run_through_graph any more: adapt "
        "frcnn_keras/models/keras_internals.py")
    assert not keras_internals.is_graph(keras.layers.Dense(1))


def test_layers_of_layers_are_found():
    model = network()
    names = [layer.name for layer in keras_internals.flatten_layers(model)]
    assert names[0] == "outer" and {"first", "inner", "inside"} <= set(names)
    assert "outer" not in [layer.name for layer in keras_internals.flatten_layers(model, include_self=False)]


def test_every_operation_is_called_in_order():
    called = []

    def call(operation, *args, **kwargs):
        called.append(operation.name)
        return operation.compute_output_spec(*args, **kwargs)

    found = keras_internals.run_through_graph(network(), keras.KerasTensor((2, 4)), call)
    assert called == ["first", "inner"] and tuple(keras.tree.flatten(found)[0].shape) == (2, 3)


def test_adams_averages_are_those_of_the_variable():
    optimizer, variables = FusedAdam(0.1), [keras.Variable(np.zeros(shape, np.float32)) for shape in ((2,), (3, 5))]
    optimizer.build(variables)
    for variable in variables:
        for slot in keras_internals.adam_slots(optimizer, variable):
            assert slot.shape == variable.shape


def test_decay_and_rate_of_slowed_variables():
    kept, slowed = (keras.Variable(np.ones(2, np.float32)) for _ in range(2))
    optimizer = SGD(0.1, weight_decay=0.5)
    optimizer.build([kept, slowed])
    optimizer.slow([slowed], 0.1)
    optimizer.apply_gradients([(np.zeros(2, np.float32), kept), (np.zeros(2, np.float32), slowed)])
    np.testing.assert_allclose(kept.numpy(), 1 - 0.1 * 0.5, rtol=1e-6)
    np.testing.assert_allclose(slowed.numpy(), 1 - 0.1 * 0.5 * 0.1, rtol=1e-6)


def test_no_other_file_uses_them():
    for path in [*ROOT.glob("frcnn_keras/**/*.py"), *ROOT.glob("data_prep/*.py"), *ROOT.glob("benchmarks/*.py")]:
        if path.name != "keras_internals.py":
            assert not PRIVATE.search(path.read_text(encoding="utf-8")), path
