import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from frcnn_keras.commands import predict
from frcnn_keras.commands.predict import build_parser
from frcnn_keras.files.ledger import NAME
from frcnn_keras.models.saving import save_model
from tests.bright_pictures import WANTED, bright, encoded, picture
from tests.tiny_videos import read_video, write_video


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
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


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


ROOT = Path(predict.__file__).parents[2]


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def run(hand_detector, tmp_path):
    (tmp_path / "run").mkdir()
    save_model(hand_detector, tmp_path / "run" / "detector.keras")
    return tmp_path / "run"


def clip(path, count=6):
    """The block moves by 2 pixels a frame; kept without loss enough."""
    return write_video(path, [picture(20 + 2 * number) for number in range(count)], fps=10)


def looked(run, out, *flags):
    return predict.run(["--run", str(run), "--out", str(out), *map(str, flags)])


def test_a_video(run, tmp_path, capsys):
    assert looked(run, tmp_path / "out", "--images", clip(tmp_path / "a.avi"), "--every", 2) == 0
    told = capsys.readouterr()
    assert "3 detections in 3 frames" in told.out and "3/3 frames" in told.err
    lines = lines_of(tmp_path / "out" / "detections.jsonl")
    assert [(line["frame"], line["seconds"]) for line in lines] == [(0, 0.0), (2, 0.2), (4, 0.4)]
    for number, line in enumerate(lines):
        assert line["file"] == str(tmp_path / "a.avi") and (line["width"], line["height"]) == (64, 48)
        (one,) = line["detections"]
        x1, y1, x2, y2 = WANTED
        left = 8 * ((20 + 4 * number) // 8) - 24  # the detector's cells are 8 pixels wide
        assert one["name"] == "two" and abs(one["bbox"][0] - x1 - left) < 9
        np.testing.assert_allclose(one["bbox"][2:], [x2 - x1, y2 - y1], atol=0.1)
    fps, frames = read_video(tmp_path / "out" / "a.mp4")
    assert fps == 5 and [frame.shape for frame in frames] == [(48, 64, 3)] * 3


def test_lines_are_printed_as_they_come(run, tmp_path, capsys):
    assert looked(run, tmp_path / "out", "--images", clip(tmp_path / "a.avi"), "--json", "--no-draw") == 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "out" / "detections.jsonl").read_text() and printed.count("\n") == 6
    assert not (tmp_path / "out" / "a.mp4").exists()


def test_a_second_start_writes_its_own_again_and_no_users(run, tmp_path, capsys):
    video, out = clip(tmp_path / "a.avi"), tmp_path / "out"
    assert looked(run, out, "--images", video) == looked(run, out, "--images", video) == 0
    assert set(content(out)) == {"detections.jsonl", "a.mp4", NAME}
    with open(out / "detections.jsonl", "a") as file:
        file.write("edited\n")
    edited = (out / "detections.jsonl").read_bytes()
    assert looked(run, out, "--images", video) == 0
    assert (out / "detections.jsonl").read_bytes() == edited and len(lines_of(out / "detections-2.jsonl")) == 6
    (out / "a.mp4").write_bytes(b"mine")
    capsys.readouterr()
    assert looked(run, out, "--images", video) == 2
    assert "a.mp4: is there already" in capsys.readouterr().err and (out / "a.mp4").read_bytes() == b"mine"
    other = tmp_path / "other"
    other.mkdir()
    (other / "detections.jsonl").write_text("mine")
    assert looked(run, other, "--images", video) == 2 and set(content(other)) == {"detections.jsonl"}
    clip(other / "b.mp4")
    assert looked(run, other, "--images", other / "b.mp4") == 2, "the video that is read"


def test_a_video_that_breaks_off(run, tmp_path, capsys):
    rng = np.random.default_rng(0)
    video = write_video(tmp_path / "a.avi", list(rng.integers(0, 256, (20, 48, 64, 3), np.uint8)))
    video.write_bytes(video.read_bytes()[:video.stat().st_size * 3 // 4])
    capsys.readouterr()
    assert looked(run, tmp_path / "out", "--images", video) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(error) == 1 and "a.avi: broke off" in error[0] and "detections.jsonl" in error[0]
    count = len(lines_of(tmp_path / "out" / "detections.jsonl"))
    assert 0 < count < 20 and len(read_video(tmp_path / "out" / "a.mp4")[1]) == count


def process(run, out, *flags, **settings):
    return subprocess.Popen([sys.executable, "-m", "frcnn_keras", "predict", "--run", str(run), "--out", str(out),
                             *map(str, flags)], cwd=ROOT, stderr=subprocess.PIPE, text=True, **settings)


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("number, code", [(signal.SIGKILL, -9), (signal.SIGTERM, 130), (signal.SIGINT, 130)])
def test_a_kill_keeps_whole_lines(number, code, run, tmp_path):
    """Frames come one by one through a pipe that stays open: nothing waits for the next one."""
    out = tmp_path / "out"
    path = out / "detections.jsonl"
    with process(run, out, "--images", "-", stdin=subprocess.PIPE) as child:
        for count in range(1, 4):
            child.stdin.buffer.write(encoded(picture(), ".jpg"))
            child.stdin.flush()
            wait_for(lambda: path.exists() and path.read_bytes().count(b"\n") == count)
        child.send_signal(number)
        assert child.wait(60) == code
        told = child.stderr.read()
        assert "Traceback" not in told and (code == -9) == ("ended; what was found" not in told)
    kept = path.read_bytes()
    assert len(lines_of(path)) == 3
    with process(run, out, "--images", "-", stdin=subprocess.PIPE) as child:
        child.stdin.buffer.write(encoded(picture(), ".jpg"))
        child.stdin.close()
        assert child.wait(120) == 0
    assert path.read_bytes() == kept and len(lines_of(out / "detections-2.jsonl")) == 1
    assert {name for name in content(out) if name.endswith(".jpg")} == {
        "stdin-000000.jpg", "stdin-000001.jpg", "stdin-000002.jpg", "stdin-2-000000.jpg"}


def test_a_folder_that_grows(run, tmp_path, capsys):
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    jpeg = encoded(picture(), ".jpg")
    (inbox / "a.jpg").write_bytes(jpeg)

    def grow():
        wait_for(lambda: (out / "detections.jsonl").exists())
        with open(inbox / "b.jpg", "wb") as file:
            for part in (jpeg[:300], jpeg[300:]):
                file.write(part)
                file.flush()
                time.sleep(1.5)

    writer = threading.Thread(target=grow)
    writer.start()
    assert looked(run, out, "--watch", inbox, "--idle", 5, "--save", "coco", "--crops") == 0
    writer.join()
    lines = lines_of(out / "detections.jsonl")
    assert [Path(line["file"]).name for line in lines] == ["a.jpg", "b.jpg"]
    assert all(len(line["detections"]) == 1 for line in lines) and {"a.jpg", "b.jpg"} <= set(content(out))
    (inbox / "c.jpg").write_bytes(jpeg)
    with open(out / "detections.jsonl", "a") as file:
        file.write('{"file": "cut off by a kill')
    before = (out / "a.jpg").stat().st_mtime_ns
    assert looked(run, out, "--watch", inbox, "--idle", 2, "--save", "coco", "--crops") == 0
    lines = lines_of(out / "detections.jsonl")
    assert [Path(line["file"]).name for line in lines] == ["a.jpg", "b.jpg", "c.jpg"]
    assert (out / "a.jpg").stat().st_mtime_ns == before, "it was done already"
    coco = json.loads((out / "coco" / "instances.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert len(list((out / "crops" / "two").iterdir())) == 3
    capsys.readouterr()
    assert looked(run, inbox, "--watch", inbox, "--idle", 1) == 2 and "give another --out" in capsys.readouterr().err


def test_classes_crops_and_labels(photos, tmp_path, capsys):
    out = tmp_path / "out"
    for classes, count in (("two", 2), ("one", 0), ("one,two", 2)):
        assert predicted(photos, out, "--classes", classes, "--crops", "--save", "yolo", "csv", "--save", "voc") == 0
        assert f"{count} detections in 2 images" in capsys.readouterr().out
        assert len(list(out.glob("crops/*/*"))) == count
        assert len((out / "csv" / "annotations.csv").read_text().splitlines()) == 3  # one each, or none
        assert len((out / "yolo" / "labels" / "a.txt").read_text().splitlines()) == count // 2
    assert {name.name for name in out.iterdir() if name.is_dir()} == {"crops", "csv", "voc", "yolo"}
    assert predicted(photos, out, "--classes", "tow") == 2
    assert "no class tow; the nearest is two" in capsys.readouterr().err


def test_labels_of_a_video_come_with_its_frames(run, tmp_path):
    from frcnn_keras.readers.coco import read_coco

    out = tmp_path / "out"
    assert looked(run, out, "--images", clip(tmp_path / "a.avi"), "--save", "coco", "--every", 3) == 0
    read = read_coco(out / "images", out / "coco" / "instances.json")
    assert [Path(example.path).name for example in read.examples] == ["a-000000.jpg", "a-000003.jpg"]
    for example, line in zip(read.examples, lines_of(out / "detections.jsonl"), strict=True):
        x, y, width, height = line["detections"][0]["bbox"]
        np.testing.assert_allclose(example.boxes, [[x, y, x + width, y + height]], atol=1e-3)


@pytest.mark.parametrize("flags, told", [
    ([], "--images PATH, or --watch"), (["--images", "a.jpg", "--watch", "b"], "in place of"),
    (["--images", "a.jpg", "--idle", "3"], "--idle belongs to --watch"), (["--watch", "absent"], "no such folder"),
    (["--images", "absent.mp4"], "no such video file"), (["--images", "a.jpg", "--every", "0"], "--every must be")])
def test_usage(flags, told, tmp_path, capsys):
    assert predict.run(["--run", "r", "--out", str(tmp_path / "o"), *flags]) == 2
    error = capsys.readouterr().err
    assert told in error and not (tmp_path / "o").exists()
