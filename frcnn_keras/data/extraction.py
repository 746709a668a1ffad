"""Images through a frozen extractor, and the neck fitted on a sample of them."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from frcnn_keras.data.decoding import decode
from frcnn_keras.data.example import Example
from frcnn_keras.errors import InputError
from frcnn_keras.models.neck import NeckFit
from frcnn_keras.models.settings import Preparing
from frcnn_keras.ops import images
from frcnn_keras.progress import Progress, ahead, timed

FLOAT16_MAX = 65504.0  # what is beyond is stored as this
FIT_ROWS = 512  # positions of an image that the neck is fitted on; neighbours tell little news


def map_function(extractor: keras.Model, preparing: Preparing):
    """A graph from an image to its maps; `preparing` says how it is normalised and padded.

    The graph takes `image` (H, W, 3) uint8 RGB, `size` (2,) int32, the (height, width) to resize to, and `mirror`
    (scalar bool), and returns a tuple over levels of (H, W, C) float32. A mirrored map would not do for a mirror image:
    padding and stride make a network's maps of it other than the mirrored maps.
    """

    @tf.function(input_signature=[tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((2,), tf.int32),
                                  tf.TensorSpec((), tf.bool)])
    def maps(image, size, mirror):
        image = images.resize(image, size[0], size[1])  # (h, w, 3) float32
        image = tf.cond(mirror, lambda: image[:, ::-1], lambda: image)
        image = images.pad(images.normalise(image, preparing.preprocessing), preparing.pad_multiple)
        return tuple(level[0] for level in extractor(image[None], training=False))

    return maps


def as_stored(features):
    """A map with the numbers that it has when it was stored as float16: float32."""
    return tf.cast(tf.cast(tf.clip_by_value(features, -FLOAT16_MAX, FLOAT16_MAX), tf.float16), tf.float32)


def image_maps(function, example: Example, size: tuple[int, int], mirror: bool = False) -> tuple[np.ndarray, ...]:
    """Runs `map_function`'s graph on one example: tuple over levels of (H, W, C) arrays.

    Raises:
        InputError: the image cannot be decoded.
    """
    levels = function(decode(example.read(), example.file), np.asarray(size, np.int32), np.asarray(mirror))
    return tuple(level.numpy() for level in levels)


def fit_rows(levels, rows: int) -> np.ndarray:
    """Evenly spread positions of an image's maps, of every level as many where it has them, for fitting the neck:
    (at most about rows, C) float32."""
    flat = [level.reshape(-1, level.shape[-1]) for level in levels]
    return np.concatenate([cells[:: max(1, len(cells) * len(flat) // rows)] for cells in flat])


@timed("neck")
def fit_neck(examples: Sequence[Example], maps_of: Callable, channels: int, sample: int,
             workers: int) -> tuple[np.ndarray, np.ndarray]:
    """Fits the projection on `sample` evenly spread images, in one streamed pass: kernel (C, D) and bias (D,) float32.

    maps_of(example) -> tuple over levels of (H, W, C), or None for an image that is left out. channels: D, at most C.
    """
    step = max(1, len(examples) // sample)
    chosen = examples[::step][:sample]
    fit = NeckFit()

    def rows(example):
        maps = maps_of(example)
        return None if maps is None else fit_rows(maps, FIT_ROWS)

    with Progress("neck", len(chosen), "images") as bar:
        for cells in ahead(rows, chosen, workers):
            if cells is not None:
                fit.add(cells)
            bar.advance()
    if fit.mean is None:
        raise InputError("none of the images that the neck is fitted on can be used; see what was left out")
    return fit.solve(min(channels, fit.mean.size))
