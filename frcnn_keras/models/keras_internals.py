"""The one file that uses names of Keras which are not public; its tests tell when Keras changes them."""

from collections.abc import Callable, Sequence

import keras


def flatten_layers(model: keras.Layer, include_self: bool = True) -> list[keras.Layer]:
    """A model's layers, layers of its layers too; the model itself first."""
    return list(model._flatten_layers(include_self=include_self))


def is_graph(operation) -> bool:
    """Whether an operation is a functional model, which `run_through_graph` takes."""
    return isinstance(operation, keras.Model) and hasattr(operation, "_run_through_graph")


def run_through_graph(model: keras.Model, inputs, call: Callable):
    """Calls call(operation, *args, **kwargs) in place of every operation of a functional model, from its inputs on;
    returns what stands for its outputs."""
    return model._run_through_graph(inputs, operation_fn=lambda operation: operation, call_fn=call)


def adam_slots(optimizer: keras.optimizers.Adam, variable) -> tuple:
    """The two moving averages that Adam keeps of a variable's gradients: momentum and velocity."""
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]


class WholeStep:
    """Mixed into an optimizer: its gradients are the whole step's already (training.distribution), and some variables
    may learn more slowly than the others.

    Keras sums gradients over the replicas itself, but after it has clipped each replica's by its own norm.
    """

    _slowed: frozenset = frozenset()
    _share = 1.0

    def slow(self, variables: Sequence, share: float) -> None:
        """From now on these variables learn at `share` of the learning rate, and decay at it."""
        self._slowed, self._share = frozenset(map(self._var_key, variables)), share

    def rate_of(self, variable, learning_rate):
        """The learning rate of one variable."""
        return learning_rate * self._share if self._var_key(variable) in self._slowed else learning_rate

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return list(grads_and_vars)

    def _apply_weight_decay(self, variables):
        """Keras's, at each variable's own rate."""
        if self.weight_decay is None:
            return
        slowed = [variable for variable in variables if self._var_key(variable) in self._slowed]
        super()._apply_weight_decay([variable for variable in variables if self._var_key(variable) not in self._slowed])
        decay, self.weight_decay = self.weight_decay, self.weight_decay * self._share
        super()._apply_weight_decay(slowed)
        self.weight_decay = decay
