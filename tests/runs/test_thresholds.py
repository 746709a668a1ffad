import dataclasses
import json

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.judging import RIGHT, THRESHOLDS, WRONG, Judged
from frcnn_keras.evaluation.thresholds import choose, together
from frcnn_keras.runs.detector import load
from frcnn_keras.runs.evaluated import Evaluated, EvaluatedImage
from frcnn_keras.runs.thresholds import (
    ENOUGH,
    SMALL,
    Stored,
    of_judged,
    read_thresholds,
    store,
    stored_thresholds,
    table,
    thresholds_of,
)


def judged(count, seed=0):
    draw = np.random.default_rng(seed)
    scores = np.sort(draw.random(count))[::-1]
    outcomes = np.where(draw.random(count) < scores, RIGHT, WRONG)
    return Judged(np.arange(count) % 3, scores, np.tile(outcomes, (len(THRESHOLDS), 1)),
                  np.bincount(np.arange(count) % 3))


MANY, FEW = judged(200), judged(ENOUGH - 1, 1)


def test_a_class_with_few_objects_takes_all_classes():
    chosen = of_judged("data", ("cat", "dog"), (MANY, FEW), ENOUGH)
    assert [one.pooled for one in chosen.classes] == [False, True]
    assert chosen.scores == (choose(MANY).score, choose(together([MANY, FEW])).score) and chosen.images == 3
    assert f"dog: {ENOUGH - 1} objects, fewer than {ENOUGH}; all classes chose together" in table(chosen)


def test_small_boxes_take_all_classes_and_a_line_says_so():
    chosen = of_judged("data", ("cat", "dog"), (MANY, FEW), ENOUGH)
    assert chosen.small.threshold == choose(together([MANY, FEW])) != chosen.classes[0].threshold
    told = f"boxes below 32 x 32 pixels: {chosen.small.threshold.score:.3f}, which all classes chose together"
    assert table(chosen).splitlines()[-1] == told
    few = table(of_judged("data", ("cat", "dog"), (MANY, FEW), ENOUGH - 1)).splitlines()
    assert few[-2:] == [told, f"objects below 32 x 32 pixels: {ENOUGH - 1}, too few to tell how well those are found"]


def test_small_objects_are_counted_by_their_boxes():
    boxes = np.array([(0, 0, 32, 32), (0, 0, 32, 31.9), (0, 0, 10, 10), (0, 0, 9, 9)], float)
    one = EvaluatedImage(1, 1, "", 99, 99, 1, np.arange(4), boxes, np.array([1, 1, 2, 2]),
                         np.array([False, False, False, True]))
    assert thresholds_of(Evaluated("data", ("cat", "dog"), (1, 2), (one,))).small.objects == 2


def test_the_table_is_80_letters_wide():
    names = ("a name that is longer than any column", "dog")
    text = table(of_judged("a data set with a long name " * 4, names, (MANY, FEW), 10**6, 1.0))
    assert max(map(len, text.splitlines())) <= 80
    text = table(of_judged("data", names, (MANY, FEW), ENOUGH - 1))
    assert max(map(len, text.splitlines())) <= 80


def test_stored_and_read(tmp_path):
    chosen = of_judged("data", ("cat", "dog"), (MANY, FEW), ENOUGH)
    for _ in range(2):
        store(tmp_path, chosen)
    assert read_thresholds(tmp_path) == chosen
    pooled = choose(together([MANY, FEW])).score
    assert stored_thresholds(tmp_path, ("cat", "dog")) == Stored(chosen.scores, pooled, SMALL)
    written = json.loads((tmp_path / "thresholds.json").read_text())["small"]
    assert (written["area"], written["objects"], written["threshold"]["score"]) == (1024, ENOUGH, pooled)
    with pytest.raises(InputError, match="the detector's are cat, cow"):
        stored_thresholds(tmp_path, ("cat", "cow"))
    value = json.loads((tmp_path / "thresholds.json").read_text())
    value["classes"][0]["threshold"]["score"] = 0.1
    (tmp_path / "thresholds.json").write_text(json.dumps(value))
    with pytest.raises(InputError, match="damaged"):
        stored_thresholds(tmp_path, ("cat", "dog"))
    with pytest.raises(InputError, match="is there already"):
        store(tmp_path, chosen)


def test_what_is_undefined_stays_so(tmp_path):
    nothing = Judged(np.zeros(0, int), np.zeros(0), np.zeros((len(THRESHOLDS), 0), np.int8), np.zeros(3, int))
    store(tmp_path, of_judged("data", ("cat",), (nothing,), 0, .9))
    (one,) = read_thresholds(tmp_path).classes
    assert np.isnan([one.threshold.precision, one.threshold.low]).all() and not one.threshold.reached


def test_none_there(tmp_path):
    assert read_thresholds(tmp_path) is None
    with pytest.raises(InputError, match="thresholds.json: not found.*thresholds --run"):
        stored_thresholds(tmp_path, ("cat",))


def test_a_detector_with_a_threshold_for_each_class(hand_detector, tmp_path):
    from frcnn_keras.models.saving import save_model

    names = hand_detector.class_names
    save_model(hand_detector, tmp_path / "detector.keras")
    plain = load(tmp_path, score_threshold=0.0)
    picture = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)
    everything = plain.predict(picture)[0]
    chosen = of_judged("data", names, (MANY,) * len(names), 0)
    first = dataclasses.replace(chosen.classes[0].threshold, score=1.0)  # nothing of the first class
    others = [dataclasses.replace(one, threshold=dataclasses.replace(one.threshold, score=0.0))
              for one in chosen.classes[1:]]
    anything = dataclasses.replace(chosen.small, threshold=others[0].threshold if others else first, area=0)
    store(tmp_path, dataclasses.replace(
        chosen, classes=(dataclasses.replace(chosen.classes[0], threshold=first), *others), small=anything))
    found = load(tmp_path, score_threshold="best")
    kept = everything[everything.labels != 1]
    assert len(everything) > len(kept) or not (everything.labels == 1).any()
    detected = found.predict(picture)[0]
    np.testing.assert_array_equal(detected.labels[:len(kept)], kept.labels[:len(detected)])
    assert not (detected.labels == 1).any()
    assert found.model.detecting.class_thresholds == (1.0,) + (0.0,) * (len(names) - 1)
    assert (found.model.detecting.small_area, found.model.detecting.small_threshold) == (0.0, anything.threshold.score)
    with pytest.raises(InputError, match="must be a number or best"):
        load(tmp_path, score_threshold="bets")
