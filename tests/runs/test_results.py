import json

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files import to_json
from frcnn_keras.files.ledger import NAME, Ledger
from frcnn_keras.files.lines import read_lines
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.found_lines import records_of
from frcnn_keras.runs.looking import Seen
from frcnn_keras.runs.results import Asked, Results
from frcnn_keras.runs.shots import Shot
from tests.tiny_videos import grey, read_video

FOUND = Detections.of(np.float32([[1, 2, 11, 22]]), np.float32([0.75]), np.int32([1]), ("ant",), (1,))


def picture(number, found=FOUND, **parts):
    return Seen(Shot(f"{number}.jpg", None, f"{number}.jpg", number), found, (48, 64), **parts)


def frame(number, video="a.mp4", **parts):
    return Seen(Shot("a.mov", None, f"a-{number}.jpg", frame=number, video=video, rate=5), FOUND, (48, 64),
                grey(number), **parts)


def written(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != NAME}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_pictures_have_one_list_in_the_end(count, tmp_path):
    with Results(Ledger(tmp_path), Asked()) as results:
        for number in range(1, count + 1):
            results.add(picture(number, FOUND if number != 2 else FOUND[:0], drawn=b"drawn"))
    expected = [one for number in range(1, count + 1) if number != 2 for one in
                records_of(f"{number}.jpg", number, FOUND, (1,))]
    assert (tmp_path / "detections.json").read_text() == to_json(expected) + "\n"
    assert written(tmp_path) == {"detections.json", *(f"{number}.jpg" for number in range(1, count + 1))}
    assert results.pictures == count and results.detections == len(expected)


def test_pictures_that_break_off_have_none(tmp_path):
    for error in (InputError("bad"), KeyboardInterrupt()):
        with pytest.raises(type(error)), Results(Ledger(tmp_path), Asked()) as results:
            results.add(picture(1))
            raise error
    assert written(tmp_path) == set()


@pytest.mark.parametrize("error", [None, InputError("broke off"), KeyboardInterrupt()])
def test_what_has_lines_keeps_what_was_written(error, tmp_path):
    told = []
    try:
        with Results(Ledger(tmp_path), Asked("detections.jsonl", told=told.append)) as results:
            for number in range(3):
                results.add(frame(number))
                assert len(list(read_lines(tmp_path / "detections.jsonl"))) == number + 1
            if error:
                raise error
    except (InputError, KeyboardInterrupt) as caught:
        assert caught is error
    assert [line["frame"] for line in read_lines(tmp_path / "detections.jsonl")] == [0, 1, 2]
    assert [json.loads(text)["frame"] for text in told] == [0, 1, 2]
    fps, frames = read_video(tmp_path / "a.mp4")
    assert fps == 5 and len(frames) == 3
    assert Ledger(tmp_path).owns("a.mp4") and Ledger(tmp_path).owns("detections.jsonl")


def test_any_other_error_leaves_no_half_of_a_video(tmp_path):
    with pytest.raises(ZeroDivisionError), Results(Ledger(tmp_path), Asked("detections.jsonl")) as results:
        results.add(frame(0))
        raise ZeroDivisionError
    assert written(tmp_path) == {"detections.jsonl"} and not Ledger(tmp_path).owns("detections.jsonl")


def test_several_videos(tmp_path):
    with Results(Ledger(tmp_path), Asked("detections.jsonl")) as results:
        for video, number in (("a.mp4", 0), ("a.mp4", 1), ("b.mp4", 0)):
            results.add(frame(number, video))
    assert [len(read_video(tmp_path / name)[1]) for name in ("a.mp4", "b.mp4")] == [2, 1]


def test_crops_and_frames_never_replace_a_users(tmp_path):
    def run(keep=False):
        with Results(Ledger(tmp_path), Asked("detections.jsonl", keep=keep, crops=True)) as results:
            results.add(frame(0, crops=(("ant/a-1.jpg", b"crop"),), original=b"frame"))

    run()
    assert written(tmp_path) == {"a.mp4", "detections.jsonl", "crops/ant/a-1.jpg", "images/a-0.jpg"}
    (tmp_path / "crops" / "ant" / "a-1.jpg").write_bytes(b"edited")
    (tmp_path / "crops" / "ant" / "mine.jpg").write_bytes(b"mine")
    run()
    assert {path.read_bytes() for path in (tmp_path / "crops" / "ant").iterdir()} == {b"edited", b"mine", b"crop"}
    run()
    assert len(list((tmp_path / "crops" / "ant").iterdir())) == 3, "an earlier run's crops go"


def test_a_line_says_where_its_frame_is(tmp_path):
    with Results(Ledger(tmp_path), Asked("detections.jsonl")) as results:
        results.add(frame(3, original=b"frame"))
    (line,) = read_lines(tmp_path / "detections.jsonl")
    assert line["picture"] == "images/a-3.jpg" and (tmp_path / line["picture"]).read_bytes() == b"frame"


def test_it_goes_on(tmp_path):
    for number in range(2):
        with Results(Ledger(tmp_path), Asked("detections.jsonl", go_on=True, keep=True)) as results:
            results.add(picture(number, drawn=b"drawn"))
    assert [line["file"] for line in read_lines(tmp_path / "detections.jsonl")] == ["0.jpg", "1.jpg"]


def test_a_place_that_is_taken(tmp_path):
    (tmp_path / "crops").write_text("a user's")
    with pytest.raises(InputError, match="crops.*cannot be written"):
        with Results(Ledger(tmp_path), Asked("detections.jsonl", crops=True)) as results:
            results.add(frame(0, crops=(("ant/a-1.jpg", b"crop"),)))
