"""Flags of the head, of its detections and its regions: of `train-rcnn`, and the first two of `joint`."""

import numpy as np
import tensorflow as tf

from frcnn_keras.data import records
from frcnn_keras.ops.proposals import Proposals
from tests.effects.fit_rows import patience
from tests.effects.given import iou
from tests.effects.rows import Row
from tests.effects.rpn_rows import smooth_l1


def answering(subject, scores, deltas=(0.0,) * 4):
    """The subject's detector, whose head now says the same of every region."""
    rcnn = subject.detector.rcnn
    for weight in rcnn.weights[-4 if rcnn.boxes else -2:]:
        weight.assign(tf.zeros_like(weight))
    rest = (1 - sum(scores)) / (rcnn.classes - len(scores))
    rcnn.class_logits.bias.assign(np.log([rest, *scores, *[rest] * (rcnn.classes - 1 - len(scores))]))
    if rcnn.boxes:
        rcnn.deltas.bias.assign(np.tile(deltas, rcnn.classes))
    return subject.detector


def found(subject, regions, scores=(0.5, 0.3), **settings):
    """(score, box) of what is detected in regions of an image of 100 x 100."""
    detector, count = answering(subject, scores, **settings), len(regions)
    size = detector.pooling.size
    pooled = tf.zeros((1, count, size, size, detector.rcnn.trunk.input_shape[-1]))
    given = Proposals(tf.constant([regions], tf.float32), tf.ones((1, count)), tf.ones((1, count), tf.bool))
    detected = detector.detect_pooled(pooled, given, tf.constant([[100, 100]]))
    return [(round(float(score), 3), np.round(box, 2).tolist()) for box, score, _, valid in
            zip(*(part[0].numpy() for part in detected), strict=True) if valid]


APART = [[0, 0, 20, 20], [40, 40, 60, 60], [70, 70, 90, 90]]


def score_threshold(subject, value):
    assert {score for score, _ in found(subject, APART)} == {0.5}  # 0.3 is less than the value, and the rest too
    assert value == 0.4


def nms(subject, value):
    """IoU 1/3: more than the value, less than the default."""
    assert len(found(subject, [[0, 0, 20, 20], [10, 0, 30, 20]], (0.9,))) == 1


def limit(subject, value):
    assert len(found(subject, APART)) == value < 6


def width(subject, value):
    assert subject.detector.rcnn.trunk.output_shape == (None, value)


def dropout(subject, value):
    """Nearly all of a layer's units are 0 in training, and none in prediction."""
    trunk = subject.detector.rcnn.trunk
    layer = trunk.get_layer("fc2_dropout")
    units = tf.ones((50, layer.input.shape[-1]))
    assert abs(float(tf.reduce_mean(tf.cast(layer(units, training=True) == 0, tf.float32))) - value) < 0.1
    assert bool(tf.reduce_all(layer(units, training=False) == 1))


def roi_op(subject, value):
    """Largest values of cells are values of the map; means of samples are not."""
    channels = subject.detector.rcnn.trunk.input_shape[-1]
    maps = [np.random.default_rng(0).normal(size=(1, 12, 12, channels)).astype(np.float32)
            for _ in subject.detector.geometry.strides]
    pooled = subject.detector.pool(maps, tf.constant([[[3.0, 5.0, 71.0, 66.0]]])).numpy()
    assert np.isin(pooled, np.stack(maps)).all()
    if subject.batch:
        stored = set(np.concatenate([records.parse_features(span.read(), subject.stage.prepared.channels)["maps"][0]
                                     .numpy().ravel() for span in subject.stage.prepared.feature_spans]).tolist())
        assert set(subject.batch()["pooled"].ravel().tolist()) <= stored | {0.0}


def roi_size(subject, value):
    assert subject.detector.rcnn.trunk.input_shape[1:3] == (value, value) and subject.detector.pooling.size == value
    if subject.batch:
        assert subject.batch()["pooled"].shape[2:4] == (value, value)


def box_head(subject, value):
    assert found(subject, [APART[1]], (0.9,)) == [(0.9, APART[1])]
    assert subject.detector.rcnn(tf.zeros((1, *subject.detector.rcnn.trunk.input_shape[1:])))[1] is None


def moved(scales, means):
    """What the head's answer of 1 moves a region of 20 x 20 by, and what it learns."""
    def check(subject, value):
        ((_, box),) = found(subject, [APART[1]], (0.9,), deltas=(1.0, 1.0, 0.0, 0.0))
        x, y = (50 + 20 * (scales[axis] + means[axis]) for axis in (0, 1))
        half_width, half_height = (10 * np.exp(means[axis]) for axis in (2, 3))
        wanted = [x - half_width, y - half_height, x + half_width, y + half_height]
        np.testing.assert_allclose(box, wanted, atol=0.02)
        if subject.batch:
            usual, own = subject.given.usual_regions(), subject.batch()
            objects = own["labels"] > 0
            plain = usual["deltas"][objects] * np.float32([0.1, 0.1, 0.2, 0.2])
            np.testing.assert_allclose(own["deltas"][objects], (plain - means) / scales, atol=1e-4)

    return check


def overlaps(subject):
    """Each training image's candidates' largest IoU with an object, by record."""
    stage, best = subject.stage, []
    for features, proposals in zip(stage.prepared.feature_spans, stage.proposals, strict=True):
        objects = records.parse_features(features.read(), stage.prepared.channels)["boxes"].numpy().astype(float)
        boxes = records.parse_proposals(proposals.read())["boxes"].numpy().astype(float)
        best.append([max((iou(box, one) for one in objects), default=0.0) for box in [*boxes, *objects]])
    return best


def drawn(subject):
    """(foreground, background) regions that are drawn of every image, sorted."""
    batch = subject.batch()
    return sorted((int((labels > 0).sum()), int((valid & (labels == 0)).sum()))
                  for labels, valid in zip(batch["labels"], batch["valid"], strict=True))


def by_overlaps(foreground=0.5, low=0.0, high=None):
    """All candidates are drawn, by loops."""
    def check(subject, value):
        def counted(foreground, low, high):
            return sorted((sum(one >= foreground for one in image), sum(low <= one < high for one in image))
                          for image in overlaps(subject))

        wanted = counted(foreground, low, high or foreground)
        assert drawn(subject) == wanted != counted(0.5, 0.0, 0.5)

    return check


def count(subject, value):
    assert subject.batch()["labels"].shape[1] == value


def positive_fraction(subject, value):
    """Of twenty regions: two, where there are as many."""
    wanted = sorted(min(2, sum(one >= 0.5 for one in image)) for image in overlaps(subject))
    assert sorted(foreground for foreground, _ in drawn(subject)) == wanted and max(wanted) == 2 == int(20 * value)


def beta(subject, value):
    """The box loss by hand."""
    network, batch = subject.stage.model.network, subject.batch()
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(0, 0.3, part.shape) for part in network.get_weights()])
    _, deltas = network(batch["pooled"].reshape(-1, *batch["pooled"].shape[2:]))
    labels, valid = batch["labels"].ravel(), batch["valid"].ravel()
    own = deltas.numpy()[np.arange(len(labels)), labels] - batch["deltas"].reshape(-1, 4)
    wanted = smooth_l1(own[labels > 0].astype(float), value) / valid.sum()
    np.testing.assert_allclose(float(subject.stage.model.losses_of(batch)["box_loss"]), wanted, rtol=1e-4)


def kind(subject, value):
    """VGG16's two layers of 4096."""
    assert [subject.detector.rcnn.trunk.get_layer(name).units for name in ("fc1", "fc2")] == [4096, 4096]


def head_weights(subject, value):
    from frcnn_keras.runs.detector import load

    for one, other in zip(subject.stage.model.network.trunk.get_weights(), load(value).model.rcnn.trunk.get_weights(),
                          strict=True):
        assert np.array_equal(one, other)


ALL = ["--regions=4096", "--region-positive-fraction=1", "--batch=12"]
SHARED = {
    "head.width": Row(9, width), "head.dropout": Row(0.9, dropout, ["--head-width=200"]),
    "head.roi_op": Row("pool", roi_op), "head.roi_size": Row(4, roi_size), "head.box_head": Row(False, box_head),
    "head.delta_scales": Row((0.3, 0.2, 0.5, 0.1), moved((0.3, 0.2, 0.5, 0.1), (0,) * 4)),
    "head.delta_means": Row((0.1, -0.2, 0.05, 0.3), moved((0.1, 0.1, 0.2, 0.2), (0.1, -0.2, 0.05, 0.3))),
    "detections.score_threshold": Row(0.4, score_threshold), "detections.nms": Row(0.2, nms),
    "detections.limit": Row(2, limit),
}
JOINT = SHARED
RCNN = SHARED | {
    "fit.patience": Row(3, patience),
    "head.kind": Row("vgg_fc", kind, ["--roi-size=1"]),
    "head.weights": Row(lambda given: str(given.run), head_weights, ["--head-width=32"]),
    "regions.count": Row(17, count),
    "regions.positive_fraction": Row(0.1, positive_fraction, ["--regions=20", "--batch=12"]),
    "regions.foreground": Row(0.3, by_overlaps(foreground=0.3), ALL),
    "regions.background": Row((0.1, 0.3), by_overlaps(low=0.1, high=0.3), ALL),
    "loss.beta": Row(0.05, beta),
}
