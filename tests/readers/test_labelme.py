import base64
import json

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.labelme import read_labelme
from tests.yolo_files import fatal, notes, picture, text

BOX = {"label": "cat", "shape_type": "rectangle", "points": [[10, 20], [60, 70]], "flags": {}, "group_id": None}


def file(path, image="a.jpg", shapes=(BOX,), size=(100, 200), **more):
    content = {"version": "5.2.1", "flags": {}, "shapes": list(shapes), "imagePath": image, "imageData": None,
               "imageHeight": size[0], "imageWidth": size[1]}
    return text(path, json.dumps(content | more))


@pytest.mark.parametrize("json_path, image_path, spelled", [
    ("a.json", "a.jpg", "a.jpg"), ("ann/a.json", "img/a.jpg", "..\\img\\a.jpg"),
    ("ann/a.json", "img/a.jpg", "../img/a.jpg"),
    ("x/a.json", "x/a.jpg", "C:\\Users\\me\\a.jpg"), ("a.json", "A.JPG", "a.jpg"), ("a.json", "a.png", "a.jpg"),
    ("new.json", "new.jpg", "old.jpg"), ("ann/a.json", "img/a.jpg", ""), ("x/a.json", "x/b c.jpg", "b%20c.jpg")])
def test_where_the_image_is(json_path, image_path, spelled, tmp_path):
    image = picture(tmp_path / image_path)
    file(tmp_path / json_path, spelled)
    dataset = read_labelme(tmp_path)
    (example,) = dataset.examples
    assert example.id == image_path and example.read() == image.read_bytes() and not dataset.problems
    assert example.boxes.tolist() == [[10, 20, 60, 70]] and dataset.class_names == ("cat",)


def test_same_names_in_two_folders(tmp_path):
    for name, seed in (("x", 1), ("y", 2)):
        picture(tmp_path / name / "a.jpg", seed=seed)
        file(tmp_path / name / "a.json", shapes=[BOX | {"label": name}])
    dataset = read_labelme(tmp_path)
    assert [example.id for example in dataset.examples] == ["x/a.jpg", "y/a.jpg"] and not dataset.problems
    for example in dataset.examples:
        assert example.read() == (tmp_path / example.id).read_bytes()


def test_the_picture_within_is_taken_where_there_is_no_file(tmp_path):
    data = picture(tmp_path / "elsewhere.jpg").read_bytes()
    (tmp_path / "elsewhere.jpg").unlink()
    path = file(tmp_path / "sub/a.json", "..\\gone.jpg", imageData=base64.b64encode(data).decode())
    (example,) = read_labelme(tmp_path).examples
    assert example.read() == data and example.id == "sub/gone.jpg" and example.path == str(path)
    other = picture(tmp_path / "sub/gone.jpg", seed=5)
    assert read_labelme(tmp_path).examples[0].read() == other.read_bytes()


@pytest.mark.parametrize("data, words", [("%%%", "no base64"), ("aGVsbG8=", "not a JPEG"), ("", "no imageData"),
                                         (5, "no imageData")])
def test_a_broken_picture_within(data, words, tmp_path):
    picture(tmp_path / "b.jpg")
    file(tmp_path / "b.json", "b.jpg")
    file(tmp_path / "a.json", imageData=data)
    dataset = read_labelme(tmp_path)
    (line,) = fatal(dataset)
    assert line.startswith("a.json: : ") and words in line and len(dataset.examples) == 1


def test_the_stated_size_says_which_picture_boxes_are_of(tmp_path):
    """Stored 200 x 100 turned a quarter: of the stored picture, or of the upright one, 100 x 200."""
    picture(tmp_path / "a.jpg", orientation=6)
    file(tmp_path / "a.json", size=(200, 100))
    assert read_labelme(tmp_path).examples[0].boxes.tolist() == [[10, 20, 60, 70]]
    file(tmp_path / "a.json", size=(100, 200))
    np.testing.assert_allclose(read_labelme(tmp_path).examples[0].boxes, [[30, 10, 80, 60]])
    file(tmp_path / "a.json", size=(50, 100))
    assert read_labelme(tmp_path).problems[0].question
    picture(tmp_path / "a.jpg")
    np.testing.assert_allclose(read_labelme(tmp_path, scale_boxes=True).examples[0].boxes, [[20, 40, 120, 100]])


def test_what_is_noted(tmp_path):
    for name in "abc":
        picture(tmp_path / f"{name}.jpg")
    file(tmp_path / "a.json", shapes=[BOX, BOX | {"shape_type": "point"}, BOX | {"group_id": 1}, BOX | {"group_id": 1}])
    text(tmp_path / "package.json", "{}")
    told = notes(read_labelme(tmp_path))
    assert [note.split(" ")[0] for note in told] == ["1", "1", "1", "2"] and "first: b.jpg" in told[3]


def test_broken_files_and_shapes(tmp_path):
    picture(tmp_path / "a.jpg")
    file(tmp_path / "a.json", shapes=[BOX, BOX | {"points": [[1, 1]]}, BOX | {"label": ""}])
    text(tmp_path / "b.json", '{\n"shapes": ]')
    file(tmp_path / "c.json", "a.jpg")
    file(tmp_path / "d.json", "none.jpg")
    lines = fatal(read_labelme(tmp_path))
    assert [line.split(": ")[0] for line in lines] == ["b.json", "a.json", "a.json", "c.json", "d.json"]
    assert "line 2" in lines[0] and "shape 2 (cat): a rectangle" in lines[1] and "stands for" in lines[3]
    assert "there is no image 'none.jpg'" in lines[4]


def test_an_image_without_shapes_is_background(tmp_path):
    for name, shapes in (("a", [BOX]), ("b", [])):
        picture(tmp_path / f"{name}.jpg")
        file(tmp_path / f"{name}.json", f"{name}.jpg", shapes)
    assert [len(example.boxes) for example in read_labelme(tmp_path, ["cat", "dog"]).examples] == [1, 0]


def test_no_labelme(tmp_path):
    text(tmp_path / "a.json", "{")
    with pytest.raises(InputError, match="no labelme JSON file.*malformed"):
        read_labelme(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read_labelme(tmp_path / "none")


def test_a_picture_within_under_a_name_that_no_file_can_have(tmp_path):
    data = base64.b64encode(picture(tmp_path / "b.jpg").read_bytes()).decode()
    (tmp_path / "b.jpg").unlink()
    file(tmp_path / "a.json", "\ud800\x1b[31m.jpg", imageData=data)
    (example,) = read_labelme(tmp_path).examples
    assert example.id == "\\ud800\\x1b[31m.jpg" and example.read() == base64.b64decode(data)
