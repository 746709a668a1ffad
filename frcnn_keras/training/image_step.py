"""A step of joint training: gradients of the four losses, in parts where memory is small; averages of the weights."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from frcnn_keras.settings.image_trainers import ImageFitConfig
from frcnn_keras.training.image_losses import ImageLosses
from frcnn_keras.training.loop import StageModel
from frcnn_keras.training.optimizers import build_optimizer


class ImageStepModel(StageModel):
    """A detector with its four losses; a step takes a batch of data.image_batches."""

    def __init__(self, losses: ImageLosses, parts: int = 1):
        """parts: a step's images are gone through in so many equal parts; their gradients are summed, so that the step
        is the same and needs the memory of one part."""
        super().__init__(losses.detector, losses, losses.names)
        self.parts = parts

    def gradients(self, batch: dict, count=None) -> tuple[dict, list]:
        """The losses of a batch, by name, and the gradients of their sum by the trainable variables.

        count: what the sums over images are divided by; the batch's images by default.
        """
        count = count or batch["images"].shape[0]
        if self.parts == 1:
            return self._gradients_of_part(batch, count)
        size = batch["images"].shape[0] // self.parts

        def part(number, losses, gradients):
            images = {name: tf.ensure_shape(values[number * size:(number + 1) * size], (size, *values.shape[1:]))
                      for name, values in batch.items()}
            part_losses, part_gradients = self._gradients_of_part(images, count)
            return (number + 1, {name: losses[name] + part_losses[name] for name in losses},
                    [total + gradient for total, gradient in zip(gradients, part_gradients, strict=True)])

        zeros = [tf.zeros(variable.shape) for variable in self.network.trainable_variables]
        start = (0, dict.fromkeys(self.losses_of.names, 0.0), zeros)
        _, losses, gradients = tf.while_loop(lambda number, *_: number < self.parts, part, start,
                                             parallel_iterations=1)
        return losses, gradients

    def _gradients_of_part(self, batch: dict, count) -> tuple[dict, list]:
        """Losses and gradients of images that fit into memory together."""
        variables = [variable.value for variable in self.network.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            losses = self.losses_of(batch, count)
            total = self.optimizer.scale_loss(tf.add_n(list(losses.values())))
        gradients = tape.gradient(total, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return losses, [tf.convert_to_tensor(gradient) for gradient in gradients]


def decay_of(epochs: float, steps: int) -> float:
    """The decay a step of a moving average over about so many epochs of `steps` steps; 0: no average.

    The average's mean age is 1 / (1 - decay) steps. Counted in epochs it suits ten images and a hundred thousand.
    """
    return max(0.0, 1 - 1 / (epochs * steps)) if epochs else 0.0


def make_optimizer(fit: ImageFitConfig, slowed, decay: float, name: str, **settings):
    """The optimizer of `optimizers.build_optimizer`, with a moving average and float16's loss scale where asked for.

    slowed: the variables that --backbone-rate is for. decay: of the average; 0: none.
    """
    if decay:
        settings |= {"use_ema": True, "ema_momentum": decay}
    scaled = fit.precision == "float16"
    if scaled:  # gradients are scaled until the optimizer unscales them: it has to clip
        settings["global_clipnorm"] = fit.clip_norm or None
    optimizer = build_optimizer(name, **settings)
    optimizer.slow(slowed, fit.backbone_rate)
    return keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer


@contextlib.contextmanager
def averaged(optimizer, variables):
    """Within the block the variables hold their moving averages, where the optimizer keeps any."""
    if not getattr(optimizer, "inner_optimizer", optimizer).use_ema:
        yield
        return
    values = [np.asarray(variable) for variable in variables]
    optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
