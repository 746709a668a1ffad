"""tf.data pipelines from prep folders to training steps: memory stays flat, order depends on seed and epoch alone."""

from typing import NamedTuple

import tensorflow as tf

from frcnn_keras.data import records
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.models.settings import Pooling
from frcnn_keras.ops.pyramid import pool_regions
from frcnn_keras.ops.targets import region_targets
from frcnn_keras.ops.tiles import cut_tiles
from frcnn_keras.settings.learning import RegionSamplingConfig


class Share(NamedTuple):
    """The part of every step's images that a process reads: one worker's of several, for its own replicas.

    worker: its number. workers: how many read. replicas: how many devices train, those of all workers together.
    """

    worker: int = 0
    workers: int = 1
    replicas: int = 1


WHOLE = Share()


def _reader(spans):
    """A graph function from a record's number to its serialized form.

    Where the record is damaged, its InputError is inside TensorFlow's InvalidArgumentError (`pipeline_errors`).
    """

    def read(index):
        # a file read by position: a shuffle of single records needs no buffer of half a megabyte each
        serialized = tf.numpy_function(lambda i: spans[i].read(), [index], tf.string, stateful=False)
        return tf.ensure_shape(serialized, ())

    return read


def epoch_order(count: int, seed: int, first_epoch: int, epochs: int, batch: int = 1,
                share: Share = WHOLE) -> tf.data.Dataset:
    """(epoch, index) for every record of each epoch from `first_epoch` up to `epochs`, each epoch shuffled anew.

    batch: records a step; those of an epoch that do not fill a step are left out, so that every epoch begins with a
    step. share: of every step's records only this worker's are given, in order: one after the other the workers' are
    the whole step's.
    """

    def shuffled(epoch):
        draws = tf.random.stateless_uniform((count,), tf.stack([tf.constant(seed, tf.int64), epoch]))
        steps = tf.argsort(draws)[:count // batch * batch]
        indices = tf.reshape(tf.reshape(steps, (-1, share.workers, batch // share.workers))[:, share.worker], (-1,))
        return tf.data.Dataset.from_tensor_slices((tf.fill(tf.shape(indices), epoch), indices))

    return tf.data.Dataset.range(first_epoch, epochs).flat_map(shuffled)


def _batches(order: tf.data.Dataset, read, size: int) -> tf.data.Dataset:
    return order.map(read, num_parallel_calls=2, deterministic=True).batch(size, drop_remainder=True).prefetch(4)


def rpn_batches(prepared: Prepared, anchors_per_position: int, *, batch: int, seed: int, first_epoch: int,
                epochs: int, from_tiles: bool = False, share: Share = WHOLE) -> tf.data.Dataset:
    """Minibatches of `batch` images: tiles (B, T, 3, 3, C) float16, anchors, labels (B, T), deltas (B, T, 4).

    Epoch e takes draw e (modulo the draws there are). from_tiles: reads the tiles that --write-tiles wrote instead of
    cutting them; the numbers are the same to the bit. share: what of a step's images this process reads; a batch is
    then a replica's.
    """
    draws = prepared.config.minibatches.draws
    count = len(prepared.minibatch_spans)
    channels = prepared.channels
    read_features, read_minibatch = _reader(prepared.feature_spans), _reader(prepared.minibatch_spans)
    read_tiles = _reader(prepared.tile_spans()) if from_tiles else None

    def cut(epoch, index):
        maps = records.parse_features(read_features(index), channels)["maps"]
        drawn = records.parse_minibatch(read_minibatch(index), epoch)
        tiles, anchors = cut_tiles(maps, drawn["indices"], anchors_per_position)
        return {"tiles": tiles, "anchors": anchors, "labels": drawn["labels"], "deltas": drawn["deltas"]}

    def stored(epoch, index):
        parsed = records.parse_tiles(read_tiles(tf.cast(index, tf.int64) * draws + epoch % draws))
        parsed["tiles"] = tf.ensure_shape(parsed["tiles"], (None, 3, 3, channels[0]))
        return {name: parsed[name] for name in ("tiles", "anchors", "labels", "deltas")}

    order = epoch_order(count, seed, first_epoch, epochs, batch, share)
    return _batches(order, stored if from_tiles else cut, batch // share.replicas)


def region_batches(prepared: Prepared, proposal_spans, *, pooling: Pooling, sampling: RegionSamplingConfig, scales,
                   batch: int, seed: int, first_epoch: int, epochs: int, dtype: str = "float32",
                   share: Share = WHOLE, means=(0.0, 0.0, 0.0, 0.0)) -> tf.data.Dataset:
    """Sampled, pooled regions of `batch` images: pooled (B, R, S, S, C) of `dtype`, labels (B, R), deltas (B, R, 4),
    valid (B, R). Regions are drawn anew every epoch from (seed, image, epoch).

    scales, means: of the deltas (models.settings.Detecting). share: as in `rpn_batches`.
    """
    channels, geometry, sampled = prepared.channels, prepared.geometry, vars(sampling)
    read_features, read_proposals = _reader(prepared.feature_spans), _reader(proposal_spans)

    def sample_regions(epoch, index):
        parsed = records.parse_features(read_features(index), channels)
        proposals = records.parse_proposals(read_proposals(index))["boxes"]
        image = tf.strings.to_hash_bucket_fast(parsed["id"], 2**30) * 2 + parsed["mirror"]
        draw = tf.stack([image, tf.constant(seed, tf.int64) * 2**20 + epoch])
        regions, labels, deltas, valid = region_targets(
            proposals, tf.ones(tf.shape(proposals)[:1], tf.bool), parsed["boxes"], parsed["labels"],
            parsed["ignored"], draw, scales=scales, means=means, **sampled)
        maps = tuple(tf.cast(level, tf.float32)[None] for level in parsed["maps"])
        pooled = pool_regions(maps, regions[None], geometry.strides, geometry.offsets, **pooling.keywords())[0]
        # pooled: (R, S, S, C)
        return {"pooled": tf.cast(pooled, dtype), "labels": labels, "deltas": deltas, "valid": valid}

    order = epoch_order(len(prepared.feature_spans), seed, first_epoch, epochs, batch, share)
    return _batches(order, sample_regions, batch // share.replicas)


def map_specs(prepared: Prepared) -> tuple:
    """tf.TensorSpec of `feature_maps`' maps: maps of every size are one graph."""
    return tuple(tf.TensorSpec((1, None, None, depth), tf.float32) for depth in prepared.channels)


def feature_maps(prepared: Prepared, proposal_spans=None) -> tf.data.Dataset:
    """Every record in order, one image at a time: id, mirror, size, original, boxes, labels, ignored, maps (tuple over
    levels of (1, H, W, C) float32), and `proposals` (P, 4) where their spans are given."""
    channels = prepared.channels
    read_features = _reader(prepared.feature_spans)
    read_proposals = _reader(proposal_spans) if proposal_spans else None

    def read_record(index):
        parsed = records.parse_features(read_features(index), channels)
        parsed["maps"] = tuple(tf.cast(level, tf.float32)[None] for level in parsed["maps"])
        if read_proposals:
            parsed["proposals"] = records.parse_proposals(read_proposals(index))["boxes"]
        return parsed

    dataset = tf.data.Dataset.range(len(prepared.feature_spans))
    return dataset.map(read_record, num_parallel_calls=2, deterministic=True).prefetch(4)
