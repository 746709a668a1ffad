import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from frcnn_keras.commands import predict
from frcnn_keras.commands.predict import build_parser, output_names, records_of
from frcnn_keras.files.ledger import NAME
from frcnn_keras.models.saving import save_model
from frcnn_keras.runs.detections import Detections
from tests.bright_pictures import bright, encoded, picture


@pytest.mark.parametrize("paths, names", [
    (["a.jpg", "b.PNG", "c.jpeg"], ["a.jpg", "b.PNG", "c.jpeg"]),
    (["a.webp", "b.tiff", "c"], ["a.png", "b.png", "c.png"]),  # what can be drawn on and written
    (["x/a.jpg", "y/a.jpg", "z/a.jpg"], ["a.jpg", "a-2.jpg", "a-3.jpg"]),
    (["x/a.jpg", "y/A.JPG"], ["a.jpg", "A-2.JPG"]),  # the same file where names have no case
    (["x/a.webp", "y/a.png"], ["a.png", "a-2.png"]), (["a.jpg", "a.png"], ["a.jpg", "a.png"]),
    (["x/a.jpg", "a-2.jpg", "y/a.jpg"], ["a.jpg", "a-2.jpg", "a-3.jpg"]), ([], [])])
def test_every_image_has_a_name_of_its_own(paths, names):
    assert output_names([Path(path) for path in paths]) == names


def test_results_are_cocos():
    found = Detections.of(np.float32([[1, 2, 11, 22], [0, 0, 5, 4]]), np.float32([0.75, 0.5]), np.int32([2, 1]),
                          ("ant", "bee"))
    assert records_of(Path("there/a.jpg"), 7, found, (18, 44)) == [
        {"image_id": 7, "file": "there/a.jpg", "category_id": 44, "name": "bee", "score": 0.75, "bbox": [1, 2, 10, 20]},
        {"image_id": 7, "file": "there/a.jpg", "category_id": 18, "name": "ant", "score": 0.5, "bbox": [0, 0, 5, 4]}]


def test_pictures_show_what_is_likely():
    """Other than evaluate, which needs the unlikely ones too."""
    from frcnn_keras.commands import evaluate

    args = build_parser().parse_args(["--run", "r", "--images", "a", "b", "--out", "o"])
    assert args.score_threshold == 0.5 and args.images == ["a", "b"]
    assert evaluate.build_parser().parse_args(["--run", "r", "--shapes", "3"]).score_threshold is None


@pytest.mark.slow
def test_lines_and_letters_are_as_wide_and_high_as_asked(hand_detector, tmp_path):
    """The box is 196, 92, 356, 252: five times what test_detector has by hand. Its label stands on it."""
    run = tmp_path / "run"
    run.mkdir()
    save_model(hand_detector, run / "detector.keras")
    image = bright(480, 640, 160, 240, 40)
    Image.fromarray(image).save(tmp_path / "one.png")
    for line_width, text_height in ((None, None), (1, 8), (4, 20), (9, 30)):
        flags = [] if line_width is None else ["--line-width", str(line_width), "--text-height", str(text_height)]
        argv = ["--run", str(run), "--images", str(tmp_path / "one.png"), "--out", str(tmp_path / "drawn"), *flags]
        assert predict.run(argv) == 0
        changed = (np.asarray(Image.open(tmp_path / "drawn" / "one.png")) != image).any(axis=-1)
        line_width, text_height = line_width or 2, text_height or 10  # what suits 480 x 640
        assert np.flatnonzero(changed[220]).tolist() == [
            edge - line_width // 2 + column for edge in (196, 356 - line_width % 2) for column in range(line_width)]
        label = text_height + text_height // 3 + 2 * max(1, text_height // 4)
        assert np.flatnonzero(changed.any(axis=1))[0] == 92 - label


@pytest.mark.parametrize("flags", [["--line-width", "0"], ["--text-height", "-3"], ["--line-width", "99999"]])
def test_sizes_that_make_no_sense_are_one_line(flags, capsys):
    assert predict.run(["--run", "r", "--images", "a.jpg", "--out", "o", *flags]) == 2
    assert f"{flags[0]} must be 1 to 32768; received: {flags[1]}" in capsys.readouterr().err


@pytest.fixture
def photos(hand_detector, tmp_path):
    """A folder of two photographs, and beside it a run."""
    (tmp_path / "run").mkdir()
    save_model(hand_detector, tmp_path / "run" / "detector.keras")
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(("a.png", "b.jpg")):
        (folder / name).write_bytes(encoded(picture(40 * number)))
    return folder


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def predicted(photos, out, *flags):
    return predict.run(["--run", str(photos.parent / "run"), "--images", str(photos), "--out", str(out), *flags])


def test_originals_are_never_replaced(photos, capsys):
    before = content(photos)
    (photos.parent / "link").symlink_to(photos)
    for out in (photos, photos.parent / "link", f"{photos}/../photos"):
        assert predicted(photos, out) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "a.png" in error and "files that are read" in error
        assert content(photos) == before
    (photos.parent / "hard").mkdir()
    os.link(photos / "b.jpg", photos.parent / "hard" / "b.jpg")
    assert predicted(photos, photos.parent / "hard") == 2 and content(photos) == before


def test_without_drawing_they_are_not_in_the_way(photos):
    before = content(photos)
    assert predicted(photos, photos, "--no-draw") == 0
    assert content(photos).items() >= before.items() and set(content(photos)) == {*before, "detections.json", NAME}


def test_an_earlier_predict_is_replaced_and_nothing_else(photos, tmp_path, capsys):
    out = tmp_path / "drawn"
    assert predicted(photos, out) == predicted(photos, out) == 0
    assert set(content(out)) == {"a.png", "b.jpg", "detections.json", NAME}
    (out / "a.png").write_bytes(b"my own a.png")
    before = content(out)
    capsys.readouterr()
    assert predicted(photos, out) == 2 and content(out) == before
    assert str(out / "a.png") in capsys.readouterr().err
    assert predict.run(["--run", str(tmp_path / "run"), "--images", str(out / "b.jpg"), "--out", str(out)]) == 2
    assert content(out) == before  # what was drawn, and is read now


@pytest.mark.parametrize("out", ["/", "~", "photos/a.png"])
def test_where_it_does_not_write(out, photos, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(photos))
    place = photos if out == "~" else photos.parent / out
    assert predicted(photos, place) == 2 and capsys.readouterr().err.count("\n") == 1
