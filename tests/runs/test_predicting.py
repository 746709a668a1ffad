"""With a detector that finds the same everywhere; with real ones in tests/commands/test_predict.py."""

import json
from pathlib import Path

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.predicting import Predicting, Request
from frcnn_keras.runs.sources import Sources
from tests.encoded_pictures import encode
from tests.loopback_server import send_mjpeg, serving
from tests.tiny_videos import write_video


class Finder:
    class_names, category_ids = ("a/b", "A:B", "bee"), (1, 2, 3)

    def predict(self, image):
        boxes = np.float32([[1, 2, 21, 32], [30.5, 4, 41, 9.2], [3, 3, 9, 9]])
        return [Detections.of(boxes, np.float32([0.9, 0.6, 0.55]), np.int32([1, 2, 3]), self.class_names,
                              self.category_ids)]


def predicted(out, *texts, every=1, **made):
    out.mkdir(exist_ok=True)
    return Predicting(Ledger(out), Request(Sources(list(map(str, texts)), every), **made)).run(Finder())


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(encode(".jpg"))
    return folder


def test_pictures(photos, tmp_path):
    results = predicted(tmp_path / "out", photos, crops=True)
    assert (results.pictures, results.detections) == (3, 9)
    found = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert [one["image_id"] for one in found] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert {path.name for path in (tmp_path / "out" / "crops").glob("[!.]*")} == {"a_b", "A_B-2", "bee"}


def test_bad_pictures(photos, tmp_path, capsys):
    (photos / "1.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="1.jpg"):
        predicted(tmp_path / "out", photos)
    assert not (tmp_path / "out" / "detections.json").exists()
    assert predicted(tmp_path / "out", photos, skip_bad=True).pictures == 2
    assert "left out: " in capsys.readouterr().err
    found = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert {one["image_id"] for one in found} == {1, 3}, "numbers are those of the pictures that were given"


def test_pictures_and_videos_together(photos, tmp_path):
    video = write_video(tmp_path / "a.mp4", 5)
    results = predicted(tmp_path / "out", photos, video, every=2, classes=["bee"], save=["coco", "csv"])
    assert (results.pictures, results.detections) == (6, 6)
    lines = lines_of(tmp_path / "out" / "detections.jsonl")
    assert [(Path(line["file"]).name, line.get("frame")) for line in lines] == [
        ("0.jpg", None), ("1.jpg", None), ("2.jpg", None), ("a.mp4", 0), ("a.mp4", 2), ("a.mp4", 4)]
    coco = json.loads((tmp_path / "out" / "coco" / "instances.json").read_text())
    assert [image["id"] for image in coco["images"]] == [1, 2, 3, 4, 5, 6]
    for image in coco["images"]:
        assert (tmp_path / image["file_name"]).is_file()  # below the folder that all lie below


def test_a_stream_is_not_written_over_by_the_next(tmp_path):
    with serving(lambda handler: send_mjpeg(handler, [encode(".jpg")] * 3)) as address:
        for _ in range(2):
            predicted(tmp_path / "out", f"{address}/video")
    first = (tmp_path / "out" / "detections.jsonl").read_bytes()
    predicted(tmp_path / "out", write_video(tmp_path / "a.mp4", 2))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"detections.jsonl", "detections-2.jsonl", "detections-3.jsonl", "stream.mp4", "stream-2.mp4"}
    assert (tmp_path / "out" / "detections.jsonl").read_bytes() == first and first.count(b"\n") == 3


def test_a_bad_frame_of_a_stream_is_passed_over(tmp_path, capsys):
    jpeg = encode(".jpg")
    bad = jpeg[:2] + b"\xff\xd9"  # a JPEG's beginning and end with nothing between
    frames = [jpeg, b"\xff\xd8\xff" + bad[3:], jpeg]
    with serving(lambda handler: send_mjpeg(handler, frames)) as address:
        assert predicted(tmp_path / "out", address, draw=False).pictures == 2
    assert "left out: http://" in capsys.readouterr().err
    assert [line["frame"] for line in lines_of(tmp_path / "out" / "detections.jsonl")] == [0, 2]


def test_a_stream_that_breaks_off_says_where_the_rest_is(tmp_path):
    with serving(lambda handler: send_mjpeg(handler, [encode(".jpg")] * 3, cut=20)) as address:
        with pytest.raises(InputError, match="broke off.*what was found before is in .*detections.jsonl"):
            predicted(tmp_path / "out", address)
    assert len(lines_of(tmp_path / "out" / "detections.jsonl")) == 2


def test_one_that_cannot_be_opened_leaves_nothing(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video" * 99)
    with pytest.raises(InputError, match="cannot be opened"):
        predicted(tmp_path / "out", tmp_path / "a.mp4")
    with pytest.raises(InputError, match="cannot be opened"):
        predicted(tmp_path / "out", "rtsp://127.0.0.1:1/a")
    assert not [path for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")]
