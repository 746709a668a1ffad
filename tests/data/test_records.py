import itertools

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data import records
from frcnn_keras.errors import InputError

RNG = np.random.default_rng(3)
MAPS = (RNG.normal(size=(3, 5, 4)).astype(np.float16), RNG.normal(size=(2, 1, 6)).astype(np.float16))
BOXES = RNG.uniform(0, 90, (2, 4)).astype(np.float32)


def feature_record(**changed):
    values = dict(image_id="a/7", mirror=True, maps=MAPS, size=(24, 40), original=(240, 400), boxes=BOXES,
                  labels=np.array([2, 1], np.int32), difficult=np.array([True, False]), crowd=np.array([False, False]))
    return records.feature_record(**{**values, **changed})


def parsed(parse, serialized, *args):
    """Parsed in a graph, as the pipelines do."""
    found = tf.function(lambda record: parse(record, *args))(tf.constant(serialized))
    return tf.nest.map_structure(lambda tensor: tensor.numpy(), found)


def test_features_round_trip():
    found = parsed(records.parse_features, feature_record(), (4, 6))
    assert found["id"] == b"a/7" and found["mirror"] == 1
    assert found["size"].tolist() == [24, 40] and found["original"].tolist() == [240, 400]
    assert all(got.dtype == np.float16 and np.array_equal(got, map) for got, map in
               zip(found["maps"], MAPS, strict=True))
    assert found["boxes"].dtype == np.float32 and np.array_equal(found["boxes"], BOXES)
    assert found["labels"].dtype == np.int32 and found["labels"].tolist() == [2, 1]
    assert found["ignored"].tolist() == [True, False] and found["crowd"].tolist() == [False, False]


def test_difficult_and_crowd_are_both_ignored():
    record = feature_record(difficult=np.array([False, False]), crowd=np.array([False, True]))
    found = parsed(records.parse_features, record, (4, 6))
    assert found["ignored"].tolist() == [False, True] and found["crowd"].tolist() == [False, True]


def test_features_of_an_image_without_objects():
    none = np.zeros(0, bool)
    record = feature_record(image_id=12, mirror=False, boxes=np.zeros((0, 4), np.float32),
                            labels=np.zeros(0, np.int32), difficult=none, crowd=none)
    found = parsed(records.parse_features, record, (4, 6))
    assert found["id"] == b"12" and found["mirror"] == 0
    assert found["boxes"].shape == (0, 4) and found["labels"].shape == (0,) and found["ignored"].shape == (0,)


def test_maps_of_other_channels_are_refused():
    with pytest.raises(tf.errors.InvalidArgumentError):
        parsed(records.parse_features, feature_record(), (5, 6))


def test_views_are_stored_as_they_read():
    turned = MAPS[0].transpose(1, 0, 2)
    found = parsed(records.parse_features, feature_record(maps=(turned,), boxes=BOXES[::-1]), (4,))
    assert np.array_equal(found["maps"][0], turned) and np.array_equal(found["boxes"], BOXES[::-1])


@pytest.mark.parametrize("draw", [0, 1, 2, 3, 7])
def test_minibatch_round_trip(draw):
    indices = RNG.integers(0, 10**6, (3, 5)).astype(np.int32)
    labels = RNG.integers(-1, 2, (3, 5)).astype(np.int32)
    deltas = RNG.normal(size=(3, 5, 4)).astype(np.float32)
    record = records.minibatch_record(image_id="x", mirror=False, indices=indices, labels=labels, deltas=deltas)
    found = parsed(records.parse_minibatch, record, draw)  # draws repeat from the fourth on
    assert found["id"] == b"x" and found["mirror"] == 0
    assert np.array_equal(found["indices"], indices[draw % 3]) and found["indices"].dtype == np.int32
    assert np.array_equal(found["labels"], labels[draw % 3]) and found["labels"].dtype == np.int32
    assert np.array_equal(found["deltas"], deltas[draw % 3])


def test_tiles_round_trip():
    tiles = RNG.normal(size=(6, 3, 3, 2)).astype(np.float16)
    anchors, labels = np.arange(6, dtype=np.int32), np.array([1, 0, -1, 0, 1, 0], np.int32)
    deltas = RNG.normal(size=(6, 4)).astype(np.float32)
    record = records.tile_record(image_id=3, mirror=True, draw=2, tiles=tiles, anchors=anchors, labels=labels,
                                 deltas=deltas)
    found = parsed(records.parse_tiles, record)
    assert (found["id"], found["mirror"], found["draw"]) == (b"3", 1, 2)
    assert found["tiles"].dtype == np.float16 and np.array_equal(found["tiles"], tiles)
    assert np.array_equal(found["anchors"], anchors) and np.array_equal(found["labels"], labels)
    assert np.array_equal(found["deltas"], deltas)


@pytest.mark.parametrize("count", [0, 1, 9])
def test_proposals_round_trip(count):
    boxes, scores = (RNG.uniform(size=shape).astype(np.float32) for shape in ((count, 4), (count,)))
    found = parsed(records.parse_proposals, records.proposal_record(image_id="p", mirror=1, boxes=boxes, scores=scores))
    assert found["id"] == b"p" and found["mirror"] == 1
    assert np.array_equal(found["boxes"], boxes) and np.array_equal(found["scores"], scores)


def test_equal_content_is_equal_to_the_byte(tmp_path):
    assert feature_record() == feature_record()
    for name in ("a", "b"):
        records.write_shard(tmp_path / name, [feature_record(), b"", b"x" * 1000])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_spans_find_every_record_of_every_shard(tmp_path):
    shards = [[b"first", b"", b"x" * 70000], [], [b"last"]]
    paths = [tmp_path / records.shard_name(index, 3) for index in range(3)]
    for path, shard in zip(paths, shards, strict=True):
        records.write_shard(path, shard)
    found = records.spans(paths)
    assert [span.read() for span in found] == list(itertools.chain(*shards))
    assert [record.numpy() for record in tf.data.TFRecordDataset(list(map(str, paths)))] == [s.read() for s in found]
    assert [path.name for path in paths] == sorted(path.name for path in tmp_path.iterdir())


def test_a_shard_cut_off_anywhere_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "cut.tfrecord"
    records.write_shard(path, [b"abc", b"defgh"])
    whole, boundary = path.read_bytes(), 16 + 3
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        if length == boundary:
            continue  # a shorter shard, whole in itself: the manifest's count tells (test_prepared)
        with pytest.raises(InputError, match="cut.tfrecord.*cut off"):
            records.spans([path])


def test_a_failure_while_writing_leaves_nothing(tmp_path):
    def content():
        yield b"one"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        records.write_shard(tmp_path / "a.tfrecord", content())
    assert list(tmp_path.iterdir()) == []
