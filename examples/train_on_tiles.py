"""Trains an RPN on the tiles that `frcnn prep ... --write-tiles` wrote, with TensorFlow and Keras alone.

    python examples/train_on_tiles.py work/prep/trainval/tiles 15

The second argument is K, the anchors a position (sizes x ratios). Shows the format of a tile record; frcnn_keras is
not needed to read it.
"""

import sys

import keras
import tensorflow as tf

FOLDER, K = sys.argv[1], int(sys.argv[2])


def parse(serialized):
    """One minibatch: 256 sampled anchors of one image."""
    spec = {name: tf.io.FixedLenFeature((), tf.string) for name in ("tiles", "anchors", "labels", "deltas")}
    spec["shape"] = tf.io.FixedLenFeature((4,), tf.int64)
    record = tf.io.parse_single_example(serialized, spec)
    tiles = tf.reshape(tf.io.decode_raw(record["tiles"], tf.float16), record["shape"])  # (T, 3, 3, C)
    anchors = tf.io.decode_raw(record["anchors"], tf.int32)  # (T,) which of its position's K anchors a tile is for
    labels = tf.io.decode_raw(record["labels"], tf.int32)  # (T,) 1 object, 0 background, -1 ignored
    deltas = tf.reshape(tf.io.decode_raw(record["deltas"], tf.float32), (-1, 4))  # (T, 4)
    return tf.cast(tiles, tf.float32), anchors, labels, deltas


batches = tf.data.TFRecordDataset(tf.io.gfile.glob(f"{FOLDER}/*.tfrecord")).shuffle(64).map(parse).prefetch(2)
channels = next(iter(batches))[0].shape[-1]
hidden = keras.layers.Dense(512, activation="relu")  # the 3x3 convolution, seen from one position
objectness, boxes = keras.layers.Dense(K), keras.layers.Dense(4 * K)
features = keras.Input((9 * channels,))
model = keras.Model(features, [objectness(hidden(features)), boxes(hidden(features))])
optimizer = keras.optimizers.Adam(1e-3)


@tf.function
def step(tiles, anchors, labels, deltas):
    """One minibatch; returns the two losses."""
    sampled, positive = (tf.cast(mask, tf.float32) for mask in (labels >= 0, labels == 1))
    with tf.GradientTape() as tape:
        logits, found = model(tf.reshape(tiles, (-1, 9 * channels)))
        logits = tf.gather(logits, anchors, batch_dims=1)  # (T,)
        found = tf.gather(tf.reshape(found, (-1, K, 4)), anchors, batch_dims=1)  # (T, 4)
        entropy = tf.nn.sigmoid_cross_entropy_with_logits(positive, logits)
        size = tf.abs(found - deltas)
        distance = tf.reduce_sum(tf.where(size < 1 / 9, 4.5 * size * size, size - 1 / 18), axis=-1)
        losses = [tf.reduce_sum(entropy * sampled), tf.reduce_sum(distance * positive)]
        total = tf.add_n(losses) / tf.reduce_sum(sampled)
    optimizer.apply_gradients(zip(tape.gradient(total, model.trainable_variables), model.trainable_variables))
    return [loss / tf.reduce_sum(sampled) for loss in losses]


for number, batch in enumerate(batches):
    objectness_loss, box_loss = step(*batch)
    if number % 50 == 0:
        print(f"minibatch {number}: objectness {objectness_loss:.3f}, boxes {box_loss:.3f}")
