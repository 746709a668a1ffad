import pytest

from frcnn_keras.data.image_paths import ImageFolder
from frcnn_keras.readers.voc_images import pair


def pairs(root, images, filenames, files=()):
    """filenames by XML file -> the image of each by its id, or what is wrong."""
    for name in images:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    folder = ImageFolder(root)
    found = pair(filenames, [*filenames, *files], folder)
    return found, {file: folder.id_of(image) for file, image in found.images.items()}


@pytest.mark.parametrize("images, filename, expected", [
    (["a.jpg"], "a.jpg", "a.jpg"),
    (["a.jpg"], "", "a.jpg"),
    (["a.jpg"], "gone.jpg", "a.jpg"),
    (["a.JPG"], "a.jpg", "a.JPG"),
    (["a.jpg", "a.png"], "a.png", "a.png"),  # two of one stem: the one that is named
    (["a.jpg", "a.png"], "C:\\set\\a.png", "a.png"),
    (["b.jpg"], "b.jpg", "b.jpg"),  # the file has another name than its image
    (["a.jpg", "b.jpg"], "b.jpg", "b.jpg"),  # the one that is named, which no other file claims
    (["sub/a.jpg"], "a.jpg", "sub/a.jpg"),
    (["b.png"], "b.jpg", "b.png"),  # what it names does not exist; one alone has that stem
    (["a.jpg"], "\0\ud800", "a.jpg"),
])
def test_the_image_of_one_file(tmp_path, images, filename, expected):
    assert pairs(tmp_path, images, {"a.xml": filename})[1] == {"a.xml": expected}


@pytest.mark.parametrize("images, filename, words", [
    ([], "", "no image 'a'"), ([], "b.jpg", "no image 'a'.*nor 'b.jpg'"), (["a.jpg", "a.png"], "", "fits both"),
    (["b.jpg", "b.png"], "b.gif", "no image 'a'"), (["b.jpg"], "", "no image 'a'"),
    (["x/a.jpg", "y/a.jpg"], "", "fits both"),
    (["x/b.jpg", "y/b.jpg"], "b.jpg", "fits both"),
])
def test_files_without_an_image(tmp_path, images, filename, words):
    found, images = pairs(tmp_path, images, {"a.xml": filename})
    assert not images
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.faults["a.xml"])


def test_a_copied_file_name_is_not_believed(tmp_path):
    """Every XML of a copied template says 000001.jpg; each has an image of its own name."""
    names = {f"00000{number}.xml": "000001.jpg" for number in (1, 2, 3)}
    found, images = pairs(tmp_path, [f"00000{number}.jpg" for number in (1, 2, 3)], names)
    assert images == {file: file.replace("xml", "jpg") for file in names} and not found.faults
    assert found.stale.images == 2 and found.stale.first == "000002.xml names 000001.jpg"


def test_files_numbered_anew(tmp_path):
    """1.xml says 2.jpg and 2.xml 1.jpg, as before they were given new numbers together with their images."""
    found, images = pairs(tmp_path, ["1.jpg", "2.jpg"], {"1.xml": "2.jpg", "2.xml": "1.jpg"})
    assert images == {"1.xml": "1.jpg", "2.xml": "2.jpg"} and found.stale.images == 2


def test_a_name_against_the_own_one_is_noted(tmp_path):
    found, _ = pairs(tmp_path, ["a.jpg", "b.jpg"], {"a.xml": "b.jpg"})
    assert found.named.images == 1 and found.named.first == "a.xml names b.jpg" and not found.stale.images


def test_two_files_that_claim_one_image(tmp_path):
    found, images = pairs(tmp_path, ["c.jpg"], {"a.xml": "c.jpg", "b.xml": "c.jpg"})
    assert not images and "b.xml" in found.faults["a.xml"] and "a.xml" in found.faults["b.xml"]


def test_the_own_image_of_another_file_is_not_taken(tmp_path):
    for files in ((), ("c.xml",)):  # whether c.xml is asked for, or stands in another split
        asked = {"a.xml": "c.jpg"} if files else {"a.xml": "c.jpg", "c.xml": "c.jpg"}
        found, images = pairs(tmp_path, ["c.jpg"], asked, files)
        assert "a.xml" not in images and "c.xml" in found.faults["a.xml"] and "c.xml" not in found.faults


def test_two_files_of_one_name(tmp_path):
    found, images = pairs(tmp_path, ["a.jpg"], {"a.XML": "a.jpg", "a.xml": "a.jpg"})
    assert not images and len(found.faults) == 2


def test_sub_folders(tmp_path):
    images = ["cam1/0001.jpg", "cam2/0001.jpg", "0001.jpg", "cam3/0009.jpg"]
    found, by_file = pairs(tmp_path, images, {"cam1/0001.xml": "0001.jpg", "cam2/0001.xml": "", "0001.xml": "0001.jpg"})
    assert by_file == {"cam1/0001.xml": "cam1/0001.jpg", "cam2/0001.xml": "cam2/0001.jpg", "0001.xml": "0001.jpg"}
    found, by_file = pairs(tmp_path, images, {"cam3/0002.xml": ""})
    assert not by_file and "no image" in found.faults["cam3/0002.xml"]  # cam1's is another image
    assert pairs(tmp_path, images, {"xmls/0009.xml": "0009.jpg"})[1] == {"xmls/0009.xml": "cam3/0009.jpg"}
