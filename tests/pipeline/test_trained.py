import dataclasses
import math

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files import to_json
from frcnn_keras.pipeline.trained import Trained, read_trained, seconds_table, summary

METRICS = {"coco": {"AP": 0.5712, "AP50": 0.905, "AP75": 0.66, "AR100": 0.7}, "voc07": {"mAP": 0.8},
           "voc10": {"mAP": 0.9}, "images": 72,
           "per_class": {"cat": {"objects": 3, "AP": 0.5, "AP50": 0.9, "voc07": 0.8, "voc10": 0.8}}}
TRAINED = Trained("work/run", ("VOC",), {"train": ("--voc", "DIR")}, 0.2, {"rpn": "4 epochs"}, "val", METRICS,
                  {"start-up": 5.04, "backbone": 14.96}, "work/run/detections.jpg")


def test_the_parts_add_up():
    assert seconds_table(TRAINED.seconds).splitlines() == [
        "backbone     15.0 s    75 %", "start-up      5.0 s    25 %", "together     20.0 s"]


@pytest.mark.parametrize("words", [
    "scores on the val images:", "AP 0.571   AP50 0.905", "detector   work/run/detector.keras",
    "predict --run work/run --images photos --out work/run/drawn", "export --run work/run --out work/serving/run",
    "picture    work/run/detections.jpg"])
def test_what_a_person_reads(words):
    assert words in summary(TRAINED, "photos")


def test_names_with_blanks_are_quoted():
    lines = summary(dataclasses.replace(TRAINED, run="work/my run"), "my photos")
    assert "predict --run 'work/my run' --images 'my photos' --out 'work/my run/drawn'" in lines
    assert "export --run 'work/my run' --out 'work/serving/my run'" in lines


def test_what_was_written_is_read(tmp_path):
    """NaN, which JSON has not, too."""
    undefined = {**METRICS, "coco": {**METRICS["coco"], "AP75": math.nan}}
    trained = dataclasses.replace(TRAINED, metrics=undefined)
    (tmp_path / "t.json").write_text(to_json(dataclasses.asdict(trained)))
    found = read_trained(tmp_path / "t.json")
    assert math.isnan(found.metrics["coco"].pop("AP75")) and undefined["coco"].pop("AP75")
    assert found == trained and "AP75 -" in summary(read_trained(tmp_path / "t.json"), "x")


@pytest.mark.parametrize("text", ["[]", "{}", '{"run": "r"}'])
def test_what_is_damaged_is_told(text, tmp_path):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(InputError, match="damaged"):
        read_trained(tmp_path / "t.json")


def test_its_lines_fit_into_80_columns_but_for_commands():
    lines = summary(TRAINED, "photos").splitlines()
    assert max(len(line) for line in lines if "frcnn_keras" not in line) <= 80


def test_in_a_notebook():
    assert repr(TRAINED) == "Trained('work/run': AP 0.571, AP50 0.905 on 72 val images; 20 s)"
