import base64

import pytest

from frcnn_keras.data.video import Video
from frcnn_keras.errors import InputError
from tests.encoded_pictures import RGB, encode
from tests.loopback_server import send, send_mjpeg, serving
from tests.tiny_videos import write_video

JPEGS = [encode(".jpg", RGB[: 20 + number]) for number in range(5)]


def test_a_cameras_pictures_come_as_they_were_sent():
    with serving(lambda handler: send_mjpeg(handler, JPEGS)) as address:
        frames = list(Video(f"{address}/video", every=2))
    assert [(frame.number, frame.image) for frame in frames] == [(0, JPEGS[0]), (2, JPEGS[2]), (4, JPEGS[4])]
    assert all(0 <= frame.seconds < 60 for frame in frames)


def test_one_that_breaks_off_inside_a_picture():
    frames = []
    with serving(lambda handler: send_mjpeg(handler, JPEGS, cut=30)) as address:
        with pytest.raises(InputError, match="broke off inside a picture"):
            frames += list(Video(address))
        with pytest.raises(InputError, match="broke off"):
            for frame in Video(address):
                frames.append(frame.image)
    assert frames == JPEGS[:4]


def test_one_picture():
    with serving(lambda handler: send(handler, "image/jpeg", JPEGS[0])) as address:
        assert [frame.image for frame in Video(address)] == JPEGS[:1]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_video_file_of_a_server_without_ranges(suffix, tmp_path):
    """FFmpeg alone finds no frame in the first, whose index stands at its end."""
    data = write_video(tmp_path / f"a{suffix}", 9).read_bytes()
    with serving(lambda handler: send(handler, "application/octet-stream", data)) as address:
        video = Video(f"{address}/a{suffix}?key=1", 4)
        assert [frame.number for frame in video] == [0, 4, 8] and video.count == 9


def test_one_that_is_cut_off(tmp_path, capfd):
    data = write_video(tmp_path / "a.mkv", 20).read_bytes()
    numbers = []
    with serving(lambda handler: send(handler, "video/x-matroska", data[:len(data) // 2])) as address:
        with pytest.raises(InputError, match=f"{address}/a.mkv: broke off behind frame"):
            for frame in Video(f"{address}/a.mkv"):
                numbers.append(frame.number)
    assert 0 < len(numbers) < 20 and capfd.readouterr().err == ""


def test_who_signs_in():
    def answer(handler):
        if handler.headers["Authorization"] == f"Basic {base64.b64encode(b'me:a b').decode()}":
            send_mjpeg(handler, JPEGS)
        else:
            send(handler, "text/plain", b"no", 403)

    with serving(answer) as address:
        place = address.removeprefix("http://")
        assert len(list(Video(f"http://me:a%20b@{place}/"))) == 5
        with pytest.raises(InputError, match="answers 403") as caught:
            Video(f"http://me:wrong@{place}/")
    assert "wrong" not in str(caught.value)


def test_what_the_server_does_not_have():
    with serving(lambda handler: send(handler, "text/html", b"<html>", 404)) as address:
        with pytest.raises(InputError, match="answers 404"):
            Video(f"{address}/a.mp4")
    with serving(lambda handler: send(handler, "text/html", b"<html>")) as address:
        with pytest.raises(InputError, match="cannot be opened as a stream"):
            Video(f"{address}/a.html")
