"""RPN training step: a product of matrices on 256 tiles beside convolutions, on tiles and on the whole map."""

import keras
import numpy as np
import tensorflow as tf

from benchmarks.inputs import Settings, anchors_of, train_step
from benchmarks.timing import Row, alternate, rows_of
from frcnn_keras.models.precision import policy_of
from frcnn_keras.models.rpn import RPN
from frcnn_keras.ops.losses import rpn_losses
from frcnn_keras.ops.tiles import cut_tiles
from frcnn_keras.settings.detector import AnchorConfig
from frcnn_keras.settings.stages import MinibatchConfig, RPNConfig
from frcnn_keras.training.optimizers import FusedAdam

FORMS = ("product", "tile_convolution", "map_convolution")
NAMES = {"product": "RPN step, {count} tiles, product, {precision}",
         "tile_convolution": "Conv2D on the tiles, {precision}",
         "map_convolution": "Conv2D on the whole map, {precision}"}


def answers(rpn: RPN, form: str, batch: dict):
    """Logits (T,) and deltas (T, 4) of the sampled anchors, by one of FORMS."""
    if form == "product":
        return rpn.on_tiles(batch["tiles"], batch["anchors"])
    if form == "map_convolution":
        logits, deltas = rpn((tf.cast(batch["map"], tf.float32)[None],))
        return tf.gather(logits[0][0], batch["indices"]), tf.gather(deltas[0][0], batch["indices"])
    kind = rpn.convolution.compute_dtype
    kernel, bias = (tf.cast(weight, kind) for weight in (rpn.convolution.kernel, rpn.convolution.bias))
    hidden = tf.nn.relu(tf.nn.conv2d(tf.cast(batch["tiles"], kind), kernel, 1, "VALID") + bias)  # (T, 1, 1, hidden)
    logits, deltas = rpn.objectness(hidden)[:, 0, 0], rpn.deltas(hidden)[:, 0, 0]  # (T, K), (T, 4K)
    deltas = tf.reshape(deltas, (-1, rpn.anchors_per_position, 4))
    return (tf.gather(logits, batch["anchors"], batch_dims=1), tf.gather(deltas, batch["anchors"], batch_dims=1))


def make_batch(map_shape: tuple[int, int, int], positions: int, count: int, seed: int = 0) -> dict:
    """One image's minibatch: float16 map (H, W, C) and the tiles cut from it, random labels and deltas."""
    rng = np.random.default_rng(seed)
    features = tf.constant(rng.normal(size=map_shape).astype(np.float16))
    total = map_shape[0] * map_shape[1] * positions
    indices = tf.constant(rng.choice(total, count, replace=False).astype(np.int32))
    tiles, anchors = cut_tiles((features,), indices, positions)
    labels = tf.constant((np.arange(count) < count // 4).astype(np.int32))
    deltas = tf.constant(rng.normal(scale=0.2, size=(count, 4)).astype(np.float32))
    return {"map": features, "indices": indices, "tiles": tiles, "anchors": anchors, "labels": labels, "deltas": deltas}


def step_function(form: str, kind: str, channels: int, positions: int, hidden: int):
    """(batch -> loss) of one training step; equal initial weights for all forms."""
    keras.utils.set_random_seed(0)
    rpn = RPN(positions, hidden, dtype=policy_of(kind))
    rpn.build((None, None, None, channels))

    def losses(batch):
        objectness, boxes = rpn_losses(*answers(rpn, form, batch), batch["labels"], batch["deltas"])
        return {"objectness_loss": objectness, "box_loss": boxes}

    return train_step(rpn, losses, ("objectness_loss", "box_loss"), FusedAdam(1e-3))


def measure(settings: Settings) -> list[Row]:
    """Every form in float32 and in bfloat16, one image a step."""
    anchors, count = AnchorConfig(), MinibatchConfig().count
    positions = len(anchors.sizes) * len(anchors.ratios)
    shape, hidden = (*settings.cells, settings.channels), 64 if settings.quick else RPNConfig().channels
    batch = make_batch(shape, positions, min(count, len(anchors_of(settings))))
    functions = {}
    for kind in ("float32", "bfloat16"):
        for form in FORMS:
            step = step_function(form, kind, settings.channels, positions, hidden)
            functions[_name(form, kind, count)] = lambda step=step: step(batch)
    seconds = alternate(functions, settings.repeats(15))
    pairs = [(_name("product", kind, count), _name(other, kind, count)) for kind in ("float32", "bfloat16")
             for other in ("map_convolution", "tile_convolution")]
    pairs.append((_name("product", "bfloat16", count), _name("product", "float32", count)))
    return rows_of("rpn_step", seconds, pairs)


def _name(form: str, kind: str, count: int) -> str:
    return NAMES[form].format(count=count, precision=kind)
