"""The stages on a pyramid: a finished run's features, its RPN and its head, for classes of one's own."""

import json

import numpy as np
import pytest
import tensorflow as tf

import frcnn_keras
from frcnn_keras import files
from frcnn_keras.commands import prep as data_prep
from frcnn_keras.commands import train_rcnn, train_rpn
from frcnn_keras.data import records
from frcnn_keras.data.batches import feature_maps, rpn_batches
from frcnn_keras.data.prepared import open_prepared
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.models.saving import save_model
from frcnn_keras.ops import images
from frcnn_keras.ops.tiles import cut_tiles
from frcnn_keras.runs.parts import default_settings
from tests.detectors import change, random_detector

PREP = ["--shapes", "4", "--samples", "24", "--draws", "2"]
RPN = ["--train-post-nms", "40", "--post-nms", "20"]
RCNN = ["--epochs", "1", "--head-width", "16", "--roi-size", "3", "--regions", "16"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of two levels."""
    folder = tmp_path_factory.mktemp("pyramid") / "coco"
    folder.mkdir()
    save_model(random_detector(2), folder / "detector.keras")
    return folder


@pytest.fixture(scope="module")
def prep(run):
    """Its raw features of four images."""
    assert data_prep.run([*PREP, "--backbone", str(run), "--neck-channels", "0", "--out", str(run.parent / "raw")]) == 0
    return run.parent / "raw"


def train(command, data, out, *flags):
    return command.run(["--data", str(data), "--run", str(out), *flags])


def test_sizes_and_anchors_are_the_runs(run, prep):
    assert default_settings(run) == {
        "shorter": 64, "longer": 100, "anchor_sizes": (16.0, 32.0), "anchor_ratios": (0.5, 2.0),
        "anchors_on_every_level": False, "anchors_rounded": False}
    prepared = open_prepared(prep)
    own = prepared.geometry
    assert own.anchor_sizes == ((16.0,), (32.0,)) and own.strides == (8, 16) and own.offsets == (4, 8)
    assert (prepared.config.images.shorter, prepared.config.images.longer) == (64, 100)
    assert prepared.geometry.anchors_per_position == 2


def padded_image(example):
    """An image as the run's extractor takes it (shorter side 64, longer at most 100, padded to 16)."""
    image = images.decode_image(example.read())
    size = images.resized_size(example.height, example.width, 64, 100)
    return images.pad(images.normalise(images.resize(image, *size), "tf")[None], 16), size


def test_maps_and_proposals_are_those_of_the_images(run, prep, tmp_path):
    """Stored maps are the extractor's; the run's own RPN on them proposes what the run's detector proposes."""
    assert train(train_rpn, prep, tmp_path, *RPN, "--rpn", str(run), "--epochs", "0") == 0
    model, prepared = frcnn_keras.load(run).model, open_prepared(prep)
    change(model, "proposing", before=12000, after=40)
    proposals = list(records.spans((tmp_path / "proposals" / "train").glob("*.tfrecord")))
    stored = list(feature_maps(prepared))[::2]  # every second is a mirror image
    for number, example in enumerate(shapes_dataset(4, seed=0).examples):
        image, size = padded_image(example)
        levels = model.features(image)
        assert len(levels) == len(stored[number]["maps"]) == 2
        for kept, level in zip(stored[number]["maps"], levels, strict=True):
            np.testing.assert_allclose(kept, level, rtol=1e-3, atol=1e-3)
        found = model.propose(levels, tf.constant([size]))
        boxes = found.boxes[0].numpy()[found.valid[0].numpy()]
        written = records.parse_proposals(proposals[2 * number].read())["boxes"].numpy()
        near = [np.abs(written - box).max(axis=1).min() < 0.2 for box in boxes]
        assert len(written) == len(boxes) and np.mean(near) > 0.9


def test_each_tile_is_cut_from_its_anchors_level(prep):
    """By a slow way: an anchor's index tells level and cell; the padded map around it is its tile."""
    prepared = open_prepared(prep)
    geometry, per_position = prepared.geometry, prepared.geometry.anchors_per_position
    levels_seen = set()
    for number in (0, 3):
        stored = records.parse_features(prepared.feature_spans[number].read(), (4, 4))
        maps = [level.numpy() for level in stored["maps"]]
        drawn = records.parse_minibatch(prepared.minibatch_spans[number].read(), 0)
        anchors = [level.numpy() for level in geometry.anchors([level.shape[:2] for level in maps])]
        first = len(anchors[0])
        tiles, slots = cut_tiles([tf.constant(level) for level in maps], drawn["indices"], per_position)
        for index, tile, slot, label in zip(drawn["indices"].numpy(), tiles.numpy(), slots.numpy(),
                                            drawn["labels"].numpy(), strict=True):
            if label < 0:
                continue
            level, rest = (0, index) if index < first else (1, index - first)
            levels_seen.add(level)
            padded = np.pad(maps[level], ((1, 1), (1, 1), (0, 0)))
            row, column = divmod(rest // per_position, maps[level].shape[1])
            np.testing.assert_array_equal(tile, padded[row:row + 3, column:column + 3])
            assert slot == rest % per_position
            centre = anchors[level][rest].reshape(2, 2).mean(axis=0)
            stride = geometry.strides[level]
            np.testing.assert_allclose(centre, [stride / 2 + stride * column, stride / 2 + stride * row], atol=1e-4)
    assert levels_seen == {0, 1}


def test_every_stage_runs_and_the_detector_is_one_like_any_other(run, prep, tmp_path):
    out = tmp_path / "run"
    assert train(train_rpn, prep, out, *RPN, "--epochs", "1", "--rpn-channels", "16") == 0
    assert train(train_rcnn, prep, out, *RCNN) == 0
    detector = frcnn_keras.load(out, score_threshold=0.0)
    assert detector.class_names == open_prepared(prep).class_names
    assert len(detector.model.geometry.strides) == 2
    assert len(detector.predict(np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8))[0])


def test_the_runs_rpn_as_it_is(run, prep, tmp_path, capsys):
    """Its weights come untouched into a detector of other classes."""
    out = tmp_path / "run"
    assert train(train_rpn, prep, out, *RPN, "--rpn", str(run), "--epochs", "0") == 0
    assert "taken from" in capsys.readouterr().err
    assert json.loads((out / "rpn.json").read_text())["network"] == {"channels": 8, "depth": 1}
    assert train(train_rcnn, prep, out, *RCNN, "--head-weights", str(run)) == 0
    before, after = frcnn_keras.load(run).model, frcnn_keras.load(out).model
    for old, new in zip(before.rpn.get_weights(), after.rpn.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert before.rcnn.classes == 4 and after.rcnn.classes == 1 + len(after.class_names)


def test_the_runs_rpn_trained_on(run, prep, tmp_path):
    out = tmp_path / "run"
    assert train(train_rpn, prep, out, *RPN, "--rpn", str(run), "--epochs", "1", "--learning-rate", "1e-6") == 0
    found = files.read_json(out / "rpn_metrics.json")
    prepared = open_prepared(prep)
    batch = next(iter(rpn_batches(prepared, 2, batch=2, seed=0, first_epoch=0, epochs=1)))
    assert batch["tiles"].shape == (2, 24, 3, 3, 4) and np.isfinite(found["loss"][0])


def test_the_head_starts_from_the_runs(run, prep, tmp_path):
    """At a learning rate of nearly nothing the trunk is still the run's."""
    out = tmp_path / "run"
    assert train(train_rpn, prep, out, *RPN, "--rpn", str(run), "--epochs", "0") == 0
    assert train(train_rcnn, prep, out, *RCNN, "--head-weights", str(run), "--learning-rate", "1e-9",
                 "--precision", "float32") == 0
    before, after = (frcnn_keras.load(folder).model.rcnn.trunk.get_weights() for folder in (run, out))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(old, new, atol=1e-6)


def test_a_neck_is_shared_by_the_levels(run, tmp_path):
    out = tmp_path / "necked"
    assert data_prep.run([*PREP, "--backbone", str(run), "--neck-channels", "3", "--out", str(out)]) == 0
    prepared = open_prepared(out)
    assert prepared.channels == (3, 3)
    extractor = frcnn_keras.models.saving.load_model(prepared.extractor_path)
    raw = frcnn_keras.load(run).model.extractor
    image = np.random.default_rng(0).uniform(-1, 1, (1, 64, 96, 3)).astype(np.float32)
    kernel, bias = (weight.numpy() for weight in extractor.neck.weights)
    for level, projected in zip(raw(image), extractor(image), strict=True):
        np.testing.assert_allclose(projected, level.numpy() @ kernel[0, 0] + bias, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("flags, text", [
    (("--feature-layers", "features"), "leave --feature-layers out"),
    (("--preprocess", "tf"), "leave --preprocess out"),
    (("--anchor-sizes", "8,16,32"), "3 sizes for 2 levels"),
])
def test_what_does_not_fit_a_run_is_refused(run, tmp_path, capsys, flags, text):
    assert data_prep.run([*PREP, "--backbone", str(run), "--out", str(tmp_path / "out"), *flags]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_untrained_pyramid_is_not_frozen(tiny_backbone, tmp_path, capsys):
    assert data_prep.run([*PREP, "--backbone", str(tiny_backbone), "--pyramid", "8", "--out", str(tmp_path / "out"),
                          "--feature-layers", "fine,features", "--preprocess", "tf"]) == 2
    text = capsys.readouterr().err
    assert "joint" in text and text.count("\n") == 1


def test_a_folder_without_a_detector_is_no_backbone(tmp_path, capsys):
    assert data_prep.run([*PREP, "--backbone", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "holds no detector.keras" in capsys.readouterr().err


def test_rpn_of_other_anchors_or_maps_is_refused(run, prep, tmp_path, capsys):
    out = tmp_path / "other"
    assert data_prep.run([*PREP, "--backbone", str(run), "--neck-channels", "0", "--anchor-sizes", "16,48",
                          "--out", str(out)]) == 0
    assert train(train_rpn, out, tmp_path / "run", *RPN, "--rpn", str(run)) == 2
    assert "anchor_sizes" in capsys.readouterr().err
    necked = tmp_path / "necked"
    assert data_prep.run([*PREP, "--backbone", str(run), "--neck-channels", "3", "--out", str(necked)]) == 0
    assert train(train_rpn, necked, tmp_path / "run2", *RPN, "--rpn", str(run)) == 2
    assert "--neck-channels 0" in capsys.readouterr().err
    assert train(train_rpn, prep, tmp_path / "run3", *RPN, "--epochs", "0") == 2
    assert "--rpn RUN" in capsys.readouterr().err
