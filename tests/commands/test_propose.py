"""propose, from a run with an RPN and no head, to pictures and proposals.json."""

import json

import cv2
import numpy as np
import pytest

import frcnn_keras
from frcnn_keras.commands import propose
from frcnn_keras.pictures.drawing import draw_detections
from tests.detectors import proposing_of
from tests.proposing_run import make_run


@pytest.fixture(scope="module")
def run(prep, tmp_path_factory):
    folder = tmp_path_factory.mktemp("command") / "run"
    make_run(folder, prep, proposing_of(100, 20))
    return folder


@pytest.fixture
def images(tmp_path, shapes):
    """A folder of two images, a wide one and a tall one."""
    (tmp_path / "images").mkdir()
    for name, example in (("a.png", shapes.examples[0]), ("b.png", shapes.examples[4])):
        (tmp_path / "images" / name).write_bytes(example.read())
    return tmp_path / "images"


def call(run, images, out, *flags):
    return propose.run(["--run", str(run), "--images", str(images), "--out", str(out), *flags])


def test_json_and_pictures(run, images, tmp_path, capsys):
    assert call(run, images, tmp_path / "out", "--draw", "2") == 0
    stored = json.loads((tmp_path / "out" / "proposals.json").read_text())
    assert [(one["image_id"], one["file"], one["height"], one["width"]) for one in stored] == [
        (1, str(images / "a.png"), 120, 156), (2, str(images / "b.png"), 150, 110)]
    for one, found in zip(stored, frcnn_keras.load_rpn(run).propose([images / "a.png", images / "b.png"]), strict=True):
        assert np.array_equal(np.float32(one["boxes"]), found.boxes)
        assert np.array_equal(np.float32(one["scores"]), found.scores)
    count = sum(len(one["scores"]) for one in stored)
    assert capsys.readouterr().out == f"{count} proposals in 2 images: {tmp_path / 'out'}\n"
    for one, name, shape in zip(stored, ("a.png", "b.png"), ((120, 156, 3), (150, 110, 3)), strict=True):
        drawn, own = (cv2.imread(str(folder / name))[:, :, ::-1] for folder in (tmp_path / "out", images))
        assert drawn.shape == own.shape == shape
        best = (np.float32(one["boxes"][:2]), np.ones(2, np.int32), np.float32(one["scores"][:2]))
        assert np.array_equal(drawn, draw_detections(own, *best, ("proposal",))) and not np.array_equal(drawn, own)


def test_flags_say_how_many_and_which(run, images, tmp_path, capsys):
    def found(*flags):
        assert call(run, images / "a.png", tmp_path / "out", "--draw", "0", "--json", *flags) == 0
        return json.loads(capsys.readouterr().out)[0]

    own = found()
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.name[0] != ".") == ["proposals.json"]
    assert found("--max-proposals", "3")["boxes"] == own["boxes"][:3]
    middle = own["scores"][len(own["scores"]) // 2]
    assert len(found("--score-threshold", str(middle))["scores"]) == len(own["scores"]) // 2 + 1
    assert sum(found("--nms", "0.1")["scores"]) < sum(own["scores"]) - 0.1  # worse ones take the place of those that go
    sides = np.diff(np.reshape(found("--min-size", "30")["boxes"], (-1, 2, 2)), axis=1)
    assert sides.min() >= 30 * 156 / 124 - 0.1  # 96 x 124 pixels when it is resized


def test_bad_images_stop_or_are_left_out(run, images, tmp_path, capsys):
    (images / "c.png").write_bytes(b"no image")
    assert call(run, images, tmp_path / "out") == 2 and "c.png" in capsys.readouterr().err
    assert call(run, images, tmp_path / "out", "--skip-bad") == 0
    captured = capsys.readouterr()
    assert "left out" in captured.err and "in 2 images" in captured.out
    assert len(json.loads((tmp_path / "out" / "proposals.json").read_text())) == 2


def test_a_run_without_an_rpn_is_one_line(images, tmp_path, capsys):
    assert call(tmp_path, images, tmp_path / "out") == 2
    assert capsys.readouterr().err.startswith(f"propose: error: {tmp_path}: holds no RPN; run ")


def test_no_file_of_a_user_is_written_over(run, images, tmp_path, capsys):
    """Not the pictures that are read, and none that stands where a picture or the list would go; its own it may."""
    before = {path.name: path.read_bytes() for path in images.iterdir()}
    assert call(run, images, images) == 2 and "is one of the files that are read" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in images.iterdir()} == before
    for name in ("proposals.json", "b.png"):
        (tmp_path / name / "out").mkdir(parents=True)
        (tmp_path / name / "out" / name).write_text("mine")
        assert call(run, images, tmp_path / name / "out") == 2
        assert f"{name}: is there already, and not as this package wrote it" in capsys.readouterr().err
        assert (tmp_path / name / "out" / name).read_text() == "mine"
    for _ in range(2):
        assert call(run, images, tmp_path / "out") == 0
