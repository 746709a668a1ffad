import dataclasses

import google_crc32c
import numpy as np
import pytest

from frcnn_keras.data.originals import Original, write_originals
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.reporting.originals import decoder, of_dataset, of_folder, of_nothing, of_prep, recorded_in
from tests.reporting.pictures_by_hand import picture


def test_below_a_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(b"1")
    (tmp_path / "b.jpg").write_bytes(b"2")
    read = of_folder(tmp_path)
    assert read(picture([], [], file="in/a.jpg")) == b"1" and read(picture([], [], file="elsewhere/b.jpg")) == b"2"
    with pytest.raises(InputError, match="c.jpg: not found"):
        read(picture([], [], file="c.jpg"))


@pytest.mark.parametrize("name", ["../secret", "in/../../secret", "/etc/passwd"])
def test_no_name_leaves_the_folder(tmp_path, name):
    (tmp_path / "secret").write_bytes(b"")
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match="no name below"):
        of_folder(tmp_path / "images")(picture([], [], file=name))


def test_no_folder_and_no_images(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        of_folder(tmp_path / "none")
    with pytest.raises(InputError, match="give --images DIR"):
        of_nothing(picture([], []))


def test_of_a_data_set_and_decoded():
    dataset = shapes_dataset(2, 0, 40, 60)
    one = dataset.examples[1]
    decoded = decoder(of_dataset(dataset))(picture([], [], id=77, file=str(one.id)))
    assert decoded.shape == (one.height, one.width, 3) and decoded.dtype == np.uint8
    with pytest.raises(InputError, match="none.jpg: is not in"):
        of_dataset(dataset)(picture([], [], id=77, file="none.jpg"))
    renamed = dataclasses.replace(one, id=5, path="/x/y/n.jpg", read=lambda: b"n")
    named = dataclasses.replace(dataset, examples=(renamed,))
    assert of_dataset(named)(picture([], [], id=5, file="y/n.jpg")) == b"n"


def recorded(id, path, content, named=True):
    return Original(id, len(content), 0, google_crc32c.value(content), "", str(path) if named else "")


def test_the_files_that_prep_read(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"1")
    known = [recorded("7", tmp_path / "a.jpg", b"1"), recorded("gone", tmp_path / "gone.jpg", b"2"),
             recorded("old", "", b"3", named=False)]
    assert recorded_in(tmp_path) == ()
    write_originals(tmp_path / "pictures.json", known)
    read = of_prep(recorded_in(tmp_path))
    assert read(picture([], [], id=7, file="cam/a.jpg")) == b"1"  # COCO's number
    for file, words in (("gone", "cannot be read"), ("old", "did not record.*give --images DIR"), ("x", "did not rec")):
        with pytest.raises(InputError, match=words):
            read(picture([], [], id=1, file=file))
    (tmp_path / "a.jpg").write_bytes(b"other")
    with pytest.raises(InputError, match="a.jpg: has changed since prep read it"):
        read(picture([], [], id=7))


def test_names_that_are_none_are_found_by_content(tmp_path):
    """A prep folder that recorded no paths: sizes and checksums alone."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "right.jpg").write_bytes(b"12")
    (tmp_path / "as_long.jpg").write_bytes(b"21")
    read = of_folder(tmp_path, [recorded("139", "", b"12", named=False), recorded("140", "", b"99", named=False)])
    assert read(picture([], [], id=139, file="139")) == b"12"
    with pytest.raises(InputError, match="140: not found"):
        read(picture([], [], id=140, file="140"))
