from pathlib import Path

from frcnn_keras.data.image_paths import ImageFolder
from frcnn_keras.readers.coco_images import find_images
from frcnn_keras.readers.validation import Assembly


def find(folder, *entries, names=("a.jpg", "b.jpg")):
    for name in names:
        (folder / name).write_bytes(b"x")
    assembly = Assembly("set", ("cat",))
    return find_images(list(entries), ImageFolder(folder), assembly, Path("ann.json")), assembly.finish().problems


def test_files_and_stated_sizes(tmp_path):
    found, problems = find(tmp_path, {"id": 1, "file_name": "a.jpg", "height": 3.0, "width": "4"},
                           {"id": "x", "file_name": "sub\\b.jpg", "height": None, "width": -1})
    assert {id: (image.file.name, image.stated) for id, image in found.items()} == {
        1: ("a.jpg", (3, 4)), "x": ("b.jpg", (0, 0))}
    assert not problems


def test_what_is_wrong_is_said_once(tmp_path):
    found, problems = find(tmp_path, None, {"id": 1}, {"id": None, "file_name": "a.jpg"},
                           {"id": 2, "file_name": "c.jpg"}, {"id": 3, "file_name": "\ud800"},
                           {"id": 4, "file_name": "b.jpg"})
    assert list(found) == [4]
    assert [problem.item for problem in problems] == [
        "image number 1 of the list", "image number 2 of the list", "image number 3 of the list", "image 2", "image 3"]
    assert all(problem.fatal for problem in problems)


def test_an_id_of_a_missing_file_is_no_other_images(tmp_path):
    found, problems = find(tmp_path, {"id": 1, "file_name": "gone.jpg"}, {"id": 1, "file_name": "a.jpg"})
    assert not found and "gone.jpg" in problems[1].message and "a.jpg" in problems[1].message
