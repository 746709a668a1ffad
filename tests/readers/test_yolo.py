import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.yolo import read_yolo
from tests.yolo_files import fatal, flat, notes, picture, text


def test_images_and_labels(tmp_path):
    dataset = read_yolo(flat(tmp_path, ("0 0.5 0.5 0.5 0.4\n1 0.25 0.2 0.1 0.2\n", "")))
    first, second = dataset.examples
    assert dataset.class_names == ("cat", "dog") and dataset.category_ids == (1, 2) and not dataset.problems
    assert (first.id, first.height, first.width) == ("0.jpg", 100, 200)
    np.testing.assert_allclose(first.boxes, [[50, 30, 150, 70], [40, 10, 60, 30]], atol=1e-5)
    assert first.labels.tolist() == [1, 2] and second.boxes.shape == (0, 4)
    assert first.read() == (tmp_path / "images/0.jpg").read_bytes() and first.path == str(tmp_path / "images/0.jpg")


def test_an_image_without_a_label_file_is_background(tmp_path):
    dataset = read_yolo(flat(tmp_path, ("0 0.5 0.5 0.5 0.4\n", None, None)))
    assert [len(example.boxes) for example in dataset.examples] == [1, 0, 0]
    (note,) = notes(dataset)
    assert "2 images have no label file and are background" in note and "1.jpg" in note


def test_no_label_file_at_all_is_a_mistake(tmp_path):
    (line,) = fatal(read_yolo(flat(tmp_path, (None, None))))
    assert "none of 2 images has a label file" in line


def test_a_label_file_without_its_image(tmp_path):
    text(flat(tmp_path) / "labels/x.txt", "0 0.5 0.5 0.2 0.2\n")
    assert notes(read_yolo(tmp_path)) == ["1 label file has no image, first: x.txt"]


def test_broken_lines_name_file_and_line(tmp_path):
    lines = "0 0.5 0.5 0.5 0.4\n5 0.5 0.5 0.1 0.1\n0 1.5 0.5 0.1 0.1\nx\n0 0.5 0.5 0 0.1\n"
    dataset = read_yolo(flat(tmp_path, (lines,)))
    assert len(dataset.examples[0].boxes) == 1
    lines = fatal(dataset)
    assert [line.split(":")[1].strip() for line in lines] == ["line 3", "line 4", "line 2", "line 5 (cat)"]
    assert "class 5 is beyond the classes: there are 2 names, 0 to 1" in lines[2] and "no area" in lines[3]
    assert all(line.startswith("0.txt") for line in lines)


def test_a_label_file_that_cannot_be_read(tmp_path):
    flat(tmp_path, ("0 0.5 0.5 0.5 0.4\n",) * 2)
    (tmp_path / "labels/1.txt").write_bytes(b"\xff\xd8\xff")
    dataset = read_yolo(tmp_path)
    assert len(dataset.examples) == 1
    assert fatal(dataset) == ["1.txt: : it is no text file; YOLO's lines are: class cx cy w h"]


def test_boxes_over_the_edge_are_clipped_and_told(tmp_path):
    dataset = read_yolo(flat(tmp_path, ("0 0.9 0.5 0.4 0.4\n", "0 0.900003 0.5 0.2 0.4\n")))
    assert dataset.examples[0].boxes[0].tolist() == pytest.approx([140, 30, 200, 70], abs=1e-4)
    assert dataset.examples[1].boxes[0, 2] == 200
    (note,) = notes(dataset)
    assert "1 box in 1 image reaches over the image's edge" in note


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_turned_pictures_are_taken_upright(orientation, tmp_path):
    """Fractions of the upright picture: of 200 x 100 stored, 100 wide and 200 high where it is turned a quarter."""
    text(tmp_path / "labels/a.txt", "0 0.75 0.5 0.9 0.4\n")  # reaches far over the edge, and is of this picture
    picture(tmp_path / "images/a.jpg", orientation=orientation)
    text(tmp_path / "classes.txt", "cat")
    dataset = read_yolo(tmp_path)
    height, width = (200, 100) if orientation > 4 else (100, 200)
    np.testing.assert_allclose(dataset.examples[0].boxes, [[0.3 * width, 0.3 * height, width, 0.7 * height]], rtol=1e-5)
    assert any("1 image is turned by EXIF" in note for note in notes(dataset)) == (orientation != 1)
    assert not fatal(dataset)


def test_data_yaml_with_splits(tmp_path):
    for name in ("train/images/a.jpg", "valid/images/b.jpg", "valid/images/a.jpg"):
        picture(tmp_path / name)
        text(tmp_path / name.replace("images", "labels").replace("jpg", "txt"), "1 0.5 0.5 0.5 0.5\n")
    yaml = text(tmp_path / "data.yaml", "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['no', 'yes']\n")
    for path in (yaml, tmp_path):
        assert [example.id for example in read_yolo(path, "val").examples] == ["a.jpg", "b.jpg"]
        dataset = read_yolo(path, "train")
        assert dataset.class_names == ("no", "yes") and dataset.examples[0].labels.tolist() == [2]
        with pytest.raises(InputError, match="name a split"):
            read_yolo(path)
        with pytest.raises(InputError, match="no split 'test'"):
            read_yolo(path, "test")


def test_classes_asked_for(tmp_path):
    flat(tmp_path, ("0 0.5 0.5 0.5 0.4\n1 0.5 0.5 0.2 0.2\n",))
    assert read_yolo(tmp_path, class_names=["dog", "cat"]).examples[0].labels.tolist() == [2, 1]
    dataset = read_yolo(tmp_path, class_names=["dog"])
    assert dataset.examples[0].labels.tolist() == [1] and "unknown class 'cat'" in fatal(dataset)[0]


def test_classes_without_names(tmp_path):
    flat(tmp_path, ("2 0.5 0.5 0.5 0.4\n",), names="")
    dataset = read_yolo(tmp_path)
    assert dataset.class_names == ("class_0", "class_1", "class_2") and dataset.examples[0].labels.tolist() == [3]
    assert "it tells no class names" in notes(dataset)[0]
    named = read_yolo(tmp_path, class_names=["a", "b", "c"])
    assert named.class_names == ("a", "b", "c") and named.examples[0].labels.tolist() == [3] and not named.problems
    assert "class 2 is beyond" in fatal(read_yolo(tmp_path, class_names=["a"]))[0]


def test_a_background_among_the_names_keeps_its_number(tmp_path):
    dataset = read_yolo(flat(tmp_path, ("1 0.5 0.5 0.5 0.4\n0 0.5 0.5 0.1 0.1\n",), "background\ncat\n"))
    assert dataset.class_names == ("cat",) and dataset.examples[0].labels.tolist() == [1]
    assert "cannot be a class" in fatal(dataset)[0]


def test_polygons_confidences_and_lists_are_told(tmp_path):
    flat(tmp_path, ("0 0.1 0.1 0.5 0.1 0.3 0.9\n", "0 0.5 0.5 0.5 0.4 0.9\n"))
    dataset = read_yolo(tmp_path)
    np.testing.assert_allclose(dataset.examples[0].boxes, [[20, 10, 100, 90]], atol=1e-4)
    assert [note.split(",")[0] for note in notes(dataset)] == [
        "1 label file has polygons; their boxes were taken",
        "1 label file has six values in every line; the sixth is taken as a confidence and passed over"]
    text(tmp_path / "train.txt", "images/1.jpg\nimages/1.jpg\nimages/7.jpg\n")
    text(tmp_path / "data.yaml", "train: train.txt\nnames: [cat]\n")
    dataset = read_yolo(tmp_path)
    assert [example.id for example in dataset.examples] == ["images/1.jpg"]
    assert fatal(dataset)[0].startswith("train.txt: line 3: there is no image 'images/7.jpg'")
    assert "1 images are listed again; each is taken once" in notes(dataset)


def test_poses(tmp_path):
    flat(tmp_path, ("0 0.5 0.5 0.5 0.4 0.5 0.5 2 0.1 0.1 1\n",))
    text(tmp_path / "data.yaml", "train: images\nnames: [person]\nkpt_shape: [2, 3]\n")
    dataset = read_yolo(tmp_path)
    assert not dataset.problems
    np.testing.assert_allclose(dataset.examples[0].boxes, [[50, 30, 150, 70]], atol=1e-5)


def test_a_damaged_picture_is_a_problem(tmp_path):
    flat(tmp_path, ("0 0.5 0.5 0.5 0.4\n",) * 2)
    (tmp_path / "images/1.jpg").write_bytes(b"no picture")
    dataset = read_yolo(tmp_path)
    assert len(dataset.examples) == 1 and fatal(dataset)[0].startswith("1.jpg: ")


def test_nothing_there(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match="there is no image"):
        read_yolo(tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        read_yolo(tmp_path / "none")


def test_a_label_file_of_two_images_is_neither_ones(tmp_path):
    flat(tmp_path, ("0 0.5 0.5 0.5 0.4\n",) * 2)
    picture(tmp_path / "images/1.png")
    dataset = read_yolo(tmp_path)
    assert [example.id for example in dataset.examples] == ["0.jpg"]
    assert ["1.jpg" in line or "1.png" in line for line in fatal(dataset)] == [True, True]
    text(tmp_path / "labels/1.png.txt", "1 0.5 0.5 0.1 0.2\n")
    dataset = read_yolo(tmp_path)
    assert not dataset.problems and [example.labels.tolist() for example in dataset.examples] == [[1], [1], [2]]


def test_darknet_with_lists(tmp_path):
    for name, content in (("a", "0 0.5 0.5 0.5 0.4\n"), ("b", "")):
        picture(tmp_path / f"obj_train_data/{name}.jpg")
        text(tmp_path / f"obj_train_data/{name}.txt", content)
    text(tmp_path / "obj.names", "cat\n")
    text(tmp_path / "train.txt", "data/obj_train_data/a.jpg\r\ndata/obj_train_data/b.jpg\r\n")
    text(tmp_path / "obj.data", "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    dataset = read_yolo(tmp_path / "obj.data")
    assert [len(example.boxes) for example in dataset.examples] == [1, 0] and not dataset.problems
