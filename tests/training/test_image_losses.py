"""The four losses against the staged trainers', against single images, and what their gradients reach."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from data_prep.minibatches import minibatch_function
from frcnn_keras.models.rcnn import RCNN, two_fc
from frcnn_keras.ops.pyramid import pool_regions
from frcnn_keras.ops.targets import region_targets
from frcnn_keras.ops.tiles import cut_tiles
from frcnn_keras.settings.image_trainers import ImageLossConfig, ImageProposalConfig
from frcnn_keras.settings.learning import (
    AnchorSamplingConfig,
    HeadLossConfig,
    RegionSamplingConfig,
    RPNLossConfig,
)
from frcnn_keras.training.image_losses import LOSSES, RPN_LOSSES, ImageLosses, Labelled
from frcnn_keras.training.rcnn_stage import rcnn_stage_model
from frcnn_keras.training.rpn_stage import rpn_stage_model
from tests.detectors import change, uneven_detector
from tests.joint_batches import UNLIKE, batch_of, image

pytestmark = pytest.mark.slow

ANCHORS = AnchorSamplingConfig(positive=0.6, negative=0.3, count=16, positive_fraction=0.25)
REGIONS = RegionSamplingConfig(count=12, positive_fraction=0.5, foreground=0.4)
RPN_LOSS = RPNLossConfig(box_weight=2.0, beta=0.5)


def losses_of(model, proposals=(60, 20), **settings):
    return ImageLosses(model, ImageLossConfig(ANCHORS, ImageProposalConfig(*proposals), REGIONS, RPN_LOSS), **settings)


def values(losses):
    return {name: float(value) for name, value in losses.items()}


@pytest.mark.parametrize("strides", [(8.0,), (4.0, 8.0)])
def test_equal_to_the_staged_losses_on_the_same_draws(strides):
    model = uneven_detector(strides)
    change(model, "detecting", means=(0.1, -0.2, 0.0, 0.3))
    joint = losses_of(model)
    one = {name: tf.constant(part) for name, part in UNLIKE[0].items()}
    found = values(joint(batch_of(UNLIKE[:1])))
    levels = model.features(one["images"][None])
    seeds = tf.random.experimental.stateless_split(one["seed"], 2)

    # stage 1, from data_prep's own draw of the same seed
    draw = minibatch_function(model.geometry, ANCHORS)
    shapes = np.array([level.shape[1:3] for level in levels], np.int32)
    indices, labels, deltas, _ = draw(one["boxes"], one["ignored"], one["size"], shapes, seeds[:1])
    tiles, anchors = cut_tiles([level[0] for level in levels], indices[0], model.rpn.anchors_per_position)
    staged = rpn_stage_model(model.rpn, RPN_LOSS).losses_of(
        {"tiles": tiles[None], "anchors": anchors[None], "labels": labels, "deltas": deltas})
    assert found["objectness_loss"] == pytest.approx(float(staged["objectness_loss"]), rel=1e-5)
    assert found["proposal_box_loss"] == pytest.approx(float(staged["box_loss"]), rel=1e-5) and staged["box_loss"] > 0

    # stage 2, on the proposals that prediction makes
    proposals = model.propose(levels, one["size"][None], dataclasses.replace(model.proposing, before=60, after=20))
    drawn = region_targets(proposals.boxes[0], proposals.valid[0], one["boxes"], one["labels"], one["ignored"],
                           seeds[1], **vars(REGIONS), scales=(0.1, 0.1, 0.2, 0.2), means=(0.1, -0.2, 0.0, 0.3))
    pooled = pool_regions(levels, drawn[0][None], model.geometry.strides, model.geometry.offsets, "align", 3)
    staged = rcnn_stage_model(model.rcnn, HeadLossConfig()).losses_of(
        {"pooled": pooled, "labels": drawn[1][None], "deltas": drawn[2][None], "valid": drawn[3][None]})
    assert found["class_loss"] == pytest.approx(float(staged["class_loss"]), rel=1e-5)
    assert found["box_loss"] == pytest.approx(float(staged["box_loss"]), rel=1e-5) and staged["box_loss"] > 0


def test_the_head_learns_in_the_units_that_the_detector_decodes_in():
    """A head that says 0, and a loss that is quadratic everywhere: half the unit is four times the loss."""
    model = uneven_detector()
    for weight in model.rcnn.deltas.weights:
        weight.assign(tf.zeros_like(weight))
    regions = dataclasses.replace(REGIONS, foreground=0.1)  # which others than the objects themselves reach
    settings = ImageLossConfig(ANCHORS, ImageProposalConfig(60, 20), regions, RPN_LOSS, HeadLossConfig(beta=1e3))
    one = values(ImageLosses(model, settings)(batch_of(UNLIKE[:1])))
    change(model, "detecting", scales=(0.05, 0.05, 0.1, 0.1))
    other = values(ImageLosses(model, settings)(batch_of(UNLIKE[:1])))
    assert other["box_loss"] == pytest.approx(4 * one["box_loss"], rel=1e-5) and one["box_loss"] > 0
    assert {**other, "box_loss": 0} == {**one, "box_loss": 0}


def test_the_heads_dropout_drops():
    model, batch = uneven_detector(), batch_of(UNLIKE[:1])
    model.rcnn = RCNN(two_fc(3, 5, 40, dropout=0.5), 4)
    model.rcnn.build((None, 3, 3, 5))
    first, second = (values(losses_of(model)(batch)) for _ in range(2))
    assert first["class_loss"] != second["class_loss"] and first["objectness_loss"] == second["objectness_loss"]


def test_what_does_not_exist_does_not_count():
    """The second and third object taken out, and merely marked as padding."""
    joint, whole = losses_of(uneven_detector()), batch_of([image(40, 48, 3, 5)])
    alone = {**whole, **{name: whole[name][:, :1] for name in ("boxes", "labels", "ignored", "exists")}}
    marked = {**whole, "exists": tf.constant([[True, False, False]])}
    assert values(joint(marked)) == pytest.approx(values(joint(alone)), rel=1e-5)
    assert values(joint(whole)) != pytest.approx(values(joint(alone)), rel=1e-2)


def test_what_fills_up_a_draw_does_not_count():
    """54 anchors of 3 x 3 cells, all inside and labelled: all are drawn, however many more are asked for."""
    model = uneven_detector()
    change(model, "geometry", anchor_sizes=((3.0, 4.0),))
    batch = batch_of([image(24, 24, 2, 5)])
    exact, more = (values(ImageLosses(model, ImageLossConfig(AnchorSamplingConfig(0.6, count=count)))(batch))
                   for count in (54, 200))
    for name in RPN_LOSSES:
        assert exact[name] == pytest.approx(more[name], rel=1e-5) and exact[name] > 0


def test_a_batch_of_unlike_images_is_the_sum_of_its_images_by_the_count():
    joint = losses_of(uneven_detector())
    alone = [values(joint(batch_of([one]))) for one in UNLIKE]
    whole, halved = values(joint(batch_of(UNLIKE, garbage=99))), values(joint(batch_of(UNLIKE), 6.0))
    for name in LOSSES:
        assert whole[name] == pytest.approx(sum(one[name] for one in alone) / 3, rel=1e-5)
        assert halved[name] == pytest.approx(sum(one[name] for one in alone) / 6, rel=1e-5)


def test_a_batch_of_unlike_images_has_the_gradients_of_its_images():
    model = uneven_detector()
    joint, variables = losses_of(model), model.trainable_variables

    def gradients(images, count):
        with tf.GradientTape() as tape:
            total = tf.add_n(list(joint(batch_of(images), count).values()))
        return tape.gradient(total, variables)

    parts = [gradients([one], 3.0) for one in UNLIKE]
    for whole, *alone in zip(gradients(UNLIKE, None), *parts, strict=True):
        np.testing.assert_allclose(whole, sum(part.numpy() for part in alone), rtol=1e-4, atol=1e-6)


def test_together_equals_each_image_on_the_same_canvas():
    """As one tensor, images see the padding of their batch: alone, padded alike, they give the same."""
    joint = losses_of(uneven_detector(), together=True)
    whole = values(joint(batch_of(UNLIKE)))
    canvas = batch_of(UNLIKE)
    alone = [values(joint({name: part[index:index + 1] for name, part in canvas.items()})) for index in range(3)]
    for name in LOSSES:
        assert whole[name] == pytest.approx(sum(one[name] for one in alone) / 3, rel=1e-5)


def test_together_equals_apart_where_sizes_agree():
    same = [image(48, 64, 3, seed) for seed in (4, 5)]
    model = uneven_detector()
    apart, together = (values(losses_of(model, together=way)(batch_of(same))) for way in (False, True))
    assert apart == pytest.approx(together, rel=1e-5)


@pytest.mark.parametrize("many", [(700, 300), (40, 300)])  # more anchors than there are; fewer than the image's own
def test_together_proposes_nothing_from_the_padding(many):
    model = uneven_detector()
    small, large = image(24, 24, 1, 6), image(80, 80, 1, 7)
    canvas = batch_of([small, large])
    levels = tuple(level[:1] for level in model.features(canvas["images"]))
    logits, deltas = model.rpn(levels)
    found = losses_of(model, together=True, proposals=many).propose(levels, (logits, deltas), small["size"],
                                                                    small["padded"])
    # the same answers of its own 3 x 3 cells, without the other 91
    own = [tf.reshape(tf.reshape(part[0], (1, 10, 10, 6, -1))[:, :3, :3], (1, 54, -1)) for part in (logits, deltas)]
    expected = losses_of(model, proposals=many).propose((levels[0][:, :3, :3],), ((own[0][..., 0],), (own[1],)),
                                                        small["size"], small["padded"])
    assert found.valid.numpy().sum() == expected.valid.numpy().sum() > 5
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-4)


def head_losses(joint, levels, proposals, image):
    labelled = Labelled(levels, image["seed"], image, None, None, joint.candidates(proposals, image))
    return tf.add_n(joint.rcnn_losses([labelled], image["seed"]))


def test_no_gradient_flows_through_proposals():
    """The head's losses reach the extractor through the pooled maps alone, as if the regions were given."""
    model = uneven_detector()
    joint, batch = losses_of(model), batch_of(UNLIKE[:1])
    one = {name: part[0] for name, part in batch.items()}
    with tf.GradientTape(persistent=True) as tape:
        levels = model.features(one["images"][None])
        outputs = model.rpn(levels)  # with gradients: what must not be used
        proposals = joint.propose(levels, outputs, one["size"], one["padded"])
        head = head_losses(joint, levels, proposals, one)
        given = type(proposals)(*(tf.constant(part.numpy()) for part in proposals))
        by_hand = head_losses(joint, levels, given, one)
        whole = joint(batch)
        of_head = whole["class_loss"] + whole["box_loss"]
        of_rpn = whole["objectness_loss"] + whole["proposal_box_loss"]
    assert all(gradient is None for gradient in tape.gradient(head, model.rpn.trainable_variables))
    assert all(gradient is None for gradient in tape.gradient(of_head, model.rpn.trainable_variables))
    assert all(gradient is None for gradient in tape.gradient(of_rpn, model.rcnn.trainable_variables))
    first, second = (tape.gradient(loss, model.extractor.trainable_variables) for loss in (head, by_hand))
    for one_gradient, other in zip(first, second, strict=True):
        assert np.abs(one_gradient).max() > 0
        np.testing.assert_allclose(one_gradient, other, rtol=1e-6)
    for gradient in tape.gradient(of_rpn, model.extractor.trainable_variables):
        assert np.abs(gradient).max() > 0  # the proposals' losses do train the backbone


def test_a_deeper_rpn_learns_on_the_whole_map():
    """Where tiles would do, both ways give the same losses and gradients."""
    model = uneven_detector()
    joint, batch = losses_of(model), batch_of(UNLIKE)
    results = []
    for depth in (1, 2):
        model.rpn.depth = depth  # 2 is a claim alone: the network stays what it is
        with tf.GradientTape() as tape:
            losses = joint(batch)
            total = tf.add_n(list(losses.values()))
        results.append((values(losses), tape.gradient(total, model.trainable_variables)))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-4)
    for tiled, mapped in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(tiled, mapped, rtol=1e-3, atol=1e-5)


def test_an_image_without_objects_has_no_box_losses():
    found = values(losses_of(uneven_detector())(batch_of([UNLIKE[2]])))
    assert found["proposal_box_loss"] == found["box_loss"] == 0
    assert found["objectness_loss"] > 0 and found["class_loss"] > 0


def test_it_works_in_a_graph_of_any_size():
    joint = losses_of(uneven_detector())
    specs = {name: tf.TensorSpec((2, *[None] * (len(part.shape) - 1)), part.dtype)
             for name, part in batch_of(UNLIKE).items()}
    specs |= {"images": tf.TensorSpec((2, None, None, 3), tf.float32), "boxes": tf.TensorSpec((2, None, 4), tf.float32),
              "size": tf.TensorSpec((2, 2), tf.int32), "padded": tf.TensorSpec((2, 2), tf.int32),
              "seed": tf.TensorSpec((2, 2), tf.int32)}
    graph = tf.function(joint, input_signature=[specs])
    for pair in (UNLIKE[:2], UNLIKE[1:]):
        assert values(graph(batch_of(pair))) == pytest.approx(values(joint(batch_of(pair))), rel=1e-4)
