"""tf.data pipelines from annotated images to training steps of whole detectors: memory stays flat, and what a batch
holds depends on seed and epoch alone."""

import tensorflow as tf

from frcnn_keras.data import augmentation as augmenting
from frcnn_keras.data.batches import WHOLE, Share, epoch_order
from frcnn_keras.data.decoding import decode
from frcnn_keras.models.settings import Preparing
from frcnn_keras.ops import images as image_ops


def image_batches(examples, *, preparing: Preparing, augmentation: augmenting.Augmentation, batch: int, seed: int,
                  first_epoch: int, epochs: int, workers: int = 2, share: Share = WHOLE) -> tf.data.Dataset:
    """Batches of `batch` images of data.example.Examples, each epoch in an order of its own.

    preparing: the detector's. An image's changes and draws follow from (seed, its id, the epoch). share: what of a
    step's images this process reads; B is then a replica's part of `batch`.

    Returns:
        A data set of dicts: `images` (B, H, W, 3) float32, normalised, zero-padded to the largest of the batch;
        `size` (B, 2) int32, height and width without any padding; `padded` (B, 2) int32, these raised to multiples of
        pad_multiple; `boxes` (B, G, 4) float32 in pixels of the resized images; `labels` (B, G) int32; `ignored`
        (B, G) bool; `exists` (B, G) bool, False for padding; `seed` (B, 2) int64.

    Raises, while it is read:
        InputError (inside TensorFlow's InvalidArgumentError; `pipeline_errors` finds it): an image cannot be decoded.
    """
    read = _reader(examples)

    def prepare_image(epoch, index):
        image, boxes, labels, ignored, image_id = read(index)
        draw = tf.stack([tf.strings.to_hash_bucket_fast(image_id, 2**31), tf.constant(seed, tf.int64) * 2**20 + epoch])
        seeds = tf.random.experimental.stateless_split(draw, 4)
        height, width = augmenting.drawn_size(tf.shape(image)[0], tf.shape(image)[1], preparing.shorter,
                                              preparing.longer, augmentation.jitter_shorter, seeds[0])
        image = augmenting.recoloured(image, augmentation, seeds[1])  # before it is enlarged
        image, boxes = augmenting.resized(image, boxes, height, width)
        if augmentation.mirror:
            image, boxes = augmenting.mirrored(image, boxes, seeds[2])
        image = image_ops.pad(image_ops.normalise(image, preparing.preprocessing), preparing.pad_multiple)
        return {"images": tf.ensure_shape(image, (None, None, 3)), "size": tf.stack([height, width]),
                "padded": tf.shape(image)[:2], "boxes": boxes, "labels": labels, "ignored": ignored,
                "exists": tf.ones_like(ignored), "seed": seeds[3]}

    dataset = epoch_order(len(examples), seed, first_epoch, epochs, batch, share)
    dataset = dataset.map(prepare_image, num_parallel_calls=workers, deterministic=True)
    return dataset.padded_batch(batch // share.replicas, drop_remainder=True).prefetch(2)


def _reader(examples):
    """A graph function from an example's number to image (H, W, 3) uint8, boxes (G, 4), labels, ignored (G,), id."""

    def load(index):
        example = examples[index]
        image = decode(example.read(), example.file).numpy()
        return (image, example.boxes.astype("float32"), example.labels.astype("int32"), example.ignored,
                str(example.id).encode())

    def read(index):
        kinds = (tf.uint8, tf.float32, tf.int32, tf.bool, tf.string)
        loaded = tf.numpy_function(load, [index], kinds, stateful=False)
        shapes = ((None, None, 3), (None, 4), (None,), (None,), ())
        return tuple(tf.ensure_shape(part, shape) for part, shape in zip(loaded, shapes, strict=True))

    return read
