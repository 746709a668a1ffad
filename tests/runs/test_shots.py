import io
from pathlib import Path

import pytest

from frcnn_keras.data.growing_folder import Arrived, Stamp
from frcnn_keras.data.piped_frames import Piped
from frcnn_keras.runs.shots import Shot, of_arrivals, of_frames, picture_name
from tests.encoded_pictures import encode


@pytest.mark.parametrize("path, name", [("a/b.JPG", "b.JPG"), ("b.webp", "b.png"), ("b", "b.png"),
                                        ("b.c.tif", "b.c.png")])
def test_names_of_drawn_pictures(path, name):
    assert picture_name(Path(path)) == name


def test_what_messages_call_it():
    assert Shot("a.jpg", None, "a.jpg").called == "a.jpg"
    assert Shot("a.mp4", None, "a-000007.jpg", frame=7).called == "a.mp4: frame 7"
    assert Shot("a.mp4", None, "a-000007.jpg").stem == "a-000007"


def test_pictures_of_standard_input_stay_pictures():
    """Each may have a size of its own; it is drawn as the kind that it came as."""
    shots = list(of_frames(Piped(1, io.BytesIO(encode(".jpg") + encode(".png"))), "stdin.mp4"))
    assert [(shot.file, shot.name, shot.video, shot.frame) for shot in shots] == [
        ("stdin", "stdin-000000.jpg", "", 0), ("stdin", "stdin-000001.png", "", 1)]


def test_arrivals_do_not_meet_whatever_their_kind():
    arrivals = [Arrived(Path(f"in/{name}"), Stamp(1, 2.0)) for name in ("a.png", "a.webp", "a.jpg")]
    shots = list(of_arrivals(arrivals))
    assert [shot.name for shot in shots] == ["a.png", "a.webp.png", "a.jpg"] and all(shot.lossy for shot in shots)
