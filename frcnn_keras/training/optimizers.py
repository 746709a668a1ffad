"""Optimizers and learning-rate schedules of the stages."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="frcnn_keras")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to `peak` over `warmup` steps, then falls: `cosine` to 0 at `steps`, `drops` by 10 at each share
    of `steps`, or stays `constant`."""

    def __init__(self, peak: float, steps: int, warmup: int = 0, fall: str = "cosine", drops: tuple = ()):
        self.peak, self.steps, self.warmup, self.fall, self.drops = peak, steps, warmup, fall, tuple(drops)

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        rise = tf.minimum(1.0, (step + 1.0) / max(self.warmup, 1))
        if self.fall == "cosine":
            share = (step - self.warmup) / max(self.steps - self.warmup, 1)
            factor = 0.5 + 0.5 * tf.cos(3.141592653589793 * tf.clip_by_value(share, 0.0, 1.0))
        elif self.fall == "drops":
            passed = tf.reduce_sum([tf.cast(step >= drop * self.steps, tf.float32) for drop in self.drops])
            factor = 0.1**passed
        else:
            factor = 1.0
        return self.peak * rise * factor

    def get_config(self):
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup, "fall": self.fall, "drops": self.drops}


class WholeStep:
    """Mixed into an optimizer: its gradients are the whole step's already (distribution.summed_over_replicas), and some
    variables may learn more slowly than the others.

    Keras sums gradients over the replicas itself, but after it has clipped each replica's by its own norm.
    """

    _slowed: frozenset = frozenset()
    _share = 1.0

    def slow(self, variables, share: float) -> None:
        """From now on these variables learn at `share` of the learning rate, and decay at it."""
        self._slowed, self._share = frozenset(map(self._var_key, variables)), share

    def _rate_of(self, variable, learning_rate):
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


@keras.saving.register_keras_serializable(package="frcnn_keras")
class SGD(WholeStep, keras.optimizers.SGD):
    """Keras's SGD."""

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, self._rate_of(variable, learning_rate))


@keras.saving.register_keras_serializable(package="frcnn_keras")
class FusedAdam(WholeStep, keras.optimizers.Adam):
    """Adam in TensorFlow's one-pass kernel.

    Keras writes Adam as some ten operations, each of which reads and writes the whole variable; on CPU that takes a
    third of the head's step (measured: 33 ms a step against 24 ms on two cores). The arithmetic is the same.
    """

    def update_step(self, gradient, variable, learning_rate):
        """One variable's step, at its own rate."""
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[index].value.handle, v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step), beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(self._rate_of(variable, learning_rate), tf.float32),
            beta1=self.beta_1, beta2=self.beta_2, epsilon=self.epsilon, grad=tf.cast(gradient, tf.float32))


def build_optimizer(name: str, *, learning_rate, momentum: float, weight_decay: float, **more):
    """`adam` or `sgd` with momentum; weight decay is decoupled and spares biases.

    learning_rate: a number or a schedule. more: keywords of every Keras optimizer.
    """
    shared = {"learning_rate": learning_rate, "weight_decay": weight_decay or None, **more}
    made = FusedAdam(**shared) if name == "adam" else SGD(momentum=momentum, **shared)
    if weight_decay:
        made.exclude_from_weight_decay(var_names=["bias"])
    return made
