from pathlib import Path

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.runs.sources import Sources, output_names
from tests.encoded_pictures import encode
from tests.tiny_videos import write_video


@pytest.mark.parametrize("paths, names", [
    (["a.jpg", "b.PNG", "c.jpeg"], ["a.jpg", "b.PNG", "c.jpeg"]),
    (["a.webp", "b.tiff", "c"], ["a.png", "b.png", "c.png"]),  # what can be drawn on and written
    (["x/a.jpg", "y/a.jpg", "z/a.jpg"], ["a.jpg", "a-2.jpg", "a-3.jpg"]),
    (["x/a.jpg", "y/A.JPG"], ["a.jpg", "A-2.JPG"]),  # the same file where names have no case
    (["x/a.webp", "y/a.png"], ["a.png", "a-2.png"]), (["a.jpg", "a.png"], ["a.jpg", "a.png"]),
    (["x/a.jpg", "a-2.jpg", "y/a.jpg"], ["a.jpg", "a-2.jpg", "a-3.jpg"]), ([], []),
    (["x/a.mov", "a.mp4", "a.jpg", "b.MKV"], ["a.mp4", "a-2.mp4", "a.jpg", "b.mp4"])])
def test_every_image_and_video_has_a_name_of_its_own(paths, names):
    assert output_names([Path(path) for path in paths]) == names


def test_names_of_what_is_no_file():
    assert output_names(["-", "rtsp://h/a.mp4", "camera:0", "http://h/b"]) == [
        "stdin.mp4", "stream.mp4", "camera.mp4", "stream-2.mp4"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "clips").mkdir()
    for name in ("photos/b.png", "photos/a.jpg"):
        (tmp_path / name).write_bytes(encode(Path(name).suffix))
    write_video(tmp_path / "clips" / "one.mp4", 5)
    write_video(tmp_path / "clips" / "two.avi", 4)
    return tmp_path


def named(folder, *texts, every=1):
    sources = Sources([text if text == "-" or "://" in text else str(folder / text) for text in texts], every)
    return [Path(item).name for item in sources.items], [Path(item).name for item in sources.videos]


def test_files_folders_and_patterns(folder):
    assert named(folder, "photos") == (["a.jpg", "b.png"], [])
    assert named(folder, "clips") == (["one.mp4", "two.avi"],) * 2
    assert named(folder, "clips/*.mp4", "photos/*.png") == (["one.mp4", "b.png"], ["one.mp4"])
    assert named(folder, "*/*") == (["one.mp4", "two.avi", "a.jpg", "b.png"], ["one.mp4", "two.avi"])
    write_video(folder / "photos" / "three.mp4", 2)
    assert named(folder, "photos") == (["a.jpg", "b.png"], []), "a folder of pictures, as ever"


def test_a_video_without_a_suffix(folder):
    (folder / "clips" / "one.mp4").rename(folder / "clip")
    assert named(folder, "clip") == (["clip"], ["clip"])
    (folder / "photos" / "a.jpg").rename(folder / "photo")
    assert named(folder, "photo") == (["photo"], [])


def test_how_many(folder):
    def total(*texts, every=1):
        return Sources([str(folder / text) for text in texts], every).total()

    assert total("photos") == 2 and total("clips") == 9 and total("photos", "clips", every=3) == 2 + 2 + 2
    assert Sources(["-"]).total() is None and Sources(["-", str(folder / "photos")]).total() is None


@pytest.mark.parametrize("texts, told", [
    (["absent.mp4"], "no such video file"), (["absent.jpg"], "no such image file"), (["absent"], "without any image"),
    (["*.mp4"], "without any image"), (["-", "-"], "read once")])
def test_what_names_nothing(texts, told, folder):
    with pytest.raises(InputError, match=told):
        named(folder, *texts)


def test_what_does_not_come_again_gets_a_new_name(folder):
    ledger = Ledger(folder)
    for name in ("stream.mp4", "one.mp4"):
        ledger.write(name, b"of an earlier run")
    sources = Sources(["rtsp://h/a", str(folder / "clips" / "one.mp4"), "-"])
    assert sources.passing and sources.names(ledger) == ["stream-2.mp4", "one.mp4", "stdin.mp4"]
    assert sources.names(ledger, "-3") == ["stream-3.mp4", "one.mp4", "stdin-3.mp4"]


def test_shots_of_pictures_are_numbered(folder):
    sources = Sources([str(folder / "photos")])
    shots = list(sources.shots(["x.jpg", "y.png"]))
    assert [(shot.number, shot.name, shot.image.name, shot.video, shot.frame) for shot in shots] == [
        (1, "x.jpg", "a.jpg", "", None), (2, "y.png", "b.png", "", None)]


def test_shots_of_videos(folder):
    sources = Sources([str(folder / "clips"), str(folder / "photos" / "b.png")], every=2)
    shots = list(sources.shots(["one.mp4", "two.mp4", "b.png"]))
    assert [(shot.video, shot.frame, shot.seconds, shot.name) for shot in shots] == [
        ("one.mp4", 0, 0.0, "one-000000.jpg"), ("one.mp4", 2, 0.2, "one-000002.jpg"),
        ("one.mp4", 4, 0.4, "one-000004.jpg"), ("two.mp4", 0, 0.0, "two-000000.jpg"),
        ("two.mp4", 2, 0.2, "two-000002.jpg"), ("", None, None, "b.png")]
    assert shots[0].rate == 5 and all(shot.number is None for shot in shots)
