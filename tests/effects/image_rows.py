"""Flags of the trainers on images: `finetune`'s batches, draws and losses, and what of a detector learns."""

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.ops.images import resize
from frcnn_keras.training import image_losses
from tests.effects.fit_rows import patience
from tests.effects.given import decoded, iou
from tests.effects.rows import Row
from tests.effects.rpn_rows import smooth_l1, squares

PLAIN = ["--jitter=0", "--no-mirror"]
ONE = ["--batch=1", *PLAIN]


def batches(subject, count=12):
    return [{name: part.numpy() for name, part in batch.items()} for batch in subject.stage.batches(0).take(count)]


def pictures(subject):
    """(an image as it trains, 0..255; the same without changes), one a batch."""
    preparing, examples = subject.stage.detector.preparing, subject.stage.dataset.examples
    assert preparing.preprocessing == "tf"
    plain = {}
    for example in examples:
        size = preparing.size(example.height, example.width)
        image = resize(decoded(example), *size).numpy()
        plain.setdefault(size, []).append((image, example.boxes.shape[0]))
    for batch in batches(subject):
        size = tuple(batch["size"][0])
        yield (batch["images"][0, :size[0], :size[1]] + 1) * 127.5, [image for image, _ in plain[size]]


def mirror(subject, value):
    """Every image is one of the data set's, none a mirror image."""
    for image, plain in pictures(subject):
        assert min(np.abs(image - one).max() for one in plain) < 0.01


def shorter_sides(subject):
    return [int(min(batch["size"][0])) for batch in batches(subject)]


def jitter(subject, value):
    """Of 96: beyond what the default's fifth allows."""
    sides = shorter_sides(subject)
    assert 48 <= min(sides) < 77 and 115 < max(sides) <= 144


def jitter_shorter(subject, value):
    sides = shorter_sides(subject)
    assert value[0] <= min(sides) < max(sides) <= value[1]


GREY = np.array([0.299, 0.587, 0.114])


def recoloured(change):
    """change(image before, image after): how far they are apart by what the flag may change, and by anything else."""
    def check(subject, value):
        found = []
        for image, plain in pictures(subject):
            apart = [change(one, image) for one in plain]
            found.append(min(apart, key=lambda pair: pair[1]))
        assert max(other for _, other in found) < 0.05, found
        assert len({round(own, 3) for own, _ in found}) > 3 and max(own for own, _ in found) > 0.02

    return check


def brightness(before, after):
    """Away from the limits all pixels are multiplied alike."""
    inner = (before > 20) & (after < 250)
    ratio = after[inner] / before[inner]
    return abs(float(np.median(ratio)) - 1), float(np.quantile(np.abs(ratio / np.median(ratio) - 1), 0.9))


def contrast(before, after):
    """Away from the limits all distances from the mean grey are multiplied alike."""
    inner = (after > 5) & (after < 250) & (np.abs(before - before.mean()) > 15)
    mean = (before @ GREY).mean()
    ratio = (after[inner] - mean) / (before[inner] - mean)
    return abs(float(np.median(ratio)) - 1), float(np.quantile(np.abs(ratio / np.median(ratio) - 1), 0.8))


def saturation(before, after):
    """The grey stays; the distance of the colours from it changes."""
    inner = ((after > 5) & (after < 250)).all(axis=-1)
    spread_before, spread_after = (np.std(image[inner] - (image[inner] @ GREY)[:, None]) for image in (before, after))
    return (abs(float(spread_after / spread_before) - 1),
            float(np.quantile(np.abs(before[inner] @ GREY - after[inner] @ GREY), 0.9)) / 255)


def losses(subject):
    """(the losses by name, what the RPN's and the head's were taken of) on the first batch."""
    seen = {}
    subject.stage.model = model = subject.stage.build()
    batch = next(iter(subject.stage.batches(0)))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("rpn_losses", "rcnn_losses"):
            def spied(*arguments, work=getattr(image_losses, name), name=name, **settings):
                seen.setdefault(name, []).append([part.numpy() for part in arguments])
                return work(*arguments, **settings)

            patch.setattr(image_losses, name, spied)
        found = {name: float(value) for name, value in model.losses_of(batch).items()}
    return found, seen, batch


def labelled(subject):
    """The labels of the first image's anchors, and their IoU with its objects."""
    subject.stage.model = model = subject.stage.build()
    batch = next(iter(subject.stage.batches(0)))
    image = {name: part[0] for name, part in batch.items()}
    levels = model.losses_of._own_maps(image)
    one = model.losses_of.labelled(levels, image)
    anchors = np.concatenate([level.numpy() for level in subject.stage.detector.anchors(levels)])
    return one, anchors.astype(float), image["boxes"].numpy()[image["exists"].numpy()].astype(float), image


def anchor_rule(positive=0.7, negative=0.3, best=True):
    """All anchors' labels by loops."""
    def check(subject, value):
        one, anchors, objects, image = labelled(subject)
        height, width = image["size"].numpy()
        table = np.array([[iou(anchor, box) for box in objects] for anchor in anchors])
        inside = (anchors[:, :2] >= 0).all(1) & (anchors[:, 2] <= width) & (anchors[:, 3] <= height)

        def rule(positive, negative, best):
            most = table.max(1)
            labels = np.where(most >= positive, 1, np.where(most < negative, 0, -1))
            if best:
                labels[(table >= np.where(inside[:, None], table, 0).max(0) * (1 - 1e-5)).any(1) & inside] = 1
            return np.where(inside, labels, -1)

        assert len(objects) and one.anchors[0].numpy().tolist() == rule(positive, negative, best).tolist()
        assert rule(positive, negative, best).tolist() != rule(0.7, 0.3, True).tolist()

    return check


def anchors_drawn(subject, value):
    assert {len(arguments[2]) for arguments in losses(subject)[1]["rpn_losses"]} == {value}


def anchor_fraction(subject, value):
    """Of eight anchors at most two, where thirty may be."""
    counts = [(arguments[2] > 0).sum() for arguments in losses(subject)[1]["rpn_losses"]]
    assert max(counts) == 2 == int(8 * value)


def regions_drawn(subject, value):
    assert {len(arguments[2]) for arguments in losses(subject)[1]["rcnn_losses"]} == {value}


def region_fraction(subject, value):
    """Of eight regions all may be objects: more than two."""
    assert max((arguments[2] > 0).sum() for arguments in losses(subject)[1]["rcnn_losses"]) > 2 and value == 1.0


def region_rule(foreground=0.5, low=0.0, high=None):
    """All candidates' kinds by loops."""
    def check(subject, value):
        one, _, objects, _ = labelled(subject)
        found = []
        for box, kind in zip(one.regions.regions.numpy().astype(float), one.regions.kinds.numpy(), strict=True):
            if box[2] > box[0] and box[3] > box[1]:
                most = max(iou(box, other) for other in objects)
                wanted = 1 if most >= foreground else 0 if low <= most < (high or foreground) else -1
                usual = 1 if most >= 0.5 else 0
                found.append((kind, wanted, usual))
        assert all(kind == wanted for kind, wanted, _ in found)
        assert any(wanted != usual for _, wanted, usual in found)

    return check


def candidates(limit):
    """How many proposals there are beside the objects, and room for them."""
    def check(subject, value):
        one, _, objects, _ = labelled(subject)
        kinds = one.regions.kinds.numpy()
        usable = int((kinds[:len(kinds) - len(objects)] >= 0).sum())
        assert usable == value if limit == "before" else len(kinds) == value + len(objects)

    return check


def rpn_box_loss(weight, beta, size=smooth_l1):
    def check(subject, value):
        found, seen, batch = losses(subject)
        wanted = np.mean([weight * size((deltas - targets)[labels > 0].astype(float), beta) / (labels >= 0).sum()
                          for _, deltas, labels, targets in seen["rpn_losses"]])
        usual = np.mean([smooth_l1((deltas - targets)[labels > 0].astype(float), 1 / 9) / (labels >= 0).sum()
                         for _, deltas, labels, targets in seen["rpn_losses"]])
        np.testing.assert_allclose(found["proposal_box_loss"], wanted, rtol=1e-4)
        assert abs(wanted / usual - 1) > 0.01

    return check


def head_beta(subject, value):
    found, seen, batch = losses(subject)
    wanted, usual = (np.mean([
        smooth_l1((deltas[np.arange(len(labels)), labels] - targets)[labels > 0].astype(float), beta) / valid.sum()
        for _, deltas, labels, targets, valid in seen["rcnn_losses"]]) for beta in (value, 1.0))
    np.testing.assert_allclose(found["box_loss"], wanted, rtol=1e-4)
    assert abs(wanted / usual - 1) > 0.01


def sample_over(subject, value):
    """Two images' samples are drawn, and their losses taken, together: twice as many, and one more an image."""
    _, seen, _ = losses(subject)
    assert [len(arguments) for arguments in seen.values()] == [1, 1]
    assert [(arguments[0][2] >= 0).sum() for arguments in (seen["rpn_losses"],)] == [2 * 256]
    assert len(seen["rpn_losses"][0][2]) == 2 * 256 + 2 and seen["rcnn_losses"][0][4].sum() <= 2 * 16


def freeze_stages(subject, value):
    """The first convolution, which the default leaves as it is, learns."""
    subject.stage.build()
    trunk = subject.stage.detector.extractor.trunk
    assert len(trunk.trainable_weights) == len(trunk.weights) == 6 and tf.is_tensor(trunk.weights[0].value)


LOW = ["--positive-iou=0.3"]
FINETUNE = {
    "fit.patience": Row(3, patience),
    "augment.mirror": Row(False, mirror, ["--batch=1", "--jitter=0"]),
    "augment.jitter": Row(0.5, jitter, ["--batch=1"]), "augment.jitter_shorter": Row((130, 140), jitter_shorter,
                                                                                     ["--batch=1"]),
    "augment.brightness": Row(0.5, recoloured(brightness), ONE),
    "augment.contrast": Row(0.5, recoloured(contrast), ONE),
    "augment.saturation": Row(0.7, recoloured(saturation), ONE),
    "losses.anchors.positive": Row(0.5, anchor_rule(positive=0.5)),
    "losses.anchors.negative": Row(0.1, anchor_rule(negative=0.1)),
    "losses.anchors.best_anchor": Row(False, anchor_rule(best=False)),
    "losses.anchors.count": Row(13, anchors_drawn),
    "losses.anchors.positive_fraction": Row(0.25, anchor_fraction, [*LOW, "--samples=8"]),
    "losses.proposals.before": Row(2, candidates("before")), "losses.proposals.after": Row(3, candidates("after")),
    "losses.regions.count": Row(11, regions_drawn),
    "losses.regions.positive_fraction": Row(1.0, region_fraction, ["--regions=8", "--foreground-iou=0.2"]),
    "losses.regions.foreground": Row(0.3, region_rule(foreground=0.3)),
    "losses.regions.background": Row((0.1, 0.3), region_rule(low=0.1, high=0.3)),
    "losses.rpn.box_weight": Row(3.0, rpn_box_loss(3.0, 1 / 9)), "losses.rpn.beta": Row(0.5, rpn_box_loss(1.0, 0.5)),
    "losses.rpn.distance": Row("mse", rpn_box_loss(1.0, 1 / 9, squares)),
    "losses.head.beta": Row(0.05, head_beta),
    "losses.sample_over": Row("batch", sample_over, ["--regions=16", "--batch=2"]),
    "freeze_stages": Row(0, freeze_stages),
}
