import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.pictures.video_file import VideoFile
from tests.tiny_videos import grey, read_video


@pytest.mark.parametrize("height, width", [(48, 64), (47, 63), (33, 64)])
@pytest.mark.parametrize("fps", [10.0, 29.97, 2.5])
def test_what_was_written_is_read(height, width, fps, tmp_path):
    video = VideoFile(tmp_path / "a.mp4", fps)
    for number in range(9):
        video.write(grey(number, height, width))
    video.close()
    found, frames = read_video(tmp_path / "a.mp4")
    assert found == pytest.approx(fps, rel=1e-3) and len(frames) == 9
    for number, frame in enumerate(frames):
        assert frame.shape == (height + height % 2, width + width % 2, 3)  # nothing is cut off
        assert abs(frame.astype(float) - 12 * number).max() < 8


def test_colours_are_red_first(tmp_path):
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0] = 200
    video = VideoFile(tmp_path / "a.mp4", 5)
    video.write(image)
    video.close()
    assert read_video(tmp_path / "a.mp4")[1][0][..., 0].mean() > 180


def test_all_have_the_size_of_the_first(tmp_path):
    video = VideoFile(tmp_path / "a.mp4", 5)
    for size in ((48, 64), (96, 30), (48, 64)):
        video.write(grey(3, *size))
    video.close()
    video.close()
    assert [frame.shape for frame in read_video(tmp_path / "a.mp4")[1]] == [(48, 64, 3)] * 3


def test_without_frames_there_is_none(tmp_path):
    VideoFile(tmp_path / "a.mp4", 5).close()
    assert not (tmp_path / "a.mp4").exists()


def test_where_it_cannot_be_written(tmp_path, capfd):
    with pytest.raises(InputError, match="cannot write an MP4 of 64 x 48"):
        VideoFile(tmp_path / "absent" / "a.mp4", 5).write(grey(0))
    assert capfd.readouterr().err == ""
