import pytest

from frcnn_keras.data.video_kinds import is_cut_off, video_suffix
from tests.encoded_pictures import encode, pillow
from tests.tiny_videos import CODECS, index_first, write_video


@pytest.mark.parametrize("suffix", [suffix for suffix in CODECS if suffix != ".mkv"])
def test_all_there_or_not(suffix, tmp_path):
    path = write_video(tmp_path / f"a{suffix}", 12)
    assert not is_cut_off(path)
    data = path.read_bytes()
    for count in (1, 50, len(data) // 2 + 9):
        path.write_bytes(data[:-count])
        assert is_cut_off(path), count
    path.write_bytes(data[:9])
    is_cut_off(path)  # no error


def test_an_mp4_with_its_index_first(tmp_path):
    path = index_first(write_video(tmp_path / "a.mp4", 12))
    assert not is_cut_off(path)
    path.write_bytes(path.read_bytes()[:-1])
    assert is_cut_off(path)


def test_long_boxes_and_those_to_the_end(tmp_path):
    path = tmp_path / "a.mp4"
    head = b"\0\0\0\x10ftypisom\0\0\0\0"
    for box, cut in ((b"\0\0\0\1mdat\0\0\0\0\0\0\0\x14abcd", False), (b"\0\0\0\1mdat\0\0\0\0\0\0\0\x15abcd", True),
                     (b"\0\0\0\0mdatabc", False), (b"\0\0\0\3mdatabc", False), (b"\xff\xff\xff\xffmdat", True)):
        path.write_bytes(head + box)
        assert is_cut_off(path) == cut, box


@pytest.mark.parametrize("suffix, kind", [(".mp4", ".mp4"), (".mov", ".mp4"), (".avi", ".avi"), (".mkv", ".mkv"),
                                          (".ts", ".ts"), (".mjpeg", "")])
def test_kinds_by_their_first_bytes(suffix, kind, tmp_path):
    assert video_suffix(write_video(tmp_path / f"a{suffix}", 2).read_bytes()[:16]) == kind


def test_pictures_are_no_videos():
    pictures = [encode(".jpg"), encode(".png"), encode(".bmp"), encode(".webp"), pillow("GIF"), pillow("TIFF"),
                pillow("AVIF"), b"", b"G", b"text that goes on"]
    assert not any(video_suffix(data[:16]) for data in pictures)
