"""The Keras post's system, by examples/seed_inception_resnet_v2.toml: its map, tiles, anchors and labels by slow loops
over the rules that it states, a hundred epochs on one image, and the proposals, drawn. The backbone's weights are
random (docs/keras_post.md)."""

import csv
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

import frcnn_keras
from frcnn_keras.__main__ import main as frcnn
from frcnn_keras.data import records
from frcnn_keras.data.batches import feature_maps
from frcnn_keras.data.prepared import open_prepared
from frcnn_keras.data.shapes import shapes_dataset

RECIPE = ["--config", str(Path(__file__).resolve().parents[2] / "examples" / "seed_inception_resnet_v2.toml")]
HEIGHT, WIDTH, ROWS, COLUMNS = 333, 500, 9, 14


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder, the image's objects): one image of 333x500 with two objects through prep, train-rpn and propose."""
    folder = tmp_path_factory.mktemp("post")
    data = shapes_dataset(1, 8, HEIGHT, WIDTH)  # the first seed with two objects
    example = data.examples[0]
    (folder / "one.png").write_bytes(example.read())
    with open(folder / "one.csv", "w", newline="") as file:
        csv.writer(file).writerows([["one.png", *map(int, box), data.class_names[label - 1]]
                                    for box, label in zip(example.boxes, example.labels)])
    prep, run = str(folder / "prep"), str(folder / "run")
    assert frcnn(["prep", *RECIPE, "--backbone-weights", "none", "--csv", str(folder / "one.csv"), "--write-tiles",
                  "--out", prep]) == 0
    assert frcnn(["train-rpn", *RECIPE, "--data", prep, "--run", run]) == 0
    assert frcnn(["propose", "--run", run, "--images", str(folder / "one.png"), "--out", str(folder / "drawn")]) == 0
    return folder, example.boxes.astype(int)


def anchors_of_the_post():
    """Of tiles of 37 x 35.7 pixels, in their middles: every ratio, and in it every scale, has the tile's area times
    scale^2."""
    height, width = HEIGHT / ROWS, WIDTH / COLUMNS
    for y in range(ROWS):
        for x in range(COLUMNS):
            for ratio in (0.5, 1, 2):
                for scale in (3, 6, 12):
                    w, h = (scale * math.sqrt(height * width) * factor for factor in (ratio**-0.5, ratio**0.5))
                    cx, cy = (x + 0.5) * width, (y + 0.5) * height
                    yield cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def overlap(one, other):
    across, down = (min(one[i + 2], other[i + 2]) - max(one[i], other[i]) for i in (0, 1))
    both = max(0, across) * max(0, down)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (areas - both)


def deltas(anchor, box):
    (width, height), (own_width, own_height) = ((a[2] - a[0], a[3] - a[1]) for a in (anchor, box))
    return [(box[0] + box[2] - anchor[0] - anchor[2]) / 2 / width,
            (box[1] + box[3] - anchor[1] - anchor[3]) / 2 / height,
            math.log(own_width / width), math.log(own_height / height)]


@pytest.mark.slow
def test_map_tiles_anchors_and_labels_are_the_posts(made):
    folder, objects = made
    prep = open_prepared(folder / "prep")
    (record,) = list(feature_maps(prep))
    features = record["maps"][0].numpy()[0]
    assert features.shape == (ROWS, COLUMNS, 1536) and record["size"].numpy().tolist() == [HEIGHT, WIDTH]
    assert prep.geometry.strides == (32.0,) and prep.features.preparing.pad_multiple == 1
    (span,) = prep.tile_spans()
    tiles = {name: value.numpy() for name, value in records.parse_tiles(span.read()).items()}
    assert tiles["tiles"].shape == (256, 3, 3, 1536)
    drawn = records.parse_minibatch(prep.minibatch_spans[0].read(), 0)["indices"].numpy()

    anchors = list(anchors_of_the_post())
    assert len(anchors) == 1134
    inside = [a[0] >= 0 and a[1] >= 0 and a[2] <= WIDTH and a[3] <= HEIGHT for a in anchors]
    overlaps = np.array([[overlap(anchor, box) if within else 0 for box in objects]
                         for anchor, within in zip(anchors, inside)])
    best = overlaps.max(axis=0)
    padded = np.pad(features, ((1, 1), (1, 1), (0, 0)))
    labels = tiles["labels"]
    taken = labels >= 0
    assert len(set(drawn[taken].tolist())) == taken.sum() > 100
    assert 2 <= (labels == 1).sum() <= 64  # 1:3 at most
    for place in np.flatnonzero(taken):
        index = int(drawn[place])
        point, slot = divmod(index, 9)
        y, x = divmod(point, COLUMNS)
        assert inside[index] and slot == tiles["anchors"][place]
        assert np.array_equal(tiles["tiles"][place], padded[y:y + 3, x:x + 3].astype(np.float16))
        positive = overlaps[index].max() >= 0.7 or bool((overlaps[index] >= best * (1 - 1e-5)).any())
        assert labels[place] == positive and (positive or overlaps[index].max() < 0.3)
        wanted = deltas(anchors[index], objects[overlaps[index].argmax()]) if positive else [0] * 4
        np.testing.assert_allclose(tiles["deltas"][place], wanted, atol=1e-4)


@pytest.mark.slow
def test_the_loss_falls_from_a_coins(made):
    """From log 2, an undecided network's cross entropy, to a twentieth of it and less."""
    folder, _ = made
    with open(folder / "run" / "rpn_log.csv") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 100 and abs(losses[0] - math.log(2)) < 0.02 and losses[-1] < 0.05


@pytest.mark.slow
def test_its_proposals_find_the_objects_and_are_drawn(made):
    folder, objects = made
    (stored,) = json.loads((folder / "drawn" / "proposals.json").read_text())
    assert len(stored["boxes"]) == 300
    for box in objects:
        assert max(overlap(proposal, box) for proposal in stored["boxes"][:20]) > 0.5
    drawn, own = (cv2.imread(str(path / "one.png")) for path in (folder / "drawn", folder))
    assert drawn.shape == own.shape and not np.array_equal(drawn, own)
    network = frcnn_keras.load_rpn(folder / "run").model.rpn
    assert network.activation == "linear" and network.anchors_per_position == 9
    assert network.convolution.kernel.shape == (3, 3, 1536, 512)


@pytest.mark.slow
def test_the_maps_that_the_post_names():
    """9x14 is of 333x500 pixels; of 233x500, the size that the post states, it would be 5x14."""
    import keras

    network = keras.applications.InceptionResNetV2(include_top=False, weights=None, input_shape=(None, None, 3))
    assert network.compute_output_shape((1, 333, 500, 3)) == (1, 9, 14, 1536)
    assert network.compute_output_shape((1, 233, 500, 3)) == (1, 5, 14, 1536)


@pytest.mark.slow
@pytest.mark.parametrize("flags, words", [
    (["--feature-layers", "mixed_6a,conv_7b_ac"], "--anchor-stride fraction takes images without padding"),
    (["--anchor-scales", "0"], "--anchor-scales must be 0 to 64 numbers, each 0.01 to 1000")])
def test_what_does_not_go_together_is_one_line(flags, words, tmp_path, capsys):
    code = frcnn(["prep", *RECIPE, "--backbone-weights", "none", "--shapes", "1", "--out", str(tmp_path / "p"), *flags])
    assert code == 2 and words in capsys.readouterr().err
