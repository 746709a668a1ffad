import os

import cv2
import numpy as np
import pytest

from frcnn_keras.data.video import Video, is_stream, shown_source
from frcnn_keras.errors import InputError
from tests.tiny_videos import CODECS, STEP, index_first, turned, write_video


def noise(count):
    """Frames that take some bytes each: most of a file is not its header."""
    return list(np.random.default_rng(0).integers(0, 256, (count, 48, 64, 3), np.uint8))


def looked(path, every=1):
    """(numbers, seconds, greys) and the error at the end, if any."""
    frames, fault = [], None
    try:
        for frame in Video(path, every):
            frames.append((frame.number, frame.seconds, float(frame.image.mean())))
    except InputError as error:
        fault = str(error)
        assert "\n" not in fault and str(path) in fault
    return frames, fault


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("every", [1, 3, 100])
def test_every_kind_of_file(suffix, every, tmp_path, capfd):
    frames, fault = looked(write_video(tmp_path / f"a{suffix}", 20), every)
    capfd.readouterr()  # what the writer says
    fps = 25 if suffix == ".mjpeg" else 10  # which has no stamps
    assert fault is None and [number for number, *_ in frames] == list(range(0, 20, every))
    for number, seconds, value in frames:
        assert seconds == pytest.approx(number / fps, abs=0.002) and abs(value - STEP * number) < 6


def test_what_is_known_of_it(tmp_path):
    video = Video(write_video(tmp_path / "a.mp4", 7, fps=5))
    assert (video.fps, video.count) == (5, 7)


def test_colours_are_red_first(tmp_path):
    frame = np.zeros((32, 32, 3), np.uint8)
    frame[..., 0] = 200
    (found,) = Video(write_video(tmp_path / "a.avi", [frame]))
    assert found.image.dtype == np.uint8 and found.image[..., 0].mean() > 180 and found.image[..., 2].mean() < 30


@pytest.mark.parametrize("clockwise, corner", [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_phones_videos_are_upright(clockwise, corner, tmp_path):
    """The bright corner, stored at the upper left, goes round with the picture."""
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:32, :32] = 240
    (found,) = Video(turned(write_video(tmp_path / "a.mp4", [frame]), clockwise))
    assert found.image.shape == ((64, 96, 3) if clockwise == 180 else (96, 64, 3))
    quarters = found.image[8::found.image.shape[0] - 17, 8::found.image.shape[1] - 17].mean(axis=-1)
    assert quarters[corner] > 200 and (quarters > 100).sum() == 1


@pytest.mark.parametrize("suffix", [suffix for suffix in CODECS if suffix not in (".mp4", ".mov")])
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_one_that_is_cut_off_gives_what_it_has_and_one_line(suffix, share, tmp_path, capfd):
    whole = write_video(tmp_path / f"a{suffix}", noise(20))
    capfd.readouterr()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[:int(share * whole.stat().st_size)])
    frames, fault = looked(cut)
    assert 0 < len(frames) < 20 and "broke off behind frame" in fault
    assert capfd.readouterr().err == "", "FFmpeg's own lines"


@pytest.mark.parametrize("share", [0.6, 0.9])
def test_an_mp4_cut_off_behind_its_index(share, tmp_path):
    path = index_first(write_video(tmp_path / "a.mp4", noise(20)))
    assert len(looked(path)[0]) == 20 and looked(path)[1] is None
    path.write_bytes(path.read_bytes()[:int(share * path.stat().st_size)])
    frames, fault = looked(path)
    assert 5 < len(frames) < 20 and "of the 20 that its header says" in fault


@pytest.mark.parametrize("content, told", [
    (None, "no such video file"), (b"", "empty"), (b"no video at all" * 99, "cannot be opened as a video"),
    (b"\0\0\0\x18ftypmp42", "cut off before its index")])
def test_what_is_no_video(content, told, tmp_path, capfd):
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    frames, fault = looked(path)
    assert not frames and told in fault and capfd.readouterr().err == ""


def test_an_mp4_cut_off_before_its_index(tmp_path):
    path = write_video(tmp_path / "a.mp4", 20)
    path.write_bytes(path.read_bytes()[:-200])
    assert "cut off before its index" in looked(path)[1]


def test_streams_and_cameras_that_are_not_there(capfd):
    for source, told in (("rtsp://127.0.0.1:1/a", "stream"), ("camera:99", "camera"),
                         ("http://127.0.0.1:1/a", "opened"), ("tcp://user:secret@127.0.0.1:1", "stream")):
        with pytest.raises(InputError, match=told) as caught:
            Video(source)
        assert "secret" not in str(caught.value) and capfd.readouterr().err == ""


def test_what_is_a_stream():
    assert all(map(is_stream, ("rtsp://h/a", "HTTP://h/a.mp4", "camera:0", "udp://@:1234")))
    assert not any(map(is_stream, ("a.mp4", "C:/a.mp4", "camera", "-", "a/b")))


def test_passwords_are_not_shown():
    assert shown_source("rtsp://me:pa:ss@host:554/s") == "rtsp://me:***@host:554/s"
    assert shown_source("rtsp://host:554/a@b") == "rtsp://host:554/a@b" and shown_source("a.mp4") == "a.mp4"


def test_opencvs_own_lines_come_again(tmp_path):
    before = cv2.utils.logging.getLogLevel()
    list(Video(write_video(tmp_path / "a.mp4", 2)))
    assert cv2.utils.logging.getLogLevel() == before
    assert os.environ["OPENCV_FFMPEG_LOGLEVEL"]


@pytest.mark.parametrize("every", [0, -2])
def test_every_at_least_one(every):
    with pytest.raises(InputError, match="at least 1"):
        Video("a.mp4", every)
