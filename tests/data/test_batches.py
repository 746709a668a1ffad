import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data import records
from frcnn_keras.data.batches import WHOLE, Share, epoch_order, feature_maps, region_batches, rpn_batches
from frcnn_keras.models.settings import Pooling
from frcnn_keras.settings.learning import RegionSamplingConfig

RECORDS, DRAWS, K = 12, 2, 9


def order(count=50, seed=0, first=0, epochs=3):
    """(epochs, count): the numbers in the order of each epoch."""
    pairs = [(int(epoch), int(index)) for epoch, index in epoch_order(count, seed, first, epochs)]
    assert [epoch for epoch, _ in pairs] == np.repeat(np.arange(first, epochs), count).tolist()
    return np.array([index for _, index in pairs]).reshape(-1, count)


def values(dataset):
    return [{name: part.numpy() for name, part in batch.items()} for batch in dataset]


def assert_equal(batches, others):
    assert len(batches) == len(others) > 0
    for one, other in zip(batches, others, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert one[name].dtype == other[name].dtype and np.array_equal(one[name], other[name]), name


def tiles(prep, first=0, epochs=2, seed=0, batch=2, from_tiles=False, share=WHOLE):
    return values(rpn_batches(prep, K, batch=batch, seed=seed, first_epoch=first, epochs=epochs,
                              from_tiles=from_tiles, share=share))


@pytest.fixture(scope="module")
def proposals(prep, tmp_path_factory):
    """Positions of proposals for the prepared images: random boxes, a few of them about the objects."""
    rng, shard = np.random.default_rng(4), []
    for span in prep.feature_spans:
        record = records.parse_features(span.read(), prep.channels)
        corner = rng.uniform(0, 60, (40, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(8, 60, (40, 2))], 1)
        near = record["boxes"].numpy() + rng.uniform(-3, 3, record["boxes"].shape)
        boxes = np.concatenate([near, boxes]).astype(np.float32)
        shard.append(records.proposal_record(image_id=record["id"].numpy().decode(), mirror=int(record["mirror"]),
                                             boxes=boxes, scores=np.ones(len(boxes), np.float32)))
    path = tmp_path_factory.mktemp("proposals") / "p.tfrecord"
    records.write_shard(path, shard)
    return records.spans([path])


def regions(prep, proposals, first=0, epochs=2, seed=0, batch=2, share=WHOLE, scales=(0.1, 0.1, 0.2, 0.2),
            **sampling):
    return values(region_batches(
        prep, proposals, pooling=Pooling(op="align", size=3), sampling=RegionSamplingConfig(16, **sampling),
        scales=scales, batch=batch, seed=seed, first_epoch=first, epochs=epochs, share=share))


def test_every_epoch_is_a_permutation_of_its_own():
    found = order()
    assert all(sorted(epoch) == list(range(50)) for epoch in found.tolist())
    assert not np.array_equal(found[0], found[1]) and not np.array_equal(found[0], np.arange(50))


def test_the_order_depends_on_seed_and_epoch_alone():
    assert np.array_equal(order(), order())
    assert np.array_equal(order(first=2), order()[2:])
    assert np.array_equal(order(epochs=2), order(epochs=5)[:2])
    assert not np.array_equal(order(seed=1), order(seed=0))
    assert order(count=1).tolist() == [[0], [0], [0]]


def indices_of(*arguments, **settings):
    return [(int(epoch), int(index)) for epoch, index in epoch_order(*arguments, **settings)]


def test_every_epoch_begins_with_a_step():
    """11 records in steps of 4: two steps an epoch, whose records a later start gives too."""
    whole = indices_of(11, 0, 0, 3, batch=4)
    assert [epoch for epoch, _ in whole] == [0] * 8 + [1] * 8 + [2] * 8
    assert indices_of(11, 0, 1, 3, batch=4) == whole[8:]
    assert whole == [pair for epoch in range(3) for pair in indices_of(11, 0, epoch, epoch + 1)[:8]]


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_shares_make_up_every_step(workers):
    whole = np.array(indices_of(26, 5, 0, 2, batch=6)).reshape(-1, 6, 2)
    parts = [np.array(indices_of(26, 5, 0, 2, batch=6, share=Share(worker, workers, workers))).reshape(
        -1, 6 // workers, 2) for worker in range(workers)]
    assert len(whole) == 8 and np.array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.slow
def test_a_replicas_batches(prep, proposals):
    """Two workers of two devices each: a worker's consecutive batches are its devices' parts of one step."""
    for make in (lambda share: tiles(prep, batch=4, share=share),
                 lambda share: regions(prep, proposals, batch=4, share=share)):
        whole, parts = make(WHOLE), [make(Share(worker, 2, 4)) for worker in range(2)]
        assert len(whole) == 6 and [len(part) for part in parts] == [12, 12]
        for number, step in enumerate(whole):
            found = [part[2 * number + device] for part in parts for device in range(2)]
            for name in step:
                assert np.array_equal(np.concatenate([one[name] for one in found]), step[name]), name


def test_shapes_of_tile_batches(prep):
    found = tiles(prep)
    assert len(found) == 2 * RECORDS // 2
    assert found[0]["tiles"].shape == (2, 32, 3, 3, 8) and found[0]["tiles"].dtype == np.float16
    assert found[0]["anchors"].shape == found[0]["labels"].shape == (2, 32)
    assert found[0]["deltas"].shape == (2, 32, 4) and found[0]["deltas"].dtype == np.float32
    labels = np.concatenate([batch["labels"] for batch in found])
    assert set(np.unique(labels)) <= {-1, 0, 1} and (labels == 1).any() and (labels == 0).any()
    assert (labels == 1).sum(axis=1).max() <= 16  # half of 32
    assert all(np.all(batch["deltas"][batch["labels"] != 1] == 0) for batch in found)
    assert all(np.all((batch["anchors"] >= 0) & (batch["anchors"] < K)) for batch in found)


def test_an_incomplete_last_batch_is_left_out(prep):
    assert len(tiles(prep, epochs=1, batch=5)) == 2


def test_stored_tiles_equal_cut_tiles_to_the_bit(prep):
    assert_equal(tiles(prep, epochs=3, from_tiles=True), tiles(prep, epochs=3))


@pytest.mark.parametrize("from_tiles", [False, True])
def test_going_on_from_epoch_2_gives_the_same_batches(prep, from_tiles):
    whole = tiles(prep, epochs=4, from_tiles=from_tiles)
    assert_equal(tiles(prep, first=2, epochs=4, from_tiles=from_tiles), whole[len(whole) // 2:])


def test_epochs_take_the_draws_in_turn(prep):
    """Epoch e reads draw e modulo their number: found by the labels and deltas of the records themselves."""
    drawn = [[records.parse_minibatch(span.read(), draw)["deltas"].numpy() for span in prep.minibatch_spans]
             for draw in range(DRAWS)]
    assert any(not np.array_equal(one, other) for one, other in zip(*drawn, strict=True))
    for epoch in range(3):
        orders = order(RECORDS, 0, epoch, epoch + 1)[0]
        found = np.concatenate([batch["deltas"] for batch in tiles(prep, epoch, epoch + 1)])
        assert np.array_equal(found, [drawn[epoch % DRAWS][index] for index in orders])


def test_another_seed_gives_another_order(prep):
    assert not np.array_equal(tiles(prep, epochs=1, seed=1)[0]["deltas"], tiles(prep, epochs=1)[0]["deltas"])


def test_shapes_of_region_batches(prep, proposals):
    found = regions(prep, proposals)
    assert len(found) == 2 * RECORDS // 2
    assert found[0]["pooled"].shape == (2, 16, 3, 3, 8) and found[0]["pooled"].dtype == np.float32
    assert found[0]["labels"].shape == found[0]["valid"].shape == (2, 16) and found[0]["deltas"].shape == (2, 16, 4)
    labels = np.concatenate([batch["labels"] for batch in found])
    assert labels.min() == 0 and 0 < labels.max() <= 4 and (labels > 0).sum(axis=1).max() <= 4  # a quarter of 16


def test_every_image_mirror_image_epoch_and_seed_draws_by_numbers_of_its_own(prep, proposals, monkeypatch):
    def seen(proposals, valid, boxes, labels, ignored, numbers, **settings):
        return tf.zeros((2, 4)), numbers, tf.zeros((2, 4)), tf.ones(2, tf.bool)

    monkeypatch.setattr("frcnn_keras.data.batches.region_targets", seen)
    drawn = [tuple(batch["labels"][0]) for seed in (0, 1) for batch in regions(prep, proposals, seed=seed, batch=1)]
    assert len(set(drawn)) == len(drawn) == 2 * 2 * RECORDS


def test_regions_are_drawn_anew_every_epoch_and_the_same_every_time(prep, proposals):
    found = regions(prep, proposals, epochs=3)
    assert_equal(regions(prep, proposals, epochs=3), found)
    assert_equal(regions(prep, proposals, first=2, epochs=3), found[2 * RECORDS // 2:])

    def of_image(epoch, index):
        place = order(RECORDS, 0, epoch, epoch + 1)[0].tolist().index(index)
        return found[epoch * RECORDS // 2 + place // 2]["pooled"][place % 2]

    assert all(not np.array_equal(of_image(0, index), of_image(1, index)) for index in range(RECORDS))


def test_an_image_and_its_mirror_image_are_drawn_apart(prep, proposals):
    """With the same boxes for both, the draws differ: the seed counts the mirror image in."""
    same = dataclasses.replace(prep, feature_spans=(prep.feature_spans[0], prep.feature_spans[1]))
    boxes = [proposals[0], proposals[0]]
    found = regions(same, boxes, epochs=1)[0]
    assert not np.array_equal(found["deltas"][0], found["deltas"][1])


def test_another_seed_draws_other_regions(prep, proposals):
    one = dataclasses.replace(prep, feature_spans=prep.feature_spans[:2])
    found = [np.sort(regions(one, proposals[:2], epochs=1, seed=seed)[0]["pooled"].ravel()) for seed in (0, 1)]
    assert not np.array_equal(*found)


def test_sampling_settings_are_used(prep, proposals):
    found = regions(prep, proposals, epochs=1, positive_fraction=0.0)
    assert all((batch["labels"] == 0).all() and batch["valid"].any() for batch in found)


def test_deltas_are_in_the_units_that_are_given(prep, proposals):
    one = regions(prep, proposals, epochs=1)
    other = regions(prep, proposals, epochs=1, scales=(0.1, 0.2, 0.2, 0.05))
    for batch, changed in zip(one, other, strict=True):
        assert np.any(batch["deltas"])
        np.testing.assert_allclose(changed["deltas"], batch["deltas"] * np.float32([1, 0.5, 1, 4]), rtol=1e-6)
        assert all(np.array_equal(batch[name], changed[name]) for name in ("pooled", "labels", "valid"))


def test_feature_maps_come_in_order_with_their_proposals(prep, proposals, shapes):
    found = list(feature_maps(prep, proposals))
    assert [(record["id"].numpy().decode(), int(record["mirror"])) for record in found] == [
        (example.id, mirror) for example in shapes.examples for mirror in (0, 1)]
    for record, span in zip(found, proposals, strict=True):
        assert record["maps"][0].shape[0] == 1 and record["maps"][0].dtype == np.float32
        assert np.array_equal(record["proposals"], records.parse_proposals(span.read())["boxes"])
    assert "proposals" not in next(iter(feature_maps(prep)))


def test_mirror_images_have_mirrored_boxes_of_the_resized_image(prep, shapes):
    found = list(feature_maps(prep))
    for example, plain, mirror in zip(shapes.examples, found[::2], found[1::2], strict=True):
        height, width = plain["size"].numpy()
        assert plain["original"].numpy().tolist() == [example.height, example.width]
        wanted = example.boxes * np.array([width / example.width, height / example.height] * 2)
        np.testing.assert_allclose(plain["boxes"], wanted, rtol=1e-5, atol=1e-4)
        flipped = np.stack([width - wanted[:, 2], wanted[:, 1], width - wanted[:, 0], wanted[:, 3]], 1)
        np.testing.assert_allclose(mirror["boxes"], flipped.reshape(-1, 4), rtol=1e-5, atol=1e-4)


def test_a_parts_tiles_are_its_minibatches(prep):
    part = prep.part([3, 0])
    numbers = dict(batch=2, seed=5, first_epoch=0, epochs=3)
    cut = values(rpn_batches(part, K, **numbers))
    assert len(cut) == 6  # of two images and their mirror images
    assert_equal(values(rpn_batches(part, K, from_tiles=True, **numbers)), cut)
