"""Flags of the minibatches that `prep` draws: what is in the records of two images with one object each."""


from frcnn_keras.data import records
from tests.effects.given import iou
from tests.effects.rows import Row

ALL = ["--samples=4096", "--no-mirror"]  # every anchor that may be drawn is
LOW = ["--positive-iou=0.2", "--negative-iou=0.1", "--no-mirror"]  # six anchors and more are positive


def draws(view, draw=0):
    """[(index, label)] of each image's drawn anchors."""
    found = []
    for span in view.prep.minibatch_spans:
        parsed = records.parse_minibatch(span.read(), draw)
        labels = parsed["labels"].numpy()
        found.append([(int(i), int(label)) for i, label in zip(parsed["indices"].numpy(), labels) if label >= 0])
    return found


def labelled_by_iou(view, positive, negative, best=True):
    """The labels of all anchors inside, by loops: {index: label} of each image."""
    (anchors,) = view.geometry.anchors([level.shape[:2] for level in view.maps(0)])
    wanted = []
    for example in view.dataset.examples:
        overlaps = {i: iou(anchor, example.boxes[0]) for i, anchor in enumerate(anchors.numpy().astype(float))
                    if anchor[0] >= 0 and anchor[1] >= 0 and anchor[2] <= 80 and anchor[3] <= 64}
        most = max(overlaps.values())
        wanted.append({i: 1 if overlap >= positive or (best and overlap > most - 1e-5) else 0
                       for i, overlap in overlaps.items()
                       if overlap >= positive or overlap < negative or (best and overlap > most - 1e-5)})
    return wanted


def by_thresholds(positive=0.7, negative=0.3, best=True):
    def check(view, value):
        wanted = labelled_by_iou(view, positive, negative, best)
        assert [dict(found) for found in draws(view)] == wanted
        assert wanted != labelled_by_iou(view, 0.7, 0.3)  # by the defaults it would be others

    return check


def count(view, value):
    parsed = records.parse_minibatch(view.prep.minibatch_spans[0].read(), 0)
    assert parsed["indices"].shape == parsed["labels"].shape == (value,)


def positive_fraction(view, value):
    assert [sum(label for _, label in found) for found in draws(view)] == [int(8 * value)] * 2


def number_of_draws(view, value):
    found = [draws(view, draw) for draw in range(value + 1)]
    assert found[value] == found[0] and all(one != other for n, one in enumerate(found[:value]) for other in found[:n])


def mirror(view, value):
    assert len(view.prep.feature_spans) == len(view.prep.minibatch_spans) == 2
    assert not view.prep.features.mirror


def seed(view, value):
    """Other draws than of the default seed, of the same anchors."""
    plain = view.given.prep_of(["--no-mirror"])
    assert all(one != other for one, other in zip(draws(view), draws(plain), strict=True))


PREP = {
    "minibatches.positive": Row(0.5, by_thresholds(positive=0.5), ALL),
    "minibatches.negative": Row(0.1, by_thresholds(negative=0.1), ALL),
    "minibatches.best_anchor": Row(False, by_thresholds(best=False), ALL),
    "minibatches.count": Row(12, count), "minibatches.positive_fraction": Row(0.25, positive_fraction,
                                                                              [*LOW, "--samples=8"]),
    "minibatches.draws": Row(3, number_of_draws), "mirror": Row(False, mirror), "seed": Row(7, seed, ["--no-mirror"]),
}
