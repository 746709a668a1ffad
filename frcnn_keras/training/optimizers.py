"""Optimizers and learning-rate schedules of the stages."""

import keras
import tensorflow as tf

from frcnn_keras.models.keras_internals import WholeStep, adam_slots


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


@keras.saving.register_keras_serializable(package="frcnn_keras")
class SGD(WholeStep, keras.optimizers.SGD):
    """Keras's SGD."""

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, self.rate_of(variable, learning_rate))


@keras.saving.register_keras_serializable(package="frcnn_keras")
class FusedAdam(WholeStep, keras.optimizers.Adam):
    """Adam in TensorFlow's one-pass kernel.

    Keras writes Adam as some ten operations, each of which reads and writes the whole variable; on CPU that takes a
    third of the head's step (measured: 33 ms a step against 24 ms on two cores). The arithmetic is the same.
    """

    def update_step(self, gradient, variable, learning_rate):
        """One variable's step, at its own rate."""
        momentum, velocity = adam_slots(self, variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=momentum.value.handle, v=velocity.value.handle,
            beta1_power=tf.pow(self.beta_1, step), beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(self.rate_of(variable, learning_rate), tf.float32),
            beta1=self.beta_1, beta2=self.beta_2, epsilon=self.epsilon, grad=tf.cast(gradient, tf.float32))


def build_optimizer(name: str, *, learning_rate, momentum: float, weight_decay: float, **more):
    """`adam` or `sgd` with momentum; weight decay is decoupled and spares biases.

    learning_rate: a number or a schedule. more: keywords of every Keras optimizer.
    """
    shared = {"learning_rate": learning_rate, "weight_decay": weight_decay or None, **more}
    optimizer = FusedAdam(**shared) if name == "adam" else SGD(momentum=momentum, **shared)
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer
