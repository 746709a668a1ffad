import pytest

from frcnn_keras.data.image_files import list_images, read_file
from frcnn_keras.data.image_paths import ImageFolder
from frcnn_keras.errors import InputError


def test_read(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"as it is")
    assert read_file(str(tmp_path / "a.jpg")) == b"as it is"
    with pytest.raises(InputError, match="cannot be read"):
        read_file(tmp_path / "b.jpg")


def test_the_image_of_a_name(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("IMG.JPG", "one.v2.Png", "two.png", "two.jpg", "sub/three.JpEg", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert ImageFolder(tmp_path).find("IMG.JPG").name == "IMG.JPG"
    assert ImageFolder(tmp_path).find("img.jpg").name == "IMG.JPG"
    assert ImageFolder(tmp_path).find("IMG").name == "IMG.JPG"
    assert ImageFolder(tmp_path).find("one.v2").name == "one.v2.Png"
    assert ImageFolder(tmp_path).find("two.png").name == "two.png"
    assert ImageFolder(tmp_path).find("sub/three.jpg").name == "three.JpEg"
    for missing in ("notes", "one", "", "four.jpg", "nowhere/a.jpg"):
        with pytest.raises(InputError, match="no image"):
            ImageFolder(tmp_path).find(missing)


def test_list_images(tmp_path):
    for name in ("b.JPG", "a.png", "c.txt", "d[1].bmp"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in list_images(tmp_path)] == ["a.png", "b.JPG", "d[1].bmp"]
    assert [path.name for path in list_images(str(tmp_path / "*"))] == ["a.png", "b.JPG", "d[1].bmp"]
    assert [path.name for path in list_images(tmp_path / "c.txt")] == ["c.txt"]  # named outright: the decoder judges
    assert [path.name for path in list_images(tmp_path / "d[1].bmp")] == ["d[1].bmp"]
    for nothing in (tmp_path / "e.jpg", tmp_path / "*.gif"):
        with pytest.raises(InputError, match=str(nothing.name).replace("*", r"\*")):
            list_images(nothing)


def test_hidden_files_are_no_images(tmp_path):
    for name in ("a.jpg", "._a.jpg", ".DS_Store", ".b.png"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in list_images(tmp_path)] == ["a.jpg"]
    assert [path.name for path in list_images(tmp_path / "*.jpg")] == ["a.jpg"]
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(InputError, match="without any image"):
        list_images(tmp_path)


def test_folders_whose_names_look_like_patterns(tmp_path):
    for name in ("set [1]/a.jpg", "set [1]/b.png", "set 1/c.jpg", "what?/d.jpg", "whatx/e.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in list_images(tmp_path / "set [1]")] == ["a.jpg", "b.png"]
    assert [path.name for path in list_images(tmp_path / "set [1]" / "*.jpg")] == ["a.jpg"]
    assert [path.name for path in list_images(tmp_path / "what?" / "*")] == ["d.jpg"]
    assert [path.name for path in list_images(tmp_path / "set*" / "*.jpg")] == ["c.jpg", "a.jpg"]


@pytest.mark.parametrize("pattern", ["a\0b", "x" * 300, "\ud800", "/none/*.jpg", ""])
def test_patterns_of_nothing(pattern):
    with pytest.raises(InputError):
        list_images(pattern)
