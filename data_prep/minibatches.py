"""Objects and image size -> draws of sampled anchors: index, label, deltas."""

import zlib

import numpy as np
import tensorflow as tf

from frcnn_keras.models.settings import Geometry
from frcnn_keras.ops.sampling import sample
from frcnn_keras.ops.targets import anchor_targets
from frcnn_keras.settings.learning import AnchorSamplingConfig


def draw_seeds(seed: int, image_id, mirror: bool, draws: int) -> np.ndarray:
    """(D, 2) int32 seeds that depend on nothing but these, so that order, workers and resuming change no draw."""
    keys = [zlib.crc32(f"{seed}/{image_id}/{int(mirror)}/{draw}".encode()) & 0x7FFFFFFF for draw in range(draws)]
    return np.stack([np.full(draws, seed & 0x7FFFFFFF), keys], axis=1).astype(np.int32)


def minibatch_function(geometry: Geometry, settings: AnchorSamplingConfig):
    """A graph that labels an image's anchors and draws minibatches of them (arXiv 1506.01497, section 3.1.2 and 3.1.3).

    A minibatch is drawn from the anchors of all L levels together, and of one image alone: image-centric sampling, as
    the paper has it. What an image's record holds then depends on no other image, so that shards can be made in any
    order and resumed; only a trainer on images, which sees a step's images together, can draw over all of them.
    The graph takes boxes (G, 4) of the resized image, ignored (G,) bool, size (2,) int32 (height, width), shapes
    (L, 2) int32 of the maps and seeds (D, 2) int32. It returns indices (D, T) int32 into the image's anchors, labels
    (D, T) int32 (-1 where an image has too few anchors to fill a minibatch), deltas (D, T, 4) float32, and reached
    (G,) bool: whether any anchor overlaps an object at all (without `best_anchor`: enough to be positive).
    """
    levels, count = geometry.levels, settings.count
    spec = [tf.TensorSpec((None, 4), tf.float32), tf.TensorSpec((None,), tf.bool), tf.TensorSpec((2,), tf.int32),
            tf.TensorSpec((levels, 2), tf.int32), tf.TensorSpec((None, 2), tf.int32)]

    @tf.function(input_signature=spec)
    def draw(boxes, ignored, size, shapes, seeds):
        """A minibatch for each seed (D, 2) of an image of `size` (2,) with maps of `shapes` (L, 2)."""
        anchors = tf.concat(geometry.anchors(tf.unstack(shapes, levels), size), 0)  # (A, 4)
        labels, deltas, reached = anchor_targets(anchors, boxes, ignored, size[0], size[1],
                                                 positive=settings.positive, negative=settings.negative,
                                                 keep_best=settings.best_anchor)

        def sample_minibatch(seed):
            indices, valid = sample(labels, seed, count, settings.positive_fraction)
            return indices, tf.where(valid, tf.gather(labels, indices), -1), tf.gather(deltas, indices)

        kinds = (tf.TensorSpec((count,), tf.int32), tf.TensorSpec((count,), tf.int32),
                 tf.TensorSpec((count, 4), tf.float32))
        indices, labels, deltas = tf.map_fn(sample_minibatch, seeds, fn_output_signature=kinds)
        return indices, labels, deltas, reached

    return draw
