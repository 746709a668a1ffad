"""Stage by stage against torchvision's own outputs.

These random networks amplify rounding: v2's features in torchvision's own float32 are 1.0e-4 of the largest value from
the same network in float64 (ours 0.7e-4). So its final scores are compared at 1e-3 for nearly all, and at 1e-4 for the
share that even float64 reaches; the others' at 1e-4.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import frcnn_keras
from frcnn_keras.errors import InputError
from frcnn_keras.models.saving import save_model
from frcnn_keras.ops.proposals import Proposals
from frcnn_keras.ops.pyramid import pool_regions
from frcnn_keras.torchvision.coco_classes import COCO_NAMES
from frcnn_keras.torchvision.detectors import MODELS
from frcnn_keras.torchvision.importing import load_torchvision
from tests.detectors import change
from tests.rule_weights import reference, weights_of

pytestmark = pytest.mark.slow

# model -> share of final scores within 1e-4 of torchvision's; v2 with features in float64 reaches .67
REFERENCES = {"fasterrcnn_resnet50_fpn": 0.99, "fasterrcnn_resnet50_fpn_v2": 0.6,
              "fasterrcnn_mobilenet_v3_large_fpn": 0.99}


@dataclasses.dataclass
class Case:
    """A model with its rule's weights, run once on the reference's images as one batch."""

    name: str
    stored: dict
    detector: frcnn_keras.Detector
    images: np.ndarray
    sizes: np.ndarray
    levels: tuple
    logits: tuple
    deltas: tuple
    proposals: Proposals

    @property
    def count(self):
        return len(self.images)


@pytest.fixture(scope="module", params=REFERENCES)
def case(request):
    stored = reference(request.param)
    detector = load_torchvision(weights_of(stored), request.param, min_size=320, max_size=533,
                                bn_epsilon=float(stored["norm_eps"][0]))
    model = detector.model
    count = len(stored["image_sizes"])
    height, width = stored["batch_shape"][2:]
    images, sizes = np.zeros((count, height, width, 3), np.float32), []
    for i in range(count):
        image, size = model.prepare_image(stored[f"image{i}"])
        images[i, :image.shape[1], :image.shape[2]] = image[0]
        sizes.append(size)

    @tf.function
    def run(images):
        levels = model.features(images)
        return levels, model.rpn(levels)

    levels, (logits, deltas) = run(images)
    sizes = np.array(sizes, np.int32)
    return Case(request.param, stored, detector, images, sizes, levels, logits, deltas, model.propose(levels, sizes))


def channels_last(array):
    return np.moveaxis(array, 1, -1)


def relative(found, wanted):
    return np.abs(np.asarray(found) - wanted).max() / np.abs(wanted).max()


def test_parameter_counts(case):
    trained = case.detector.model.trainable_variables  # torchvision counts no frozen statistics, scales and shifts
    assert sum(int(variable.shape.num_elements()) for variable in trained) == MODELS[case.name].parameters


def test_the_normalised_batch(case):
    assert np.array_equal(case.sizes, case.stored["image_sizes"])
    found = np.moveaxis(case.images[:, ::8, ::8], -1, 1)
    np.testing.assert_allclose(found, case.stored["batch_every8"], atol=1e-6, rtol=0)


def test_feature_maps(case):
    names = [name for name in case.stored if name.startswith("feature:")]
    assert names[-1] == "feature:pool" and len(names) == len(case.levels)
    for name, level in zip(names, case.levels, strict=True):
        assert level.shape[-1] == 256
        found, wanted = level.numpy()[..., ::16], channels_last(case.stored[name])
        assert found.shape == wanted.shape and relative(found, wanted) < 1e-4


def test_rpn_outputs(case):
    for level, (logits, deltas) in enumerate(zip(case.logits, case.deltas, strict=True)):
        wanted = channels_last(case.stored[f"rpn_logits:{level}"]).reshape(case.count, -1)
        assert relative(logits, wanted) < 1e-4
        wanted = channels_last(case.stored[f"rpn_deltas:{level}"]).reshape(case.count, -1, 4)
        assert relative(deltas, wanted) < 1e-4


def test_proposals(case):
    for i in range(case.count):
        wanted = case.stored[f"proposals{i}"]
        found = case.proposals.boxes[i].numpy()[case.proposals.valid[i].numpy()]
        assert len(found) == len(wanted)
        nearest = np.abs(wanted[:, None] - found[None]).max(-1).min(1)
        assert np.mean(nearest < 0.05) >= 0.99


def test_head_on_the_references_proposals(case):
    model, stored = case.detector.model, case.stored
    regions = np.stack([stored[f"proposals{i}"] for i in range(case.count)])
    pooled = pool_regions(case.levels, regions, model.geometry.strides, model.geometry.offsets,
                          **model.pooling.keywords())
    pooled = tf.reshape(pooled, (-1, 7, 7, 256))
    assert relative(pooled.numpy()[::16, ..., ::16], channels_last(stored["pooled_every16"])) < 1e-4
    logits, deltas = model.rcnn(pooled[::8])
    np.testing.assert_allclose(logits, stored["class_logits_every8"], atol=1e-3, rtol=0)
    np.testing.assert_allclose(tf.reshape(deltas, (-1, 364)), stored["box_deltas_every8"], atol=1e-3, rtol=0)


def test_detections(case):
    found = case.detector.model.detect(case.levels, case.proposals, case.sizes)
    close = []
    for i in range(case.count):
        height, width = case.stored[f"image{i}"].shape[:2]
        factors = np.array([width, height] * 2) / case.sizes[i][[1, 0, 1, 0]]
        boxes, scores, labels = found.boxes[i] * factors, found.scores[i].numpy(), found.labels[i].numpy()
        wanted = [case.stored[f"{part}{i}"] for part in ("boxes", "scores", "labels")]
        assert int(found.valid[i].numpy().sum()) == len(wanted[0])
        same = []
        for box, score, label in zip(*wanted, strict=True):
            here = (labels == label) & (np.abs(boxes - box).max(1) < 0.05)
            distance = np.abs(scores[here] - score).min(initial=np.inf)
            same.append(distance < 1e-3)
            close.append(distance < 1e-4)
        assert np.mean(same) >= 0.99
    assert np.mean(close) >= REFERENCES[case.name]


def test_saved_and_loaded_it_answers_the_same(case, tmp_path):
    change(case.detector.model, "preparing", shorter=96, longer=160)  # that it may be quick; kept in the file
    save_model(case.detector.model, tmp_path / "detector.keras")
    again = frcnn_keras.load(tmp_path)
    assert again.model.preparing.shorter == 96 and again.category_ids == tuple(range(1, 91))
    image = case.stored["image0"]
    one, other = case.detector.predict(image)[0], again.predict(image)[0]
    assert len(one) == 100 and one.names == other.names
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-4)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)


@pytest.fixture(scope="module")
def mobilenet():
    return weights_of(reference("fasterrcnn_mobilenet_v3_large_fpn"))


def test_keeping_some_classes_changes_nothing_about_them(mobilenet):
    image = reference("fasterrcnn_mobilenet_v3_large_fpn")["image0"]
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    every = load_torchvision(mobilenet, name)
    change(every.model, "detecting", limit=1000)  # so that no class is pushed out by another
    found = every.predict(image)[0]
    wanted = list(dict.fromkeys(found.names))[:3][::-1]
    part = load_torchvision(mobilenet, name, keep_classes=wanted)
    change(part.model, "detecting", limit=1000)
    kept = part.predict(image)[0]
    assert part.class_names == tuple(wanted)
    assert part.category_ids == tuple(COCO_NAMES.index(name) + 1 for name in wanted)
    for label, name in enumerate(wanted, 1):
        here, there = kept.labels == label, np.array(found.names) == name
        assert here.sum() == there.sum() > 0
        np.testing.assert_allclose(kept.boxes[here], found.boxes[there], atol=1e-3)
        np.testing.assert_allclose(kept.scores[here], found.scores[there], atol=1e-6)
    assert len(kept) == sum(name in wanted for name in found.names)


def test_the_320_model_has_numbers_of_its_own(mobilenet):
    small = load_torchvision(mobilenet, "fasterrcnn_mobilenet_v3_large_320_fpn").model
    large = load_torchvision(mobilenet, "fasterrcnn_mobilenet_v3_large_fpn").model
    assert (small.preparing.shorter, small.preparing.longer) == (320, 640)
    assert (large.preparing.shorter, large.preparing.longer) == (800, 1333)
    assert small.proposing == dataclasses.replace(large.proposing, before=150, after=150)
    assert small.proposing.score_threshold == 0.05 and large.proposing.before == 1000


def test_names_that_are_wrong_are_one_line(mobilenet):
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    for settings, words in [({"keep_classes": ["persn"]}, "did you mean 'person'"), ({"keep_classes": []}, "named"),
                            ({"keep_classes": ["car", "car"]}, "once"), ({"class_names": ["a"]}, "90 classes"),
                            ({"num_classes": 1}, "at least 2"), ({"precision": "float8"}, "float32, bfloat16"),
                            ({"model": "fasterrcnn"}, "fasterrcnn_resnet50_fpn")]:
        with pytest.raises(InputError, match=words) as caught:
            load_torchvision(mobilenet, **{"model": name, **settings})
        assert "\n" not in str(caught.value)


def test_bfloat16_is_near(case):
    rough = load_torchvision(weights_of(case.stored), case.name, min_size=320, max_size=533, precision="bfloat16",
                             bn_epsilon=float(case.stored["norm_eps"][0]))
    levels = rough.model.features(case.images[:1])
    assert levels[0].dtype == tf.bfloat16
    exact = case.levels[0][:1].numpy()
    error = tf.cast(levels[0], tf.float32) - exact
    assert 1e-3 < np.std(error) / np.std(exact) < 0.5  # of a network that amplifies rounding, and is not trained
    logits, _ = rough.model.rpn(levels)
    assert logits[0].dtype == tf.float32
    found = rough.predict(case.stored["image0"])[0]
    assert len(found) == 100 and found.scores.dtype == np.float32
