import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.ops.postprocessing import DetectedBoxes
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.comparison import compare
from frcnn_keras.serving.folder_comparison import require_origins
from frcnn_keras.serving.od_graph import od_outputs, od_shapes, origins
from tests.bright_pictures import WANTED, picture
from tests.detectors import change, hand_made, random_detector, small_detector

pytestmark = pytest.mark.slow


def asked(model, image):
    function = tf.function(lambda image: od_outputs(model, image), input_signature=[
        tf.TensorSpec((None, None, 3), tf.uint8)])
    found = {name: value.numpy() for name, value in function(image).items()}
    assert {name: value.shape for name, value in found.items()} == od_shapes(model)
    assert all(value.dtype == np.float32 for value in found.values())
    return found


def picture_of(seed, height=61, width=83):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_what_follows_by_hand():
    """See detectors.hand_made: one proposal, of class `two`; its logits are 0, -9 and 3 + the map's value / 100."""
    found = asked(hand_made(), picture(24))
    x1, y1, x2, y2 = WANTED
    box = np.array([y1 / 48, x1 / 64, y2 / 48, x2 / 64], np.float32)
    np.testing.assert_allclose(found["raw_detection_boxes"], [box], atol=2e-5)
    np.testing.assert_allclose(found["detection_boxes"], [box, [0] * 4, [0] * 4], atol=2e-5)
    assert found["detection_anchor_indices"].tolist() == [0, 0, 0] and found["num_detections"] == 1
    ground, one, two = found["raw_detection_scores"][0]
    assert 0.9 < two == found["detection_scores"][0] and abs(ground + one + two - 1) < 1e-6
    np.testing.assert_allclose(np.log(one / ground), -9, atol=1e-4)
    assert found["detection_multiclass_scores"].tolist() == [[ground, one, two], [0] * 3, [0] * 3]


def expected_raw(model, image):
    """Slowly, region by region: boxes (P, 4) and scores (P, C + 1)."""
    images, size = model.prepare_image(tf.constant(image))
    levels = model.features(images)
    proposals = model.propose(levels, size[None])
    pooled = model.pool(levels, proposals.boxes)[0]
    logits, deltas = (None if part is None else part.numpy() for part in model.rcnn(pooled))
    wanted = model.detecting.classes or range(1, logits.shape[1])
    height, width = size.numpy()
    boxes, scores = [], []
    for region, row in enumerate(logits):
        if not proposals.valid[0, region]:
            boxes.append([0] * 4)
            scores.append([0] * (len(wanted) + 1))
            continue
        exponents = np.exp(row - row.max())
        scores.append((exponents / exponents.sum())[[0, *wanted]])
        best = max(wanted, key=lambda label: row[label])
        x1, y1, x2, y2 = proposals.boxes[0, region].numpy()
        if deltas is not None:
            dx, dy, dw, dh = deltas[region].reshape(-1, 4)[best] * model.detecting.scales
            x, y, w, h = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
            x, y, w, h = x + dx * w, y + dy * h, w * np.exp(min(dw, 4.135)), h * np.exp(min(dh, 4.135))
            x1, y1, x2, y2 = x - w / 2, y - h / 2, x + w / 2, y + h / 2
        boxes.append(np.clip([y1 / height, x1 / width, y2 / height, x2 / width], 0, 1))
    return np.array(boxes), np.array(scores)


@pytest.mark.parametrize("made, settings", [
    (random_detector, {}), (lambda: random_detector(2, 5), {}), (lambda: small_detector(2, "pool"), {}),
    (random_detector, {"classes": (3, 1)}), (small_detector, {"limit": 3}),
    (lambda: hand_made(after=40, boxes=False, score_threshold=0.1), {})])
def test_raw_outputs_are_those_of_every_proposal(made, settings):
    model = made()
    change(model, "detecting", **settings)
    if "classes" in settings:
        model.class_names = ("c", "a")
    image = picture_of(1)
    found = asked(model, image)
    boxes, scores = expected_raw(model, image)
    np.testing.assert_allclose(found["raw_detection_boxes"], boxes, atol=2e-5)
    np.testing.assert_allclose(found["raw_detection_scores"], scores, atol=2e-6)
    (wanted,) = Detector(model).predict([image])
    result = compare("graph", found, wanted, image.shape[:2])
    assert result.close and (result.box, result.score) == (0.0, 0.0) and result.detections
    require_origins("graph", found)
    count = int(found["num_detections"])
    for name in ("detection_multiclass_scores", "detection_anchor_indices"):
        assert not found[name][count:].any()
    for box, label, region in zip(found["detection_boxes"], found["detection_classes"], found[
            "detection_anchor_indices"].astype(int), strict=True):
        if label and label == 1 + scores[region, 1:].argmax():  # of its best class: then its raw box
            np.testing.assert_allclose(box, boxes[region], atol=2e-5)


def test_proposals_that_are_missing_are_zero():
    found = asked(hand_made(after=200, before=9), picture(24))
    there = found["raw_detection_scores"].any(1)
    assert 0 < there.sum() < 200 and not there[there.sum():].any()
    assert not found["raw_detection_boxes"][~there].any()


def test_origins_of_equal_candidates():
    """Two regions alike in all, a third with the same box and another score, a fourth with another box."""
    boxes = np.array([[0, 0, 4, 4], [1, 1, 3, 3], [1, 1, 3, 3], [1, 1, 3, 3], [2, 2, 4, 4]], np.float32)
    boxes = np.stack([boxes, boxes + 1], 1)  # (5, 2, 4)
    scores = np.array([[0.1, 0.5], [0.5, 0.2], [0.5, 0.2], [0.3, 0.2], [0.3, 0.5]], np.float32)
    picked = [(1, 0), (3, 0), (4, 0), (0, 1), (4, 1), (1, 1)]
    found = DetectedBoxes(tf.constant([boxes[pick] for pick in picked] + [np.zeros(4, np.float32)]),
                          tf.constant([scores[pick] for pick in picked] + [np.float32(0)]),
                          tf.constant([label + 1 for _, label in picked] + [0]), tf.constant([True] * 6 + [False]))
    assert origins(found, boxes, scores).numpy().tolist() == [1, 3, 4, 0, 4, 1, 0]


@pytest.mark.parametrize("name", ["detection_scores", "detection_multiclass_scores", "raw_detection_scores",
                                  "detection_anchor_indices", "detection_classes"])
def test_outputs_that_contradict_each_other_are_found_out(name):
    found = asked(random_detector(), picture_of(1))
    changed = found | {name: np.roll(found[name], 1, 0)}
    with pytest.raises(RuntimeError, match="here: .*contradict"):
        require_origins("here", changed)
    with pytest.raises(RuntimeError, match="here"):
        require_origins("here", found | {"num_detections": found["num_detections"].astype(np.int32)})


def test_shapes_are_the_detectors():
    model = hand_made(after=7)
    assert od_shapes(model)["raw_detection_scores"] == (7, 3)
