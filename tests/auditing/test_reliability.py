import dataclasses

import numpy as np
import pytest

from frcnn_keras.auditing.calibration import logit
from frcnn_keras.auditing.find import find
from frcnn_keras.auditing.reliability import ENOUGH, reliabilities
from tests.auditing.by_hand import audited, image, plain_fold

BOX = (10, 10, 60, 50)


def images(score, right, wrong, fold=1, first=1):
    """`right` images with an object that is found, `wrong` ones in which nothing is labelled."""
    return [image([(*BOX, 1)] if number < right else (), [(*BOX, 1, score)], number=first + number, fold=fold,
                  first=first + number) for number in range(right + wrong)]


def test_bins_by_hand():
    """A fold that takes scores as they are: 15 of 20 at .72, 1 of 10 at .35; at .55 there are too few."""
    audit = find(audited(*images(.72, 15, 5), *images(.35, 1, 9, first=100), *images(.55, 4, ENOUGH - 5, first=200)))
    audit = dataclasses.replace(audit, folds={1: plain_fold()})
    found = reliabilities(audit)
    for curve in (found.scores, found.calibrated, found.folds[1]):
        assert curve.said == pytest.approx([.35, .72]) and curve.seen == pytest.approx([.1, .75])
        assert curve.counts == (10, 20)


def test_calibration_brings_it_to_the_diagonal():
    """Each fold's own: one is right as often as it says, the other is much too sure."""
    rng = np.random.default_rng(0)
    parts = []
    for fold, less in ((1, 0.0), (2, 2.0)):
        for number, score in enumerate(rng.uniform(.05, .95, 600), 1):
            chance = 1 / (1 + np.exp(less - logit(score)))
            parts += images(score, *((1, 0) if rng.random() < chance else (0, 1)), fold, 1000 * fold + number)
    found = reliabilities(find(audited(*parts)))
    gap = {name: np.average(np.abs(np.subtract(curve.said, curve.seen)), weights=curve.counts) for name, curve in
           (("scores", found.scores), ("calibrated", found.calibrated), ("second", found.folds[2]))}
    assert gap["scores"] > 2.5 * gap["calibrated"] and gap["second"] < .07, gap
    assert sum(found.scores.counts) == 1200


def test_nothing():
    found = reliabilities(find(audited()))
    assert found.scores.said == () and found.folds == {}
