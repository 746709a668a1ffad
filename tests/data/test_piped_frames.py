import io
import sys
from types import SimpleNamespace

import pytest

from frcnn_keras.data.piped_frames import Piped, open_frames
from frcnn_keras.data.video import Video
from frcnn_keras.errors import InputError
from tests.encoded_pictures import encode
from tests.tiny_videos import CODECS, write_video

JPEG, PNG = encode(".jpg"), encode(".png")


def test_pictures_are_frames():
    frames = list(Piped(2, io.BytesIO(JPEG + PNG + JPEG + PNG + PNG)))
    assert [(frame.number, frame.seconds, frame.image) for frame in frames] == [
        (0, None, JPEG), (2, None, JPEG), (4, None, PNG)]


@pytest.mark.parametrize("suffix", [suffix for suffix in CODECS if suffix != ".mjpeg"])
def test_a_video_file(suffix, tmp_path):
    data = write_video(tmp_path / f"a{suffix}", 9).read_bytes()
    piped = Piped(4, io.BytesIO(data))
    frames = list(piped)
    assert [frame.number for frame in frames] == [0, 4, 8] and piped.fps == 10
    assert frames[1].seconds == pytest.approx(0.4) and frames[1].image.shape == (48, 64, 3)


def test_one_that_is_cut_off_is_called_stdin(tmp_path):
    data = write_video(tmp_path / "a.mp4", 9).read_bytes()[:-300]
    with pytest.raises(InputError, match="^stdin: cannot be opened as a video"):
        list(Piped(1, io.BytesIO(data)))


def test_nothing_and_nonsense():
    with pytest.raises(InputError, match="nothing came"):
        Piped(1, io.BytesIO())
    with pytest.raises(InputError, match="no picture begins"):
        list(Piped(1, io.BytesIO(b"name,box\n")))
    with pytest.raises(InputError, match="at least 1"):
        Piped(0, io.BytesIO(JPEG))


def test_which_of_the_two(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(JPEG)))
    assert isinstance(open_frames("-"), Piped)
    assert isinstance(open_frames(write_video(tmp_path / "a.mp4", 2), 2), Video)
