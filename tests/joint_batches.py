"""Batches as the trainers on images take them, of images of unlike sizes, and settings for so few of them."""

import numpy as np
import tensorflow as tf

from frcnn_keras.settings.image_trainers import ImageFitConfig, ImageLossConfig, ImageProposalConfig
from frcnn_keras.settings.learning import AnchorSamplingConfig, RegionSamplingConfig

LOSS = ImageLossConfig(AnchorSamplingConfig(positive=0.6, count=16), ImageProposalConfig(60, 20),
                       RegionSamplingConfig(12, foreground=0.4))
FIT = ImageFitConfig(epochs=2, batch=2, learning_rate=1e-3, warmup=1, precision="float32")


def image(height, width, objects, seed):
    """One image of a batch, without any padding to others."""
    rng = np.random.default_rng(seed)
    padded = (-(-height // 8) * 8, -(-width // 8) * 8)
    pixels = np.zeros((*padded, 3), np.float32)
    pixels[:height, :width] = rng.normal(size=(height, width, 3))
    corner = rng.uniform(0, [width - 20, height - 20], (objects, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(8, 20, (objects, 2))], 1).astype(np.float32)
    return {"images": pixels, "size": np.array([height, width], np.int32), "padded": np.array(padded, np.int32),
            "boxes": boxes, "labels": rng.integers(1, 4, objects).astype(np.int32),
            "ignored": np.arange(objects) == 2, "exists": np.ones(objects, bool),
            "seed": np.array([seed, 77], np.int32)}


def batch_of(images, garbage=0.0):
    """Images padded to the largest and put behind one another; `garbage` stands in the padding of objects."""
    def widen(name, arrays):
        shape = np.max([np.shape(array) for array in arrays], 0)
        fill = garbage if name in ("boxes", "labels") else 0
        return np.stack([np.pad(array, [(0, n - m) for n, m in zip(shape, np.shape(array))], constant_values=fill)
                         for array in arrays])

    return {name: tf.constant(widen(name, [one[name] for one in images])) for name in images[0]}


UNLIKE = [image(48, 64, 3, 1), image(40, 72, 1, 2), image(61, 50, 0, 3)]
