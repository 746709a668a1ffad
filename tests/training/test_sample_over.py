"""Samples over the images of a step together, and a head without boxes: the losses of `training.image_losses`."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.settings.image_trainers import ImageLossConfig, ImageProposalConfig
from frcnn_keras.settings.learning import AnchorSamplingConfig, RegionSamplingConfig, RPNLossConfig
from frcnn_keras.training.image_losses import LOSSES, RCNN_LOSSES, RPN_LOSSES, ImageLosses
from tests.detectors import uneven_detector
from tests.joint_batches import UNLIKE, batch_of

pytestmark = pytest.mark.slow

ANCHORS = AnchorSamplingConfig(positive=0.6, negative=0.3, count=16, positive_fraction=0.5)
REGIONS = RegionSamplingConfig(count=12, positive_fraction=0.5, foreground=0.4)
RPN_LOSS = RPNLossConfig(box_weight=2.0)


def values(losses):
    return {name: float(value) for name, value in losses.items()}


@pytest.mark.parametrize("together", [False, True])
def test_sampled_over_the_batch_the_losses_are_means_over_all_samples(together):
    """Of more samples than there are, every one counts once: the images' own means, weighed by their samples."""
    model = uneven_detector()
    anchors = dataclasses.replace(ANCHORS, count=4096, positive_fraction=1.0)
    regions = dataclasses.replace(REGIONS, count=512, positive_fraction=1.0)
    settings = ImageLossConfig(anchors, ImageProposalConfig(60, 20), regions, RPN_LOSS)
    over_batch = dataclasses.replace(settings, sample_over="batch")
    whole = values(ImageLosses(model, over_batch, together=together)(batch_of(UNLIKE, garbage=99)))
    halved = values(ImageLosses(model, over_batch, together=together)(batch_of(UNLIKE), 6.0))
    joint, canvas = ImageLosses(model, settings, together=together), batch_of(UNLIKE)
    singles = [{name: part[index:index + 1] for name, part in canvas.items()} for index in range(3)]
    alone = [values(joint(one)) for one in singles]
    counts = [samples(joint, one) for one in singles]
    for place, names in ((0, RPN_LOSSES), (1, RCNN_LOSSES)):
        weights = [count[place] for count in counts]
        assert len(set(weights)) == 3
        for name in names:
            mean = sum(weight * one[name] for weight, one in zip(weights, alone, strict=True)) / sum(weights)
            assert whole[name] == pytest.approx(mean, rel=1e-4) and halved[name] == pytest.approx(mean / 2, rel=1e-4)


def samples(joint, batch):
    """Anchors and regions of the one image of a batch that may be drawn."""
    image = {name: part[0] for name, part in batch.items()}
    maps = joint.detector.features(batch["images"]) if joint.together else joint._own_maps(image)
    labelled = joint.labelled(tuple(maps), image)
    return tuple(int(np.sum(kinds.numpy() >= 0)) for kinds in (labelled.anchors[0], labelled.regions.kinds))


def test_sampled_over_the_batch_it_trains_in_a_graph():
    model = uneven_detector()
    settings = ImageLossConfig(ANCHORS, ImageProposalConfig(60, 20), REGIONS, RPN_LOSS, sample_over="batch")
    joint = ImageLosses(model, settings)

    @tf.function
    def gradients(batch):
        with tf.GradientTape() as tape:
            total = tf.add_n(list(joint(batch).values()))
        return tape.gradient(total, model.trainable_variables)

    batch = batch_of(UNLIKE)
    assert all(np.abs(gradient).max() > 0 for gradient in gradients(batch))
    apart = values(ImageLosses(model, dataclasses.replace(settings, sample_over="image"))(batch))
    for name in ("objectness_loss", "class_loss"):
        assert values(joint(batch))[name] != pytest.approx(apart[name], rel=1e-4)


def test_a_head_that_only_classifies_has_three_losses_that_count():
    model = uneven_detector()
    model.rcnn.deltas, model.rcnn.boxes = None, False
    for sample_over in ("image", "batch"):
        settings = ImageLossConfig(ANCHORS, ImageProposalConfig(60, 20), REGIONS, RPN_LOSS, sample_over=sample_over)
        found = values(ImageLosses(model, settings)(batch_of(UNLIKE)))
        assert found["box_loss"] == 0 and all(found[name] > 0 for name in LOSSES if name != "box_loss")
