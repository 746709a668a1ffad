import json

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.reporting.doubts import SHOWN, read_doubts, show_doubts
from frcnn_keras.reporting.report import write_report
from tests.reporting.evaluated_run import NASTY, write_run
from tests.reporting.pictures_by_hand import drawn_at_random, picture

ONE = {"kind": "wrong_class", "image": "a", "file": "a.jpg", "box": [1, 2, 11, 12], "label": "cat", "suggested": "dog",
       "score": 0.9}
MISSING = {**ONE, "kind": "missing", "image": 7, "file": "7.jpg", "label": None}


def written(folder, entries):
    (folder / "audit.json").write_text(json.dumps(entries))
    return folder


def test_what_is_read_and_shown(tmp_path):
    doubts = read_doubts(written(tmp_path, [ONE, MISSING, {**ONE, "file": "unknown", "image": "x"}]))
    assert [one.label for one in doubts] == ["cat", "", "cat"] and read_doubts(tmp_path / "audit.json") == doubts
    images = [picture([(1, 1, 2, 11, 12)], [], id=1), picture([], [], id=7, file="cam/7.jpg")]
    shown = show_doubts(doubts, images, lambda one: np.zeros((one.height, one.width, 3), np.uint8))
    assert [one.caption for one in shown] == ["1: 0.90 wrong class, labelled cat, suggested dog",
                                              "2: 0.90 no label, suggested dog"]
    assert [one.boxes[-1].role for one in shown] == ["label", "found"] and all(one.picture for one in shown)


def test_the_first_of_many(tmp_path):
    doubts = read_doubts(written(tmp_path, [ONE] * 50))
    shown = show_doubts(doubts, [picture([], [])], lambda one: np.zeros((100, 100, 3), np.uint8))
    assert len(shown) == SHOWN


def test_they_are_in_the_report(tmp_path):
    run = write_run(tmp_path / "run", drawn_at_random(1))
    written(tmp_path, [{**ONE, "file": "1.jpg", "label": NASTY}] * 30)
    text = write_report(run, audit=tmp_path).read_text()
    assert "30 findings, whose probabilities add up to 27 errors" in text and text.count("0.90 wrong class") >= SHOWN
    assert "<td>wrong class</td><td>27</td><td>30</td><td>30</td>" in text
    assert NASTY not in text and 'href="#doubts"' in text


@pytest.mark.parametrize("entries", [[{}], [3], {"a": 1}, [{**ONE, "box": [1, 2]}], [{**ONE, "score": "x"}]])
def test_damage_is_one_line(tmp_path, entries):
    with pytest.raises(InputError, match="audit"):
        read_doubts(written(tmp_path, entries))
