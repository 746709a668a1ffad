"""The figures that the documents print, by the functions that users reach; each test names its document and section.

They are "Faster R-CNN" (the tutorial on torchvision's), "Faster RCNN" (notes on its PyTorch guide), "Faster R-CNN: A
Classic Two-Stage Anchor-Based Object Detector" (the course's, with a pyramid) and "Faster R-CNN step by step, Part I"
(Keras).
"""

import math

import numpy as np
import pytest

from frcnn_keras.models.rpn import RPN
from frcnn_keras.models.settings import Geometry, Preparing, Proposing
from frcnn_keras.ops.anchors import base_anchors, inside
from frcnn_keras.ops.boxes import iou
from frcnn_keras.ops.images import resize
from frcnn_keras.ops.proposals import suppress_ranked
from frcnn_keras.ops.sampling import sample
from frcnn_keras.ops.targets import anchor_targets, region_targets
from frcnn_keras.ops.tiles import cut_tiles
from frcnn_keras.settings.detector import LevelAnchorConfig, ProposalConfig, settled
from frcnn_keras.settings.learning import AnchorSamplingConfig, RegionSamplingConfig, TrainingProposalConfig

VGG16 = Geometry.of([16.0], [8.0], LevelAnchorConfig((128.0, 256.0, 512.0), (0.5, 1.0, 2.0)))


@pytest.mark.parametrize("size, wanted", [((200, 300), (800, 1200)), ((3000, 1300), (1333, 577))])
def test_resized_images(size, wanted):
    """Faster R-CNN, section 1, "Input": the shorter side to 800 unless the longer passes 1333."""
    preparing = Preparing(800, 1333, "torch", 32)
    assert preparing.size(*size) == wanted
    assert resize(np.zeros((*size, 3), np.uint8), *preparing.size(*size)).shape == (*wanted, 3)


def test_six_anchors():
    """Faster R-CNN, section 3.1, "Anchors": widths and heights of sizes 16 and 32 by ratios 1/2, 1 and 2."""
    base = base_anchors((16.0, 32.0), (0.5, 1.0, 2.0))
    found = {tuple(np.around(base[k, 2:] - base[k, :2], 2).tolist()) for k in range(6)}
    wanted = {(22.63, 11.31), (16.0, 16.0), (11.31, 22.63), (45.25, 22.63), (32.0, 32.0), (22.63, 45.25)}
    assert {tuple(map(round2, pair)) for pair in found} == wanted


def round2(number):
    return round(float(number), 2)


def test_22500_anchors_of_which_8940_lie_inside():
    """Faster R-CNN, section 3.4, "Training RPN": 9 x 50 x 50; Faster RCNN, "Anchor Boxes": an image of 800 x 800 and a
    map of 50 x 50, of whose anchors the guide keeps the 8940 inside."""
    (anchors,) = VGG16.anchors([(50, 50)])
    assert anchors.shape == (22500, 4) and VGG16.anchors_per_position == 9
    assert int(inside(anchors, 800, 800).numpy().sum()) == 8940


def test_18_positives_and_238_negatives():
    """Faster RCNN, "RPN 학습": of 256 anchors the 18 positives that the guide's two objects have; y1 x1 y2 x2 there is
    20, 30, 400, 500 and 300, 400, 500, 600."""
    (anchors,) = VGG16.anchors([(50, 50)])
    objects = np.float32([[30, 20, 500, 400], [400, 300, 600, 500]])
    labels, _, _ = anchor_targets(anchors, objects, [False, False], 800, 800)
    chosen = AnchorSamplingConfig()
    index, drawn = sample(labels, (0, 0), chosen.count, chosen.positive_fraction)
    found = labels.numpy()[index]
    assert drawn.numpy().all() and ((found == 1).sum(), (found == 0).sum()) == (18, 238)


def test_128_and_128_where_there_are_enough():
    """Faster R-CNN, section 3.4: 128 positives and 128 negatives a minibatch."""
    chosen = AnchorSamplingConfig()
    labels = np.repeat([1, 0], [200, 20000]).astype(np.int32)
    index, _ = sample(labels, (0, 0), chosen.count, chosen.positive_fraction)
    assert int(labels[index].sum()) == 128 and len(index) == 256


def test_32_and_96_regions():
    """The training of faster-RCNN, section 4.2: 128 regions, 32 of them foreground, 96 background."""
    objects = np.float32([[100, 100, 300, 300]])
    near = objects + np.linspace(0, 10, 50, dtype=np.float32)[:, None]
    far = np.float32([[400, 400, 500, 500]]) + np.linspace(0, 90, 200, dtype=np.float32)[:, None]
    _, labels, _, drawn = region_targets(np.concatenate([near, far]), np.ones(250, bool), objects, [7], [False],
                                         (0, 0), **vars(RegionSamplingConfig()), scales=(0.1, 0.1, 0.2, 0.2))
    assert drawn.numpy().all() and labels.numpy().tolist().count(7) == 32 and len(labels) == 128


def test_heads_of_a_pyramid():
    """A Classic Two-Stage Detector, "RPN": of two images of 224 x 224 2352, 588 and 147 answers on p3, p4 and p5."""
    rpn = RPN(3, 64)
    rpn.build((None, None, None, 64))
    maps = [np.zeros((2, side, side, 64), np.float32) for side in (28, 14, 7)]
    logits, deltas = rpn(maps)
    assert [level.shape.as_list() for level in logits] == [[2, 2352], [2, 588], [2, 147]]
    assert [level.shape.as_list() for level in deltas] == [[2, 2352, 4], [2, 588, 4], [2, 147, 4]]
    pyramid = Geometry.of([8.0, 16.0, 32.0], [4.0, 8.0, 16.0], LevelAnchorConfig((64.0, 128.0, 256.0)))
    assert [len(level) for level in pyramid.anchors([(28, 28), (14, 14), (7, 7)])] == [2352, 588, 147]


def test_an_rpn_head_of_ten_channels():
    """Faster R-CNN, section 3.2, "RPN": 3 scores and 12 coordinates at 32 x 32 positions."""
    rpn = RPN(3, 10)
    rpn.build((None, None, None, 10))
    (scores,), (coordinates,) = rpn([np.zeros((1, 32, 32, 10), np.float32)])
    assert scores.shape == (1, 32 * 32 * 3) and coordinates.shape == (1, 32 * 32 * 3, 4)


DETECTIONS = np.array([
    [218, 322, 385, 491, 0.98], [247, 312, 419, 461, 0.83], [237, 344, 407, 510, 0.92], [757, 218, 937, 394, 0.96],
    [768, 198, 962, 364, 0.85], [740, 240, 906, 414, 0.83], [1101, 84, 1302, 303, 0.82], [1110, 67, 1331, 260, 0.97],
    [1123, 42, 1362, 220, 0.85]])


def nms_of_the_document(detections, threshold):
    """Its function `nms`, which counts pixels (+ 1)."""
    def overlap(a, b):
        width, height = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) + 1 for i in (0, 1))
        shared = max(width, 0) * max(height, 0)
        return shared / (sum((c[2] - c[0] + 1) * (c[3] - c[1] + 1) for c in (a, b)) - shared)

    order, kept = detections[:, 4].argsort()[::-1].tolist(), []
    while order:
        kept.append(order.pop(0))
        order = [i for i in order if overlap(detections[kept[-1]], detections[i]) <= threshold]
    return kept


@pytest.mark.parametrize("threshold, wanted", [(0.5, [0, 7, 3]), (0.6, None), (0.7, None)])
def test_boxes_that_nms_keeps(threshold, wanted):
    """Faster R-CNN, section 3.5, "NMS": of nine boxes on three objects each one's best; at the paper's 0.7 all stay."""
    order = DETECTIONS[:, 4].argsort()[::-1]
    ranked = DETECTIONS[order, :4].astype(np.float32)
    places, real = suppress_ranked(ranked[None], np.ones((1, 9), bool), 9, threshold)
    kept = order[places.numpy()[0][real.numpy()[0]]].tolist()
    expected = nms_of_the_document(DETECTIONS, threshold)
    assert sorted(kept) == sorted(expected) and (wanted is None or kept == wanted)
    assert (len(kept) == 9) == (threshold == 0.7) == bool(np.triu(iou(ranked, ranked), 1).max() <= threshold)


def test_numbers_of_proposals():
    """Faster RCNN, "Generating proposals to feed Fast R-CNN network": 12000 and 2000 in training, 300 in testing."""
    training, testing = settled(TrainingProposalConfig(), 1), Proposing.of(settled(ProposalConfig(), 1))
    assert (training.before, training.after, testing.after) == (12000, 2000, 300)
    assert testing.iou_threshold == ProposalConfig().nms == 0.7


def test_anchor_150_stands_on_the_second_row_in_the_third_column():
    """Faster R-CNN step by step, "prepare mini batch data": 150 / 9 is position 16, point (1, 2) of a map of 9 x 14."""
    maps = np.arange(9 * 14, dtype=np.float32).reshape(9, 14, 1)
    tiles, anchors = cut_tiles([maps], np.array([150], np.int32), 9)
    assert tiles.numpy()[0, 1, 1, 0] == 1 * 14 + 2 and anchors.numpy().tolist() == [150 - 16 * 9]


def test_256_tiles_of_3x3x1536_one_positive_to_three_negatives():
    """Faster R-CNN step by step, "subsample labels" and "prepare mini batch data"."""
    labels = np.repeat([1, 0], [100, 1034]).astype(np.int32)  # 9 x 14 x 9 anchors
    index, _ = sample(labels, (0, 0), 256, 0.25)
    tiles, _ = cut_tiles([np.zeros((9, 14, 1536), np.float16)], index, 9)
    assert tiles.shape == (256, 3, 3, 1536) and int(labels[index].sum()) == 64 == math.floor(256 / 4)
