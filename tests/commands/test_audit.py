"""The command, from the files of an evaluation to findings, crops and corrected labels."""

import csv
import json

import cv2
import numpy as np
import pytest

from frcnn_keras.commands import audit
from frcnn_keras.errors import command
from frcnn_keras.readers.coco import read_coco

CLASSES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]


@pytest.fixture
def run(tmp_path):
    """RUN of 30 pictures with a cat each, well found; in picture 30 it is not labelled, in picture 29 it is a dog."""
    images = [{"id": n, "file_name": f"{n:02}.png", "height": 100, "width": 200} for n in range(1, 31)]
    labels = [{"id": n, "image_id": n, "category_id": 1 + (n == 29), "bbox": [n, 20, 60, 40], "area": 2400,
               "iscrowd": 0} for n in range(1, 30)]
    found = [{"image_id": n, "category_id": 1, "bbox": [n, 20, 60, 40], "score": 0.98} for n in range(1, 31)]
    (tmp_path / "run" / "evaluation").mkdir(parents=True)
    truth = {"info": {"description": "cats"}, "images": images, "annotations": labels, "categories": CLASSES}
    (tmp_path / "run/evaluation/ground_truth.json").write_text(json.dumps(truth))
    (tmp_path / "run/evaluation/detections.json").write_text(json.dumps(found))
    (tmp_path / "run/folds.json").write_text(json.dumps(
        [{"id": f"{n:02}.png", "image_id": n, "fold": 1 + n % 2} for n in range(1, 31)]))
    (tmp_path / "pictures").mkdir()
    for n in range(1, 31):
        cv2.imwrite(str(tmp_path / "pictures" / f"{n:02}.png"), np.full((100, 200, 3), 120, np.uint8))
    return tmp_path / "run"


def call(run, *more):
    return audit.run(["--run", str(run), "--out", str(run.parent / "out"), *more])


def test_findings_and_crops(run, capsys):
    assert call(run, "--images", str(run.parent / "pictures")) == 0
    out = run.parent / "out"
    found = json.loads((out / "audit.json").read_text())
    assert {(one["kind"], one["image"], one["label"], one["suggested"]) for one in found[:2]} == {
        ("missing", "30.png", None, "cat"), ("wrong_class", "29.png", "dog", "cat")}
    assert next(one for one in found if one["kind"] == "missing")["box"] == [30, 20, 90, 60]
    rows = list(csv.DictReader((out / "audit.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == [one["id"] for one in found]
    assert cv2.imread(str(out / "findings-1.jpg")).shape[1] > 240
    told = capsys.readouterr()
    assert "cats: 29 objects in 30 images, 2 folds" in told.out and "dog -> cat" in told.out
    assert max(map(len, told.out.splitlines())) <= 80 and "not at hand" not in told.err
    assert told.err.splitlines()[-2:] == [
        f"audit: {out / 'audit.csv'} has them all",
        f"next: {command('audit')} --run {run} --out {out} --write voc --accept FILE"]


def test_without_pictures_it_says_so(run, capsys):
    assert call(run) == 0
    assert "is not at hand; name the data set's folder of pictures with --images DIR" in capsys.readouterr().err
    assert not (run.parent / "out" / "findings-1.jpg").exists()


def test_a_corrected_copy(run, capsys):
    assert call(run, "--write", "coco", "--min-score", "0.5") == 0
    read = read_coco(run.parent / "pictures", run.parent / "out" / "coco" / "instances.json")
    assert [example.labels.tolist() for example in read.examples] == [[1]] * 30
    assert "coco: 2 findings accepted" in capsys.readouterr().err


def test_accepted_by_a_file_and_written_again(run, capsys):
    assert call(run, "--json", "--crops", "0") == 0
    wrong = next(one for one in json.loads(capsys.readouterr().out) if one["kind"] == "wrong_class")
    (run.parent / "yes.txt").write_text(wrong["id"])
    for _ in range(2):
        assert call(run, "--write", "voc", "--accept", str(run.parent / "yes.txt")) == 0
    xml = run.parent / "out" / "voc" / "Annotations"
    assert "<name>cat</name>" in (xml / "29.xml").read_text() and "<object>" not in (xml / "30.xml").read_text()
    assert call(run, "--write", "labelstudio", "--accept", str(run.parent / "yes.txt")) == 0
    assert len(json.loads((run.parent / "out/labelstudio/tasks.json").read_text())) == 1


def test_nobody_s_files_are_written_over(run, capsys):
    xml = run.parent / "out" / "voc" / "Annotations" / "29.xml"
    xml.parent.mkdir(parents=True)
    xml.write_text("mine")
    assert call(run, "--write", "voc", "--min-score", "0.5") == 2
    assert xml.read_text() == "mine" and "is there already" in capsys.readouterr().err
    assert not (run.parent / "out" / "audit.json").exists()
    (run.parent / "out" / "audit.csv").write_text("mine too")
    assert call(run) == 2
    assert (run.parent / "out" / "audit.csv").read_text() == "mine too"


@pytest.mark.parametrize("flags, told", [
    (["--write", "coco"], "needs what is accepted"), (["--min-score", "0.5"], "say what --write accepts"),
    (["--accept", "x"], "say what --write accepts"), (["--images", "/none"], "no such folder of pictures"),
    (["--write", "coco", "--accept", "/none"], "cannot be read"),
    (["--write", "coco", "--min-score", "2"], "must be 0 to 1")])
def test_what_is_wrong_is_said_in_a_line(run, capsys, flags, told):
    assert call(run, *flags) == 2
    assert told in capsys.readouterr().err and not (run.parent / "out").exists()


def test_a_run_that_was_not_evaluated(tmp_path, capsys):
    assert audit.run(["--run", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "ground_truth.json: not found" in capsys.readouterr().err


@pytest.mark.parametrize("taken", ["voc", "voc/Annotations"])
def test_a_file_where_a_folder_is_to_be(run, capsys, taken):
    path = run.parent / "out" / taken
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    assert call(run, "--write", "voc", "--min-score", "0.5", "--crops", "0") == 2
    assert "is no folder, and cannot be written into" in capsys.readouterr().err and path.read_text() == "mine"
    assert not (run.parent / "out" / "audit.json").exists()


def test_what_an_earlier_call_wrote_and_this_one_does_not_goes(run):
    """Labels of pictures that are no more, and crops; not what a user put there or edited."""
    pictures, out = ["--images", str(run.parent / "pictures")], run.parent / "out"
    assert call(run, *pictures, "--write", "voc", "--min-score", "0.5") == 0
    written = out / "voc" / "Annotations"
    assert len(list(written.iterdir())) == 30
    (written / "mine.xml").write_text("mine")
    (written / "02.xml").write_text("edited")
    files = {name: run / "evaluation" / f"{name}.json" for name in ("ground_truth", "detections")}
    values = {name: json.loads(path.read_text()) for name, path in files.items()}
    values["ground_truth"]["images"] = values["ground_truth"]["images"][3:]  # the first three are no more
    values["ground_truth"]["annotations"] = values["ground_truth"]["annotations"][3:]
    for name, value in values.items():
        files[name].write_text(json.dumps(value if name == "ground_truth" else
                                          [one for one in value if one["image_id"] > 3]))
    assert call(run, *pictures, "--write", "voc", "--min-score", "0.5") == 0
    assert sorted(path.name for path in written.iterdir()) == [
        "02.xml", *(f"{number:02}.xml" for number in range(4, 31)), "mine.xml"]
    assert (written / "02.xml").read_text() == "edited" and (out / "findings-1.jpg").exists()
