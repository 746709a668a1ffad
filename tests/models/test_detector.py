import json
import math
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.detector import FORMAT, propose_batch, settings_of
from frcnn_keras.models.portable import portable
from frcnn_keras.models.saving import load_model, save_model
from frcnn_keras.models.settings import Detecting, Geometry, Pooling, Preparing, Proposing
from frcnn_keras.ops.proposals import Proposals
from frcnn_keras.runs.parts import run_settings
from tests.bright_pictures import bright
from tests.closeness import close
from tests.detectors import change, hand_made, images_of, random_detector


def test_a_known_object_comes_out_at_known_coordinates(hand_detector):
    # 48 x 64 grows to 96 x 128; the block fills cell (4, 6), centre (52, 36): anchor 36, 20, 68, 52.
    # The head moves it by (3.2, -1.6) to 39.2, 18.4, 71.2, 50.4; in the image as given half of that.
    found = hand_detector.detect_image(bright(48, 64, 16, 24))
    assert found.valid.numpy().tolist() == [True, False, False]
    np.testing.assert_allclose(found.boxes[0], [19.6, 9.2, 35.6, 25.2], atol=1e-4)
    assert found.labels.numpy().tolist() == [2, 0, 0]
    assert hand_detector.class_names[int(found.labels[0]) - 1] == "two" and float(found.scores[0]) > 0.9


def test_boxes_are_scaled_back_by_the_sides_own_factors(hand_detector):
    # 50 x 67 becomes 96 x 128 (128.64 cut): x by 67/128, y by 50/96, which differ
    found = hand_detector.detect_image(bright(50, 67, 17, 26))
    factors = np.array([67 / 128, 50 / 96] * 2)
    np.testing.assert_allclose(found.boxes[0], np.array([39.2, 18.4, 71.2, 50.4]) * factors, atol=1e-4)


def test_large_images_shrink_and_boxes_are_clipped_to_the_image(hand_detector):
    # 192 x 256 shrinks to 96 x 128; cell (0, 15): anchor 108, -12, 140, 20, as a proposal 108, 0, 128, 20;
    # moved by a tenth and a twentieth of its 20 pixels to 110, -1, 130, 19
    found = hand_detector.detect_image(bright(192, 256, 0, 240, 16))
    np.testing.assert_allclose(found.boxes[0], [220, 0, 256, 38], atol=1e-3)


def test_the_longer_side_has_its_limit(hand_detector):
    # 48 x 200 may not grow to 96 x 400: the longer side stays at 200, the shorter becomes 48
    found = hand_detector.detect_image(bright(48, 200, 16, 96, 8))  # cell (2, 12), centre (100, 20)
    np.testing.assert_allclose(found.boxes[0], [87.2, 2.4, 119.2, 34.4], atol=1e-4)


def test_padding_is_no_part_of_the_image(hand_detector):
    images = np.zeros((1, 96, 128, 3), np.float32)
    images[0, 48:56, 56:64, 0] = 250
    found = hand_detector(images, np.array([[60, 70]]))  # the rest is padding
    boxes = found.boxes[0].numpy()[found.valid[0].numpy()]
    assert len(boxes) and np.all(boxes <= [70, 60, 70, 60])


def test_proposals_from_outside_are_used(hand_detector):
    images = np.zeros((1, 96, 128, 3), np.float32)
    images[0, 8:16, 8:16, 0] = 250  # where the RPN would look
    given = Proposals(np.array([[[60, 40, 100, 60], [0, 0, 50, 50]]], np.float32), np.ones((1, 2), np.float32),
                      np.array([[True, False]]))
    found = hand_detector(images, np.array([[96, 128]]), given)
    assert found.valid.numpy().sum() == 1  # the second is padding
    np.testing.assert_allclose(found.boxes[0, 0], [64, 39, 104, 59], atol=1e-4)


def test_scores_are_the_softmax_over_background_and_classes(hand_detector):
    logits = hand_detector.rcnn.class_logits
    logits.kernel.assign(np.zeros((3, 3), np.float32))
    logits.bias.assign(np.array([1, 2, 4], np.float32))
    found = hand_detector.detect_image(bright(48, 64, 16, 24))
    assert float(found.scores[0]) == pytest.approx(math.exp(4) / sum(map(math.exp, (1, 2, 4))), rel=1e-5)


@pytest.mark.parametrize("levels", [1, 2])
def test_own_proposals_given_back_change_nothing(levels):
    detector, images, sizes = random_detector(levels), images_of(2), np.array([[64, 80], [50, 70]])
    proposals = detector.propose(detector.features(images), sizes)
    whole = detector(images, sizes)
    assert whole.valid.numpy().any(axis=1).all()
    close(detector(images, sizes, proposals), whole)


@pytest.mark.parametrize("levels", [1, 2])
def test_a_batch_of_two_equals_its_images(levels):
    detector, images, sizes = random_detector(levels), images_of(2), np.array([[64, 80], [50, 70]])
    together = detector(images, sizes)
    for index in range(2):
        alone = detector(images[index:index + 1], sizes[index:index + 1])
        close([part[0] for part in alone], [part[index] for part in together], atol=1e-4)


def test_the_flow_is_its_parts():
    detector, images, sizes = random_detector(), images_of(1), np.array([[64, 80]])
    levels = detector.features(images)
    assert isinstance(levels, tuple) and levels[0].shape == (1, 8, 10, 4)
    proposals = detector.propose(levels, sizes)
    assert proposals.boxes.shape == (1, 12, 4) and proposals.valid.dtype == tf.bool
    found = detector.detect(levels, proposals, sizes)
    assert found.boxes.shape == (1, 9, 4) and found.labels.dtype == tf.int32
    close(detector(images, sizes), found)


@pytest.mark.parametrize("levels", [1, 2])
def test_saved_and_loaded_it_answers_the_same(levels, tmp_path):
    detector = random_detector(levels)
    detector.category_ids = (3, 90, 7)
    save_model(detector, tmp_path / "detector.keras")
    again = load_model(tmp_path / "detector.keras")
    assert again.class_names == ("a", "b", "c") and again.geometry == detector.geometry
    assert again.category_ids == (3, 90, 7) and random_detector().category_ids == (1, 2, 3)
    image = np.random.default_rng(5).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    one, other = detector.detect_image(image), again.detect_image(image)
    assert one.valid.numpy().any()
    close(one, other)


@pytest.mark.slow
def test_in_a_graph_for_images_of_any_size():
    detector = random_detector()
    graph = tf.function(detector.detect_image, input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])
    rng = np.random.default_rng(6)
    for height, width in ((64, 64), (30, 200), (333, 77), (1, 1), (3, 500)):
        image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        found = graph(image)
        close(found, detector.detect_image(image), atol=2e-3)
        boxes = found.boxes.numpy()
        assert np.all(boxes >= 0) and np.all(boxes <= np.array([width, height] * 2) * (1 + 1e-5))


@pytest.fixture(scope="module")
def uncommon(tmp_path_factory):
    """(model, its file): every setting is another than a detector of the stages has."""
    model = random_detector(levels=2)
    model.geometry = Geometry((8.0, 16.0), (3.5, 7.5), ((16.0,), (33.0,)), (0.5, 1.5), True, "quotient")
    model.preparing = Preparing(61, 97, "caffe", 32, fused_resize=True)
    model.proposing = Proposing(50, 11, 0.6, 2.0, 0.01)
    model.pooling = Pooling(1, 1.0, "align", 3)
    model.detecting = Detecting(0.2, 0.4, 8, 0.5, (3, 1), (0.3, 0.2, 0.1, 0.4), (0.1, 0.0, -0.2, 0.3))
    path = tmp_path_factory.mktemp("run") / "detector.keras"
    save_model(model, path)
    return model, path


def test_the_file_keeps_all_of_it(uncommon):
    model, path = uncommon
    for name, record in vars(model.settings).items():
        usual = vars(random_detector(levels=2).settings)[name]
        assert record != usual
    assert load_model(path).settings == model.settings == run_settings(path.parent)


def spoiled(path, target, spoil):
    """A copy of a detector's file whose config was spoiled: spoil(config of the model)."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                stored = json.loads(content)
                spoil(stored["config"])
                content = json.dumps(stored)
            new.writestr(name, content)
    return target


BAD = {
    "without a format": (lambda config: config.pop("format"), "of format 1, and this version reads"),
    "of another format": (lambda config: config.update(format=FORMAT + 1), f"of format {FORMAT + 1}, "),
    "without settings": (lambda config: config.pop("settings"), "settings are damaged"),
    "a missing field": (lambda config: config["settings"]["detecting"].pop("scales"), "'scales'"),
    "an unknown field": (lambda config: config["settings"]["geometry"].update(depth=2), "'depth'"),
    "a missing record": (lambda config: config["settings"].pop("pooling"), "'pooling'"),
    "no record": (lambda config: config["settings"].update(preparing=3), "must be stored as an object. Received: 3"),
    "a value of another kind": (lambda config: config["settings"]["preparing"].update(shorter="6"), "another kind"),
    "a value that makes no sense": (lambda config: config["settings"]["pooling"].update(op="max"), "align or pool"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_right_is_one_line_that_names_it(case, uncommon, tmp_path):
    spoil, message = BAD[case]
    path = spoiled(uncommon[1], tmp_path / "detector.keras", spoil)
    for read in (load_model, lambda path: run_settings(path.parent)):
        with pytest.raises(InputError) as caught:
            read(path)
        text = str(caught.value)
        assert text.startswith(f"{path}: it") and message in text and "\n" not in text and "anew" in text


@pytest.mark.parametrize("config", [None, [], "text", {}, {"format": FORMAT}, {"format": FORMAT, "settings": None}])
def test_what_is_no_config_is_one_line(config):
    with pytest.raises(InputError, match="train or import the run anew"):
        settings_of(config)


def test_what_came_later_is_not_written_where_it_is_not_used(tmp_path):
    """So that a detector of before is read: its file has neither the deltas' means nor whether there are boxes."""
    model = random_detector()
    config = model.get_config()
    assert "means" not in config["settings"]["detecting"] and "boxes" not in config["rcnn"]["config"]
    save_model(model, tmp_path / "detector.keras")
    found = load_model(tmp_path / "detector.keras")
    assert found.settings == model.settings and found.rcnn.boxes and found.detecting.means == (0, 0, 0, 0)


def test_a_head_that_only_classifies_gives_out_the_proposals(tmp_path):
    """The anchor's own box, 36, 20, 68, 52 in the image of twice the size."""
    keras.utils.set_random_seed(0)
    model = hand_made(boxes=False)
    save_model(model, tmp_path / "detector.keras")
    for detector in (model, load_model(tmp_path / "detector.keras"), portable(model)):
        found = detector.detect_image(bright(48, 64, 16, 24))
        assert found.valid.numpy().tolist() == [True, False, False]
        np.testing.assert_allclose(found.boxes[0], np.array([36, 20, 68, 52]) / 2, atol=1e-5)


def test_what_the_heads_0_stands_for(hand_detector):
    """dx is 0.1 and dy -0.05 of 32 pixels; the means add a tenth of the width, and halve the height."""
    change(hand_detector, "detecting", means=(0.1, 0.0, 0.0, math.log(0.5)))
    middle = 20 + 16 - 0.05 * 32
    for detector in (hand_detector, portable(hand_detector)):
        found = detector.detect_image(bright(48, 64, 16, 24))
        np.testing.assert_allclose(found.boxes[0], np.array([42.4, middle - 8, 74.4, middle + 8]) / 2, atol=1e-4)


def test_each_image_of_a_batch_has_anchors_of_its_own_size():
    """By `fraction` two images with maps of one shape have other tiles: each proposes what it proposes by itself."""
    geometry = Geometry((8.0,), (4.0,), ((1.0, 2.0),), (1.0,), stride_rule="fraction", anchor_unit="stride",
                        anchor_centres="tile")
    rng = np.random.default_rng(0)
    logits = (rng.normal(size=(2, 24)).astype(np.float32),)
    deltas = (rng.normal(0, 0.1, (2, 24, 4)).astype(np.float32),)
    sizes, proposing = np.array([[30, 44], [24, 32]], np.int32), Proposing(24, 9)
    both = propose_batch(logits, deltas, [(3, 4)], tf.constant(sizes), geometry, proposing)
    for index in range(2):
        own = propose_batch(*(tuple(part[index:index + 1] for part in parts) for parts in (logits, deltas)), [(3, 4)],
                            tf.constant(sizes[index:index + 1]), geometry, proposing)
        for one, other in zip(both, own, strict=True):
            np.testing.assert_allclose(one[index], other[0], atol=1e-5)
    # the best of the second image: tiles of 8 x 8 pixels, sizes of 8 and 16
    best = int(np.argmax(logits[0][1]))
    middle = 8 * (best // 2 % 4) + 4, 8 * (best // 8) + 4
    side = (8, 16)[best % 2]
    dx, dy, dw, dh = deltas[0][1, best]
    centre, extent = (middle[0] + dx * side, middle[1] + dy * side), (side * np.exp(dw), side * np.exp(dh))
    wanted = np.concatenate([np.subtract(centre, np.array(extent) / 2), np.add(centre, np.array(extent) / 2)])
    np.testing.assert_allclose(both.boxes[1, 0], np.clip(wanted, 0, [32, 24, 32, 24]), atol=1e-4)
