"""Stage by stage against torchvision's models written down once more in float64 (tests/torchvision_oracle.py).

Pictures that are dark, bright, flat, noisy, tiny, tall, wide, and in batches of unlike sizes. Each stage is fed with
the oracle's own numbers, rounded to float32 once, so that a swap at a border of top-k or suppression hides no error of
what comes behind. The oracle itself is held against torchvision's stored outputs.
"""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.models.detector import FasterRCNN, propose_batch
from frcnn_keras.ops import postprocessing
from frcnn_keras.torchvision.importing import load_torchvision
from tests.rule_weights import reference, weights_of
from tests.torchvision_oracle import Oracle

pytestmark = pytest.mark.slow

SIZES = (160, 266)
MODELS = {"fasterrcnn_resnet50_fpn": ("v1", 0.0), "fasterrcnn_resnet50_fpn_v2": ("v2", 1e-5),
          "fasterrcnn_mobilenet_v3_large_fpn": ("mobile", 1e-5)}
GROUPS = (("dark", "scene"), ("bright",), ("noisy", "tall"), ("tiny", "wide"))
# features' largest error, relative to the largest value: these random networks amplify rounding, and v2 most. As
# measured, times two: 4.1e-5, 7.7e-5, 9.2e-6
FEATURES = {"v1": 8e-5, "v2": 1.5e-4, "mobile": 2e-5}


def drawn(height, width, seed):
    """Slopes, waves, rectangles and a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    image = np.stack([x * 255 / width, y * 255 / height, 127 + 80 * np.sin(x / 9) * np.cos(y / 13)], -1)
    for _ in range(6):
        top, left = rng.integers(0, height), rng.integers(0, width)
        image[top:top + height // 4, left:left + width // 5] = rng.integers(0, 256, 3)
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


def noise(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)


PICTURES = {"dark": np.full((120, 160, 3), 3, np.uint8), "bright": np.full((150, 110, 3), 250, np.uint8),
            "noisy": noise(130, 170), "tiny": noise(5, 7), "tall": drawn(600, 40, 0), "wide": drawn(50, 420, 1),
            "scene": drawn(240, 320, 2)}


@dataclasses.dataclass
class Case:
    """A model of both kinds, and the oracle's numbers of a batch, each from those before rounded to float32."""

    kind: str
    model: FasterRCNN
    oracle: Oracle
    names: tuple
    batch: np.ndarray  # float64
    sizes: np.ndarray
    exact: list  # the levels of the rounded batch, float64
    levels: list  # the same, rounded
    logits: list  # float64, of the rounded levels
    deltas: list

    @functools.cached_property
    def anchors(self):
        return self.oracle.anchors([level.shape[1:3] for level in self.levels], self.batch.shape[1:3])

    def proposed(self, image):
        """The oracle's proposals of an image, from its logits and deltas rounded."""
        return self.oracle.propose([rounded(part[image]) for part in self.logits],
                                   [rounded(part[image]) for part in self.deltas], self.anchors, self.sizes[image])

    def regions(self, image):
        """Sixty of them, over the whole ranking, rounded."""
        boxes, _ = self.proposed(image)
        return rounded(boxes[np.linspace(0, len(boxes) - 1, min(60, len(boxes))).astype(int)])


def rounded(array):
    return np.asarray(array, np.float32)


def off(found, wanted):
    """The largest error, relative to the largest value."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    assert found.shape == wanted.shape and np.isfinite(found).all()
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@functools.cache
def models(name):
    kind, epsilon = MODELS[name]
    tensors = weights_of(reference(name))
    detector = load_torchvision(tensors, name, min_size=SIZES[0], max_size=SIZES[1], bn_epsilon=epsilon)
    return kind, detector.model, Oracle(tensors, kind, *SIZES, epsilon)


@functools.cache
def case_of(name, names):
    kind, model, oracle = models(name)
    batch, sizes = oracle.prepare([PICTURES[picture] for picture in names])
    exact = oracle.features(rounded(batch))
    levels = [rounded(level) for level in exact]
    return Case(kind, model, oracle, names, batch, sizes, exact, levels, *oracle.rpn(levels))


@pytest.fixture(params=[(name, names) for name in MODELS for names in GROUPS],
                ids=lambda param: f"{MODELS[param[0]][0]}-{'-'.join(param[1])}")
def case(request):
    return case_of(*request.param)


def test_pictures_are_prepared(case):
    """Noise is 1e-4 off: the place of a sample is rounded to float32, as torch rounds it."""
    for image, name in enumerate(case.names):
        found, size = case.model.prepare_image(PICTURES[name])
        assert size.numpy().tolist() == case.sizes[image].tolist()
        height, width = found.shape[1:3]
        assert not case.batch[image, height:].any() and not case.batch[image, :, width:].any()
        error = np.abs(found[0] - case.batch[image, :height, :width]).max()
        assert error < (1e-6 if name in ("dark", "bright", "tiny") else 1e-4)


def test_features(case):
    found = case.model.features(tf.constant(rounded(case.batch)))
    assert len(found) == len(case.exact)
    for level, wanted in zip(found, case.exact, strict=True):
        assert off(level, wanted) < FEATURES[case.kind]


def test_rpn_and_anchors(case):
    levels = tuple(map(tf.constant, case.levels))
    logits, deltas = case.model.rpn(levels)
    for found, wanted in zip((*logits, *deltas), (*case.logits, *case.deltas), strict=True):
        assert off(found, wanted) < 5e-6
    for found, wanted in zip(case.model.anchors(levels), case.anchors, strict=True):
        assert np.array_equal(found, wanted)


def test_proposals(case):
    """All of them, in their order."""
    found = propose_batch(tuple(map(rounded, case.logits)), tuple(map(rounded, case.deltas)),
                          [tf.constant(level.shape[1:3]) for level in case.levels], tf.constant(case.sizes, tf.int32),
                          case.model.geometry, case.model.proposing)
    for image in range(len(case.names)):
        boxes, scores = case.proposed(image)
        valid = found.valid[image].numpy()
        assert valid.sum() == len(boxes) > 20
        np.testing.assert_allclose(found.boxes[image].numpy()[valid], boxes, atol=1e-3)
        np.testing.assert_allclose(found.scores[image].numpy()[valid], scores, atol=1e-6)


def test_pooled_regions(case):
    for image in range(len(case.names)):
        regions = case.regions(image)
        found = case.model.pool(tuple(tf.constant(level[image:image + 1]) for level in case.levels),
                                tf.constant(regions[None]))[0]
        assert off(found, case.oracle.pool(case.levels, image, regions)) < 1e-5


def test_head_and_detections(case):
    for image, size in enumerate(case.sizes):
        regions = case.regions(image)
        pooled = rounded(case.oracle.pool(case.levels, image, regions))
        logits, deltas = case.oracle.head(pooled)
        for found, wanted in zip(case.model.rcnn(tf.constant(pooled)), (logits, deltas), strict=True):
            assert off(found, wanted) < 5e-6
        scores = tf.nn.softmax(rounded(logits))
        found = postprocessing.detect(scores, rounded(deltas), regions, tf.ones(len(regions), bool), size[0], size[1],
                                      **case.model.detecting.keywords())
        # float64 tells apart what float32's softmax does not, and both have 1 at last: the order is that of float32
        wanted = case.oracle.detect(rounded(logits), rounded(deltas), regions.astype(np.float64), size, scores.numpy())
        valid = found.valid.numpy()
        assert valid.sum() == len(wanted[0]) > 0
        np.testing.assert_allclose(found.boxes.numpy()[valid], wanted[0], atol=1e-3)
        np.testing.assert_allclose(found.scores.numpy()[valid], wanted[1], atol=1e-6)
        assert np.array_equal(found.labels.numpy()[valid], wanted[2])


@pytest.mark.parametrize("name", MODELS)
def test_the_oracle_is_torchvision(name):
    """Its stages on torchvision's own float32 outputs, at what those differ from float64: v2's features by 1.1e-3."""
    stored, (kind, _, _) = reference(name), models(name)
    oracle = Oracle(weights_of(stored), kind, 320, 533, MODELS[name][1])
    count = len(stored["image_sizes"])
    batch, sizes = oracle.prepare([stored[f"image{image}"] for image in range(count)])
    assert np.array_equal(sizes, stored["image_sizes"])
    assert np.abs(np.moveaxis(batch[:, ::8, ::8], -1, 1) - stored["batch_every8"]).max() < 2e-4
    levels = oracle.features(rounded(batch))
    names = [key for key in stored if key.startswith("feature:")]
    for level, key in zip(levels, names, strict=True):
        assert off(level[..., ::16], np.moveaxis(stored[key], 1, -1)) < 2e-3
    logits = [np.moveaxis(stored[f"rpn_logits:{level}"], 1, -1).reshape(count, -1) for level in range(len(levels))]
    deltas = [np.moveaxis(stored[f"rpn_deltas:{level}"], 1, -1).reshape(count, -1, 4) for level in range(len(levels))]
    anchors = oracle.anchors([level.shape[1:3] for level in levels], batch.shape[1:3])
    pooled = []
    for image, size in enumerate(sizes):
        found, _ = oracle.propose([part[image] for part in logits], [part[image] for part in deltas], anchors, size)
        wanted = stored[f"proposals{image}"]
        assert len(found) == len(wanted)
        assert np.mean([np.abs(found - box).max(1).min() < 1e-2 for box in wanted]) > 0.995
        pooled.append(oracle.pool(levels, image, wanted))
    pooled = np.concatenate(pooled)
    assert off(np.moveaxis(pooled[::16, ..., ::16], -1, 1), stored["pooled_every16"]) < 2e-3
    class_logits, box_deltas = oracle.head(pooled[::8])
    assert off(class_logits, stored["class_logits_every8"]) < 3e-3
    assert off(box_deltas.reshape(len(box_deltas), -1), stored["box_deltas_every8"]) < 3e-3
