import hashlib
import json
import re

import numpy as np
import pytest

import frcnn_keras
from frcnn_keras.__main__ import main
from frcnn_keras.pictures.drawing import save_image
from frcnn_keras.settings import options
from frcnn_keras.torchvision.coco_classes import COCO_NAMES
from tests.rule_weights import reference, weights_of

pytestmark = pytest.mark.slow

MODEL = "fasterrcnn_mobilenet_v3_large_320_fpn"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights by rule, in a file of the name that tells the model."""
    path = tmp_path_factory.mktemp("weights") / f"{MODEL}-907ea3f9.npz"
    np.savez(path, **weights_of(reference("fasterrcnn_mobilenet_v3_large_fpn")))
    return path


def test_a_run_folder_like_any_other(weights, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["import-torchvision", str(weights), "--out", str(out)]) == 0
    assert f"{MODEL}, 90 labels, images of 320 to 640 pixels" in capsys.readouterr().out
    facts = json.loads((out / "import.json").read_text())
    assert sorted(path.name for path in out.iterdir()) == ["detector.keras", "import.json"]
    assert facts["model"] == MODEL and facts["file"] == weights.name and facts["coco_ap"] is None
    assert facts["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    detector = frcnn_keras.load(out)
    assert detector.class_names == COCO_NAMES and detector.category_ids == tuple(range(1, 91))
    assert facts["settings"] == options.to_dict(detector.model.settings)
    image = reference("fasterrcnn_mobilenet_v3_large_fpn")["image0"]
    expected = frcnn_keras.load_torchvision(weights, MODEL).predict(image)[0]
    found = detector.predict(image)[0]
    assert len(found) == len(expected) > 0 and found.names == expected.names
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)
    capsys.readouterr()
    picture = tmp_path / "picture.png"
    save_image(picture, image)
    # export compares what the graph loader gives with predict's detections, and fails where they differ
    assert main(["export", "--run", str(out), "--out", str(tmp_path / "served"), "--check-image", str(picture)]) == 0
    assert int(re.search(r"as predict: (\d+) detections", capsys.readouterr().err)[1]) > 100


def test_some_classes_and_other_sizes(weights, tmp_path):
    out = tmp_path / "run"
    assert main(["import-torchvision", str(weights), "--out", str(out), "--classes", "dog, person", "--min-size", "200",
                 "--max-size", "300"]) == 0
    detector = frcnn_keras.load(out)
    assert detector.class_names == ("dog", "person") and detector.category_ids == (18, 1)
    assert (detector.model.preparing.shorter, detector.model.preparing.longer) == (200, 300)


@pytest.mark.parametrize("flags, words", [
    (["--model", "fasterrcnn_resnet50_fpn"], "missing"), (["--classes", "dragon"], "no class 'dragon'"),
    (["--min-size", "0"], "--min-size"), (["--class-names", "a,b"], "90 classes")])
def test_what_does_not_fit_is_one_line(weights, flags, words, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["import-torchvision", str(weights), "--out", str(out), *flags]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not out.exists()


def test_a_detector_that_is_there_is_not_replaced_unasked(weights, tmp_path, capsys):
    argv = ["import-torchvision", str(weights), "--out", str(tmp_path / "run")]
    assert main([*argv, "--classes", "dog"]) == 0
    before = (tmp_path / "run" / "detector.keras").read_bytes()
    assert main(argv) == 2
    assert "--overwrite" in capsys.readouterr().err and (tmp_path / "run" / "detector.keras").read_bytes() == before
    (tmp_path / "run" / "notes.txt").write_text("mine")
    assert main([*argv, "--overwrite"]) == 0
    assert (tmp_path / "run" / "detector.keras").read_bytes() != before
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["detector.keras", "import.json"])
def test_what_somebody_else_made_is_not_replaced(name, tmp_path, capsys):
    (tmp_path / name).write_bytes(b"mine")
    assert main(["import-torchvision", "a.pth", "--out", str(tmp_path), "--overwrite"]) == 2
    assert name in capsys.readouterr().err and (tmp_path / name).read_bytes() == b"mine"


def test_a_file_that_is_missing(tmp_path, capsys):
    assert main(["import-torchvision", str(tmp_path / "a.pth"), "--out", str(tmp_path / "run")]) == 2
    assert "a.pth" in capsys.readouterr().err
