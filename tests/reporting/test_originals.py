import dataclasses

import numpy as np
import pytest

from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.reporting.originals import decoder, of_dataset, of_folder, of_nothing
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
