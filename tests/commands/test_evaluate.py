import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from frcnn_keras.commands import evaluate
from frcnn_keras.commands.evaluate import build_parser
from frcnn_keras.evaluation.judging import Judged
from frcnn_keras.files.ledger import NAME
from frcnn_keras.models.saving import save_model
from frcnn_keras.runs.thresholds import of_judged, store
from tests.bright_pictures import encoded, picture


@pytest.fixture
def run(hand_detector, tmp_path):
    """A run folder, and in set.csv two images: in one the object that the detector finds, in the other none is."""
    save_model(hand_detector, tmp_path / "detector.keras")
    (tmp_path / "a.png").write_bytes(encoded(picture()))
    (tmp_path / "b.png").write_bytes(encoded(picture(40)))
    (tmp_path / "set.csv").write_text("a.png,20,9,36,25,two\nb.png,1,1,9,9,one\n")
    return tmp_path


def evaluated(run, *flags):
    return evaluate.run(["--run", str(run), "--csv", str(run / "set.csv"), *flags])


def test_what_it_writes_and_prints(run, capsys):
    assert evaluated(run) == 0
    out = run / "evaluation"
    assert {path.name for path in out.iterdir()} == {"metrics.json", "ground_truth.json", "detections.json",
                                                  "precision_recall.png", NAME}
    table = capsys.readouterr().out
    assert "AP50" in table and "two" in table
    records = json.loads((out / "detections.json").read_text())
    assert [record["category_id"] for record in records] == [2, 2]
    np.testing.assert_allclose(records[0]["bbox"], [19.6, 9.2, 16, 16], atol=1e-3)
    assert json.loads((out / "metrics.json").read_text())["per_class"]["one"]["AP50"] == 0


def of_pycocotools(folder):
    """AP of the two files in a folder."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / "ground_truth.json"))
        evaluation = COCOeval(truth, truth.loadRes(str(folder / "detections.json")), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def test_pycocotools_loads_both_files_and_finds_the_same(run):
    """Of the three objects of `two` one is difficult, and the detector finds that and another: half the objects."""
    (run / "c.png").write_bytes(encoded(picture()))
    (run / "set.csv").write_text("path,x1,y1,x2,y2,class,difficult\na.png,20,9,36,25,two,0\nb.png,1,1,9,9,one,0\n"
                                 "b.png,36,9,52,25,two,1\nc.png,40,30,56,46,two,0\n")
    assert evaluated(run) == 0
    metrics = json.loads((run / "evaluation" / "metrics.json").read_text())["coco"]
    assert 0 < metrics["AP"] < 0.5
    stats = of_pycocotools(run / "evaluation")
    names = ("AP", "AP50", "AP75", "AP_small")
    np.testing.assert_allclose([metrics[name] for name in names], stats[:4], atol=1e-6)
    truth = json.loads((run / "evaluation" / "ground_truth.json").read_text())
    assert [(entry["id"], entry["file_name"]) for entry in truth["images"]] == [
        (1, "a.png"), (2, "b.png"), (3, "c.png")]


def test_ids_of_coco_are_kept(run):
    truth = {"images": [{"id": 70, "file_name": "b.png"}, {"id": 9, "file_name": "a.png"}],
             "categories": [{"id": 4, "name": "one"}, {"id": 17, "name": "two"}],
             "annotations": [{"id": 1, "image_id": 9, "category_id": 17, "bbox": [20, 9, 16, 16]},
                             {"id": 2, "image_id": 70, "category_id": 17, "bbox": [0, 0, 64, 48], "iscrowd": 1}]}
    (run / "own.json").write_text(json.dumps(truth))
    assert evaluate.run(["--run", str(run), "--coco", str(run), str(run / "own.json")]
                        ) == 0
    written = json.loads((run / "evaluation" / "ground_truth.json").read_text())
    assert {(entry["id"], entry["file_name"]) for entry in written["images"]} == {(70, "b.png"), (9, "a.png")}
    assert written["categories"] == truth["categories"]
    assert {(entry["image_id"], entry["category_id"], entry["iscrowd"]) for entry in written["annotations"]} == {
        (9, 17, 0), (70, 17, 1)}
    assert {(entry["image_id"], entry["category_id"]) for entry in
            json.loads((run / "evaluation" / "detections.json").read_text())} == {(9, 17), (70, 17)}
    metrics = json.loads((run / "evaluation" / "metrics.json").read_text())["coco"]
    assert 0 < metrics["AP"] == pytest.approx(of_pycocotools(run / "evaluation")[0])


def test_json_is_what_is_written_and_out_is_where(run, capsys):
    assert evaluated(run, "--json", "--out", str(run / "there")) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((run / "there" / "metrics.json").read_text())
    assert not (run / "evaluation").exists()


@pytest.mark.parametrize("flags, count", [((), 2), (("--score-threshold", "0.9999"), 0)])
def test_flags_reach_the_detector(flags, count, run):
    assert evaluated(run, *flags) == 0
    assert len(json.loads((run / "evaluation" / "detections.json").read_text())) == count


def test_what_the_run_says_is_the_default():
    args = build_parser().parse_args(["--run", "r", "--shapes", "3"])
    assert (args.score_threshold, args.nms, args.max_detections, args.precision, args.out) == (None,) * 5


def test_its_own_results_are_replaced_and_nobody_elses(run, capsys):
    assert evaluated(run) == evaluated(run) == 0
    (run / "mine").mkdir()
    (run / "mine" / "detections.json").write_text("my annotations")
    capsys.readouterr()
    assert evaluated(run, "--out", str(run / "mine")) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and str(run / "mine" / "detections.json") in error
    assert {path.name: path.read_text() for path in (run / "mine").iterdir()} == {"detections.json": "my annotations"}


@pytest.mark.parametrize("out", ["set.csv", "a.png"])
def test_an_out_that_is_a_file(out, run, capsys):
    before = (run / out).read_bytes()
    assert evaluated(run, "--out", str(run / out)) == 2 and (run / out).read_bytes() == before
    assert "is no folder" in capsys.readouterr().err


def test_intervals_and_a_comparison_with_another_run(run, hand_detector, capsys):
    """The other run has a threshold that nothing passes: on these images this one is better in every draw in which the
    object is."""
    (run / "other").mkdir()
    hand_detector.detecting = hand_detector.detecting.changed(0.999, None, None)
    save_model(hand_detector, run / "other" / "detector.keras")
    assert evaluated(run, "--interval", "--compare", str(run / "other")) == 0
    table = capsys.readouterr().out
    assert "95 % intervals of 1000 draws" in table and f"less {run / 'other'} on the same images" in table
    metrics = json.loads((run / "evaluation" / "metrics.json").read_text())
    of_two = metrics["per_class"]["two"]["AP50"]
    interval = metrics["interval"]["per_class"]["two"]["AP50"]
    assert interval["low"] <= of_two == 1 <= interval["high"] == 1
    entry = metrics["comparison"]["per_class"]["two"]["AP50"]
    assert entry["difference"] == of_two and entry["better"] == 1
    assert metrics["comparison"]["run"] == str(run / "other")
    assert evaluated(run) == 0
    assert not {"interval", "comparison"} & set(json.loads((run / "evaluation" / "metrics.json").read_text()))


def test_both_runs_say_their_thresholds(run, hand_detector, capsys):
    (run / "other").mkdir()
    for place, score in ((run, 0.25), (run / "other", 0.375)):
        save_model(hand_detector, place / "detector.keras")
        one = Judged(np.zeros(1, int), np.array([score + 1e-4]), np.ones((10, 1), int), np.array([30]))
        store(place, of_judged("data", hand_detector.class_names, [one] * len(hand_detector.class_names), 0))
    assert evaluated(run, "--compare", str(run / "other"), "--score-threshold", "best") == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("score thresholds")]
    assert len(told) == 2 and told[0].startswith("score thresholds: one 0.250") and "0.375" in told[1]
    assert told[1].startswith(f"score thresholds of {run / 'other'}: ")


def test_compare_needs_a_run(run, capsys):
    assert evaluated(run, "--compare", str(run / "none")) == 2
    assert "holds no detector.keras" in capsys.readouterr().err
