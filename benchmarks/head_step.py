"""Head training step: Adam in one kernel beside Keras's, bfloat16 beside float32."""

import keras
import numpy as np
import tensorflow as tf

from benchmarks.inputs import Settings, train_step
from benchmarks.timing import Row, alternate, rows_of
from frcnn_keras.models import rcnn as heads
from frcnn_keras.models.precision import policy_of
from frcnn_keras.ops.losses import rcnn_losses
from frcnn_keras.settings.stages import RCNNConfig
from frcnn_keras.training.optimizers import FusedAdam

CLASSES = 4  # with background, as BCCD has
OPTIMIZERS = {"FusedAdam": FusedAdam, "Keras's Adam": keras.optimizers.Adam}


def make_batch(images: int, regions: int, size: int, channels: int, seed: int = 0) -> dict:
    """Pooled regions as data.batches.region_batches gives them, a quarter foreground."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((images, regions), np.int32)
    labels[:, : regions // 4] = rng.integers(1, CLASSES, (images, regions // 4))
    return {"pooled": tf.constant(rng.normal(size=(images, regions, size, size, channels)).astype(np.float32)),
            "labels": tf.constant(labels), "valid": tf.ones((images, regions), tf.bool),
            "deltas": tf.constant(rng.normal(size=(images, regions, 4)).astype(np.float32))}


def step_function(optimizer: str, kind: str, size: int, channels: int, width: int):
    """(batch -> loss) of one training step, and the head that it trains; equal initial weights for all."""
    keras.utils.set_random_seed(0)
    policy = policy_of(kind)
    rcnn = heads.RCNN(heads.two_fc(size, channels, width, dtype=policy), CLASSES, dtype=policy)
    rcnn.build((None, size, size, channels))

    def losses(batch):
        shape = tf.shape(batch["labels"])  # (B, R)
        logits, deltas = rcnn(tf.reshape(batch["pooled"], (-1, size, size, channels)), training=True)
        logits = tf.reshape(logits, (shape[0], shape[1], CLASSES))
        deltas = tf.reshape(deltas, (shape[0], shape[1], CLASSES, 4))
        classes, boxes = rcnn_losses(logits, deltas, batch["labels"], batch["deltas"], batch["valid"])
        return {"class_loss": classes, "box_loss": boxes}

    made = OPTIMIZERS[optimizer](1e-3)
    return train_step(rcnn, losses, ("class_loss", "box_loss"), made), rcnn


def measure(settings: Settings) -> list[Row]:
    """Two images of 128 regions a step, the default head."""
    config, head = RCNNConfig(), RCNNConfig().head
    regions, width = (16, 64) if settings.quick else (config.regions.count, head.width)
    batch = make_batch(config.fit.batch, regions, head.roi_size, settings.channels)
    functions = {}
    for optimizer in OPTIMIZERS:
        for kind in ("float32", "bfloat16"):
            step, _ = step_function(optimizer, kind, head.roi_size, settings.channels, width)
            functions[_name(optimizer, kind, regions)] = lambda step=step: step(batch)
    fused, other = OPTIMIZERS
    pairs = [(_name(fused, kind, regions), _name(other, kind, regions)) for kind in ("float32", "bfloat16")]
    pairs.append((_name(fused, "bfloat16", regions), _name(fused, "float32", regions)))
    return rows_of("head_step", alternate(functions, settings.repeats(15)), pairs)


def _name(optimizer: str, kind: str, regions: int) -> str:
    return f"head step, 2 x {regions} regions, {optimizer}, {kind}"
