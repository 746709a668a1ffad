"""The command, and the detector that takes what it chose."""

import json

import cv2
import numpy as np
import pytest

from frcnn_keras.commands import predict, thresholds
from frcnn_keras.models.saving import save_model
from tests.detectors import hand_made


@pytest.fixture
def run(tmp_path, hand_detector):
    """RUN with a detector, evaluated on 30 pictures with an object of the first class each: found with .9, and wrongly
    beside it with .4."""
    names = hand_detector.class_names
    images = [{"id": n, "file_name": f"{n}.png", "height": 100, "width": 200} for n in range(1, 31)]
    box, wrong = [10, 20, 60, 40], [100, 20, 60, 40]
    labels = [{"id": n, "image_id": n, "category_id": 1, "bbox": box, "iscrowd": 0} for n in range(1, 31)]
    found = [{"image_id": n, "category_id": 1, "bbox": place, "score": score}
             for n in range(1, 31) for place, score in ((box, 0.9), (wrong, 0.4))]
    (tmp_path / "run/evaluation").mkdir(parents=True)
    truth = {"images": images, "annotations": labels,
             "categories": [{"id": n, "name": name} for n, name in enumerate(names, 1)]}
    (tmp_path / "run/evaluation/ground_truth.json").write_text(json.dumps(truth))
    (tmp_path / "run/evaluation/detections.json").write_text(json.dumps(found))
    save_model(hand_detector, tmp_path / "run/detector.keras")
    return tmp_path / "run"


def test_chosen_stored_and_taken(run, hand_detector, capsys):
    assert thresholds.run(["--run", str(run)]) == 0
    told = capsys.readouterr().out
    *lines, path, _ = told.splitlines()
    assert max(map(len, lines)) <= 80 and "best F1" in told and path == str(run / "thresholds.json")
    first, *others = json.loads((run / "thresholds.json").read_text())["classes"]
    assert first["threshold"]["score"] == pytest.approx(0.65) and first["threshold"]["f1"] == 1
    assert all(one["pooled"] for one in others)
    small = json.loads((run / "thresholds.json").read_text())["small"]
    assert (small["area"], small["objects"]) == (1024, 0) and small["threshold"]["score"] == pytest.approx(0.65)
    assert "boxes below 32 x 32 pixels: 0.650" in told
    cv2.imwrite(str(run / "a.png"), np.zeros((64, 80, 3), np.uint8))
    flags = ["--run", str(run), "--images", str(run / "a.png"), "--out", str(run / "drawn"), "--no-draw"]
    assert predict.run([*flags, "--score-threshold", "best"]) == 0
    said = capsys.readouterr().err
    assert f"score thresholds: {hand_detector.class_names[0]} 0.650" in said
    assert "; boxes of less than 1024 pixels 0.650" in said


def test_for_another_run(run, capsys):
    (run.parent / "other").mkdir()
    assert thresholds.run(["--run", str(run), "--for", str(run.parent / "other"), "--precision", "0.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["precision"] == 0.5
    assert (run.parent / "other/thresholds.json").exists() and not (run / "thresholds.json").exists()


def test_what_is_wrong_is_said_in_a_line(run, capsys):
    flags = ["--run", str(run), "--images", str(run), "--out", str(run / "drawn"), "--score-threshold"]
    cv2.imwrite(str(run / "a.png"), np.zeros((64, 80, 3), np.uint8))
    assert predict.run([*flags, "best"]) == 2
    assert "thresholds.json: not found" in capsys.readouterr().err
    assert predict.run([*flags, "2"]) == 2
    assert thresholds.run(["--run", str(run), "--precision", "0"]) == 2
    assert thresholds.run(["--run", str(run), "--for", str(run / "none")]) == 2
    assert "there is no such run" in capsys.readouterr().err
    assert thresholds.run(["--run", str(run.parent)]) == 2


def test_for_a_run_of_other_classes(run, capsys):
    other = run.parent / "other"
    other.mkdir()
    save_model(hand_made(class_names=("two", "one")), other / "detector.keras")
    assert thresholds.run(["--run", str(run), "--for", str(other)]) == 2
    assert "other: its detector has the classes two, one, the evaluation is of one, two" in capsys.readouterr().err
    assert not (other / "thresholds.json").exists()
    assert thresholds.run(["--run", str(run / "none")]) == 2
    assert "--run" in capsys.readouterr().err
    (other / "detector.keras").write_text("none")
    assert thresholds.run(["--run", str(run), "--for", str(other)]) == 2
    assert "detector.keras: is no detector of this package" in capsys.readouterr().err
    assert thresholds.run(["--run", str(run)]) == 0  # its own


def test_what_evaluate_wrote_is_no_run(run, capsys):
    assert thresholds.run(["--run", str(run / "evaluation")]) == 2
    assert "evaluation: is what evaluate wrote, no run; name the run" in capsys.readouterr().err
    assert not (run / "evaluation" / "thresholds.json").exists()
    assert thresholds.run(["--run", str(run / "evaluation"), "--for", str(run)]) == 0
    assert (run / "thresholds.json").exists()
