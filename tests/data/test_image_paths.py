import os
import unicodedata

import pytest

from frcnn_keras.data.image_paths import ImageFolder, files_below, spellings, valid, without_suffix
from frcnn_keras.errors import InputError
from tests.work import calls_of


def fill(root, *names):
    for name in names:
        path = os.path.join(os.fsencode(root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x")
    return ImageFolder(root)


def found(folder, name):
    return folder.id_of(folder.find(name))


@pytest.mark.parametrize("name, file", [
    ("a.jpg", "a.jpg"), ("./a.jpg", "a.jpg"), ("cam1//./0001.jpg", "cam1/0001.jpg"), ("cam1/../a.jpg", "a.jpg"),
    ("cam1\\0001.jpg", "cam1/0001.jpg"), ("C:\\data\\set\\cam2\\0001.jpg", "cam2/0001.jpg"), (" a.jpg ", "a.jpg"),
    ("/home/me/set/cam1/0001.jpg", "cam1/0001.jpg"), ("images/a.jpg", "a.jpg"), ("A.JPG", "a.jpg"),
    ("file:///data/a.jpg", "a.jpg"), ("my%20cat.png", "my cat.png"), ("50%25.jpg", "50%25.jpg"), ("a", "a.jpg"),
    ("CAM1/0001", "cam1/0001.jpg"), ("deep.bmp", "x/y/deep.bmp"), ("y/deep.bmp", "x/y/deep.bmp"), ("a.png", "a.jpg"),
    ("http://host/set/cam1/0001.jpg", "cam1/0001.jpg"), ("back\\slash.jpg", "back\\slash.jpg"),
    ("cafe\u0301.jpg", "caf\u00e9.jpg"), ("one.v2", "one.v2.png"), ("img.png", "img.png"), ("img.jpg", "img.jpg"),
    ("Twice.jpg", "Twice.jpg"), ("twice.JPG", "twice.JPG"),
])
def test_the_file_that_a_name_means(tmp_path, name, file):
    folder = fill(tmp_path, "a.jpg", "cam1/0001.jpg", "cam2/0001.jpg", "my cat.png", "50%25.jpg", "50%.jpg",
                  "x/y/deep.bmp", "back\\slash.jpg", unicodedata.normalize("NFC", "caf\u00e9.jpg"), "one.v2.png",
                  "img.jpg", "img.png", "Twice.jpg", "twice.JPG")
    assert found(folder, name) == file


@pytest.mark.parametrize("name", ["img", "img.gif", "0001.jpg", "0001", "TWICE.jpg"])
def test_two_that_fit_are_both_named(tmp_path, name):
    folder = fill(tmp_path, "img.jpg", "img.png", "cam1/0001.jpg", "cam2/0001.jpg", "Twice.jpg", "twice.JPG")
    with pytest.raises(InputError, match=r"fits both .*\.(jpg|png) and .*\.(jpg|png|JPG)"):
        folder.find(name)


@pytest.mark.parametrize("name", [
    "", " ", ".", "..", "/", "b.jpg", "cam2/0002.jpg", "a" * 300 + ".jpg", "a/" * 3000, "a\0.jpg", "%00a.jpg",
    "\ud800.jpg", "\udcff.jpg", "\x1b[31m.jpg", "._a.jpg", ".a.jpg", ".DS_Store", "one", "a.jpg/b.jpg", "notes.txt",
    "cam1",
])
def test_names_of_no_image(tmp_path, name):
    folder = fill(tmp_path, "a.jpg", "cam1/0002.jpg", "._a.jpg", ".a.jpg", ".DS_Store", "one.v2.png", "notes.md")
    with pytest.raises(InputError) as caught:
        folder.find(name)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 400


def test_another_cameras_image_is_none_of_that_name(tmp_path):
    """The end of a path is enough where a path of another machine is longer, not where the folders differ."""
    folder = fill(tmp_path, "cam2/0001.jpg")
    for name in ("cam1/0001.jpg", "/data/cam1/0001.jpg"):
        with pytest.raises(InputError, match="no image"):
            folder.find(name)
    assert found(folder, "0001.jpg") == "cam2/0001.jpg"


def test_a_sub_folder_goes_first(tmp_path):
    folder = fill(tmp_path, "0001.jpg", "cam1/0001.jpg", "cam2/0002.jpg")
    assert folder.id_of(folder.named("0001.jpg", "cam1")) == "cam1/0001.jpg"
    assert folder.id_of(folder.named("0001.jpg", "cam9")) == "0001.jpg"
    assert folder.named("0002.jpg", "cam1") is None and folder.named("0002.jpg", "cam9") is not None
    assert folder.holds("CAM1") and not folder.holds("") and not folder.holds("cam3")


def test_names_that_are_no_utf_8(tmp_path):
    folder = fill(tmp_path, b"caf\xe9.jpg")
    (image,) = folder.images()
    assert image.read_bytes() == b"x" and folder.find("caf\udce9.jpg") == image
    assert folder.id_of(image) == "caf\\xe9.jpg" == valid("caf\udce9.jpg")
    folder.id_of(image).encode()


def test_ids_of_images_elsewhere(tmp_path):
    folder = fill(tmp_path / "set", "a.jpg")
    fill(tmp_path, "other/b.jpg")
    assert found(folder, "../other/b.jpg") == found(folder, str(tmp_path / "other/b.jpg")) == "../other/b.jpg"


def test_what_lies_below_a_folder(tmp_path):
    fill(tmp_path, "a.JPG", "b/c.png", "b/.hidden.png", ".git/d.png", "__MACOSX/a.jpg", "._a.jpg", "b/n.txt",
         "b.png/e.gif")
    (tmp_path / "b" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert files_below(tmp_path, (".jpg", ".png", ".gif")) == ["a.JPG", "b.png/e.gif", "b/c.png"]
    with pytest.raises(InputError, match="cannot be listed"):
        files_below(tmp_path / "none", (".jpg",))


def test_spellings_and_suffixes():
    assert spellings("a\\b%20c.jpg") == ["a\\b%20c.jpg", "a/b%20c.jpg", "a/b c.jpg"]
    assert spellings("a.jpg") == ["a.jpg"] and spellings("") == []
    assert [without_suffix(name) for name in ("a.jpg", "a.TIFF", "one.v2", ".jpg")] == ["a", "a", "one.v2", ".jpg"]


def test_looking_up_is_little_work(tmp_path):
    """The same for each name, however many images of one name there are in other folders."""
    def calls(count):
        folder = fill(tmp_path / str(count), *(f"cam{number}/0001.jpg" for number in range(count)))
        return calls_of(lambda: [folder.find(f"D:\\set\\CAM{number}\\0001.jpg") for number in range(count)])

    few, many = calls(50), calls(200)
    assert few < many < 6 * few
