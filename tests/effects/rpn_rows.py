"""Flags of `train-rpn` beside those of its training."""

import numpy as np

from tests.effects.given import iou
from tests.effects.rows import Row


def as_it_is(given):
    """The small run's RPN, untrained: only its proposals are made."""
    return ["--epochs=0", f"--rpn={given.run}"]


def network(subject):
    return subject.stage.build().network


def start(subject, value):
    from frcnn_keras.runs.detector import load

    theirs = load(value).model.rpn.get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(network(subject).get_weights(), theirs, strict=True))


def channels(subject, value):
    rpn = network(subject)
    assert rpn.convolution.kernel.shape[-1] == value == rpn.objectness.kernel.shape[2]


def smooth_l1(difference, beta):
    size = np.abs(difference)
    return np.where(size < beta, size**2 / (2 * beta), size - beta / 2).sum()


def squares(difference, beta):
    return (difference**2).sum()


def box_loss(weight, beta, size=smooth_l1):
    """Of anchors' deltas by the network with other weights, by hand."""
    def check(subject, value):
        subject.stage.model = model = subject.stage.build()
        rng = np.random.default_rng(0)
        model.network.set_weights([rng.normal(0, 0.3, part.shape) for part in model.network.get_weights()])
        batch = next(iter(subject.stage.batches(0)))
        tiles = batch["tiles"].numpy().reshape(-1, 3, 3, batch["tiles"].shape[-1])
        _, deltas = model.network.on_tiles(tiles, batch["anchors"].numpy().ravel())
        labels = batch["labels"].numpy().ravel()
        difference = (deltas.numpy() - batch["deltas"].numpy().reshape(-1, 4))[labels > 0].astype(float)
        wanted = weight * size(difference, beta) / (labels >= 0).sum()
        np.testing.assert_allclose(float(model.losses_of(batch)["box_loss"]), wanted, rtol=1e-4)
        assert abs(size(difference, beta) * weight / smooth_l1(difference, 1 / 9) - 1) > 0.01

    return check


def linear(rpn):
    """Of maps below 0 the hidden layer keeps what a ReLU would take."""
    assert (rpn.convolution(-np.ones((1, 3, 3, rpn.convolution.kernel.shape[2]), np.float32)).numpy() < 0).any()


def uniform(rpn):
    """Keras's: up to 0.05, and hardly a weight of a normal draw of 0.01 is beyond 0.04."""
    kernel = np.abs(np.asarray(rpn.objectness.kernel))
    assert kernel.max() <= 0.05 and (kernel > 0.04).mean() > 0.1


def of_network(check):
    return lambda subject, value: check(network(subject))


def of_detector(check):
    return lambda subject, value: check(subject.detector.rpn)


def deep(rpn):
    assert rpn.depth == 2 and sum("conv" in weight.path and "kernel" in weight.path for weight in rpn.weights) >= 2


def proposals(check):
    """check(proposals of training images, of others): boxes (P, 4) of each image."""
    def checked(subject, value):
        found = subject.given.proposed(subject.config)
        check(found["train"], found["val"], value)

    return checked


def of_training(train, val, value):
    assert {len(boxes) for boxes in train} == {value} and min(map(len, val)) > value


def of_prediction(train, val, value):
    assert {len(boxes) for boxes in val} == {value} and min(map(len, train)) > value


def overlaps_at_most(train, val, value):
    """value; and somewhere as much, beyond what the default would leave apart."""
    for images in (train, val):
        found = [iou(one, other) for boxes in images[:2] for n, one in enumerate(boxes[:60]) for other in boxes[:n]]
        assert 0.7 < max(found) <= value + 1e-6


def large(train, val, value):
    for boxes in (*train, *val):
        assert (boxes[:, 2:] - boxes[:, :2]).min(initial=value) >= value
    assert sum(map(len, train)) > 0


RPN = {
    "start": Row(lambda given: str(given.run), start), "channels": Row(7, channels),
    "loss.box_weight": Row(3.0, box_loss(3.0, 1 / 9)), "loss.beta": Row(0.5, box_loss(1.0, 0.5)),
    "loss.distance": Row("mse", box_loss(1.0, 1 / 9, squares)), "network.activation": Row("linear", of_network(linear)),
    "network.initial": Row("uniform", of_network(uniform)),
    "training.before": Row(1, proposals(of_training), as_it_is),
    "training.after": Row(3, proposals(of_training), as_it_is),
    "proposals.before": Row(1, proposals(of_prediction), as_it_is),
    "proposals.after": Row(2, proposals(of_prediction), as_it_is),
    "proposals.nms": Row(0.9, proposals(overlaps_at_most), as_it_is),
    "proposals.min_size": Row(40.0, proposals(large), as_it_is),
}


def joint_channels(subject, value):
    assert subject.detector.rpn.convolution.kernel.shape[-1] == value


def proposed(subject):
    """(how many proposals of an image there is room for, the boxes that are)."""
    levels = [np.asarray(level)[None] for level in subject.maps(0)]
    height, width = (8 * side for side in levels[0].shape[1:3])
    found = subject.detector.propose(levels, np.array([[height, width]], np.int32))
    return found.boxes.shape[1], found.boxes[0].numpy()[found.valid[0].numpy()]


def joint_before(subject, value):
    assert len(proposed(subject)[1]) == value


def joint_after(subject, value):
    room, boxes = proposed(subject)
    assert room == len(boxes) == value


def joint_nms(subject, value):
    """Neighbours of 32 x 32 overlap by 0.6, which the default leaves."""
    boxes = proposed(subject)[1]
    assert 0 <= max(iou(one, other) for n, one in enumerate(boxes) for other in boxes[:n]) <= value + 1e-6


def joint_min_size(subject, value):
    large([proposed(subject)[1]], [], value)


JOINT = {"rpn_channels": Row(6, joint_channels), "network.activation": Row("linear", of_detector(linear)),
         "network.initial": Row("uniform", of_detector(uniform)), "network.depth": Row(2, of_detector(deep)),
         "proposals.before": Row(3, joint_before),
         "proposals.after": Row(4, joint_after), "proposals.nms": Row(0.2, joint_nms),
         "proposals.min_size": Row(20.0, joint_min_size)}
