"""What is written is read back by the readers that read people's own."""

import csv
import json
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.data.image_header import image_header
from frcnn_keras.errors import InputError
from frcnn_keras.readers.coco import read_coco
from frcnn_keras.readers.csv_file import read_csv
from frcnn_keras.readers.voc import read_voc
from frcnn_keras.readers.yolo import read_yolo
from frcnn_keras.runs.prelabels import FORMS, Prelabels, common_root
from tests.encoded_pictures import turned

NAMES, IDS = ("cat", "dog", "cow"), (3, 18, 44)
FOUND = {"1.jpg": [(0, 0, 10, 10, 1, 0.9), (20.25, 30, 200, 99.5, 3, 0.75)], "2.jpg": [], "3.jpg": [
    (40.123456, 41, 60, 62.5, 2, 0.625)]}


def line(path, found, names=NAMES, number=None):
    """As found_lines has it."""
    known = {} if number is None else {"number": number}
    return {"file": str(path), **known, "width": 200, "height": 100, "detections": [
        {"category_id": IDS[label - 1], "name": names[label - 1], "score": score, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        for x1, y1, x2, y2, label, score in found]}


def saved(tmp_path, found, names=NAMES, folder="", numbered=True, form=FORMS):
    """The pictures, and what is written of them."""
    root = tmp_path / "photos"
    lines = []
    for number, (name, boxes) in enumerate(found.items(), 1):
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((100, 200, 3), 90, np.uint8))
        lines.append(line(path, boxes, names, number if numbered else None))
    labels = Prelabels(tmp_path / "out", form, root, names, IDS)
    labels.require_free([one["file"] for one in lines])
    labels.write(lambda: iter(lines))
    return root, tmp_path / "out"


def same(read, found, names=NAMES, tolerance=1e-3):
    assert read.class_names == tuple(names) and not [one for one in read.problems if one.stops]
    assert [example.path.rpartition("/")[2] for example in read.examples] == list(found)
    for example, boxes in zip(read.examples, found.values(), strict=True):
        expected = np.array(boxes, float).reshape(-1, 6)
        np.testing.assert_allclose(example.boxes, expected[:, :4], atol=tolerance)
        np.testing.assert_array_equal(example.labels, expected[:, 4])
        assert not example.ignored.any()


def link(folder, root):
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(root)


@pytest.mark.parametrize("folder", ["", "cam 1"])
@pytest.mark.parametrize("numbered", [True, False])
def test_round_trips(folder, numbered, tmp_path):
    root, out = saved(tmp_path, FOUND, folder=folder, numbered=numbered)
    same(read_coco(root, out / "coco" / "instances.json"), FOUND)
    same(read_csv(out / "csv" / "annotations.csv", NAMES), FOUND)
    link(out / "voc" / "JPEGImages", root)
    same(read_voc(out / "voc", class_names=NAMES), FOUND, tolerance=0.0051)
    link(out / "yolo" / "images", root)
    same(read_yolo(out / "yolo" / "data.yaml", "train"), FOUND)


@pytest.mark.parametrize("names", [("<a & b>", 'x: "y"', "comma, quote'"), ("käfer", "赤 い", "-"),
                                   ("1", "null", "#x")])
def test_names_with_letters_of_their_own(names, tmp_path):
    root, out = saved(tmp_path, FOUND, names)
    same(read_coco(root, out / "coco" / "instances.json"), FOUND, names)
    same(read_csv(out / "csv" / "annotations.csv", names), FOUND, names)
    link(out / "voc" / "JPEGImages", root)
    same(read_voc(out / "voc", class_names=names), FOUND, names, tolerance=0.0051)
    link(out / "yolo" / "images", root)
    same(read_yolo(out / "yolo" / "data.yaml", "train"), FOUND, names)
    tree = ElementTree.parse(out / "labelstudio" / "labelling_config.xml")
    assert [label.get("value") for label in tree.iter("Label")] == list(names)


sides = st.floats(2.5, 90, width=32)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 100, width=32), st.floats(0, 9, width=32), sides, sides, st.integers(1, 3)),
                max_size=6))
def test_any_boxes(tmp_path_factory, drawn):
    tmp_path = tmp_path_factory.mktemp("boxes")
    found = {"a.jpg": [(x, y, x + width, y + height, label, 0.5) for x, y, width, height, label in drawn]}
    root, out = saved(tmp_path, found)
    same(read_coco(root, out / "coco" / "instances.json"), found)
    same(read_csv(out / "csv" / "annotations.csv", NAMES), found)
    link(out / "voc" / "JPEGImages", root)
    same(read_voc(out / "voc", class_names=NAMES), found, tolerance=0.0051)
    link(out / "yolo" / "images", root)
    same(read_yolo(out / "yolo" / "data.yaml", "train"), found)


def test_scores_and_ids_by_hand(tmp_path):
    _, out = saved(tmp_path, FOUND)
    content = json.loads((out / "coco" / "instances.json").read_text())
    assert [(one["id"], one["image_id"], one["category_id"], one["score"]) for one in content["annotations"]] == [
        (1, 1, 3, 0.9), (2, 1, 44, 0.75), (3, 3, 18, 0.625)]
    assert [(one["id"], one["file_name"]) for one in content["images"]] == [(1, "1.jpg"), (2, "2.jpg"), (3, "3.jpg")]
    with open(out / "csv" / "annotations.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["score"] for row in rows] == ["0.9", "0.75", "", "0.625"] and rows[2]["class"] == ""


def test_label_studios_tasks_by_hand(tmp_path):
    _, out = saved(tmp_path, FOUND)
    tasks = json.loads((out / "labelstudio" / "tasks.json").read_text())
    assert [task["data"]["image"] for task in tasks] == [f"/data/local-files/?d={number}.jpg" for number in (1, 2, 3)]
    first = tasks[0]["predictions"][0]
    assert first["score"] == 0.9 and first["result"][1]["value"] == {
        "x": 10.125, "y": 30, "width": 89.875, "height": 69.5, "rotation": 0, "rectanglelabels": ["cow"]}
    assert first["result"][1]["score"] == 0.75 and tasks[1]["predictions"][0]["result"] == []


def test_frames_are_named_by_where_they_were_written(tmp_path):
    (tmp_path / "images").mkdir()
    lines = []
    for number in range(3):
        cv2.imwrite(str(tmp_path / "images" / f"clip-{number}.jpg"), np.zeros((100, 200, 3), np.uint8))
        lines.append({**line("clip.mp4", FOUND["1.jpg"]), "frame": number, "picture": f"images/clip-{number}.jpg"})
    Prelabels(tmp_path, FORMS, tmp_path / "images", NAMES, IDS).write(lambda: iter(lines))
    found = {f"clip-{number}.jpg": FOUND["1.jpg"] for number in range(3)}
    same(read_coco(tmp_path / "images", tmp_path / "coco" / "instances.json"), found)
    same(read_csv(tmp_path / "csv" / "annotations.csv", NAMES), found)


def test_of_a_picture_that_came_anew_the_last_counts(tmp_path):
    path = tmp_path / "photos" / "a.jpg"
    path.parent.mkdir()
    cv2.imwrite(str(path), np.zeros((100, 200, 3), np.uint8))
    lines = [line(path, FOUND["1.jpg"]), line(path, FOUND["3.jpg"])]
    Prelabels(tmp_path / "out", FORMS, path.parent, NAMES, IDS).write(lambda: iter(lines))
    same(read_coco(path.parent, tmp_path / "out" / "coco" / "instances.json"), {"a.jpg": FOUND["3.jpg"]})


def test_an_earlier_runs_files_go_and_a_users_stay(tmp_path):
    saved(tmp_path, FOUND)
    (tmp_path / "out" / "voc" / "Annotations" / "mine.xml").write_text("mine")
    _, out = saved(tmp_path, {"3.jpg": FOUND["3.jpg"]})
    assert {path.name for path in (out / "voc" / "Annotations").iterdir()} == {"3.xml", "mine.xml"}
    assert {path.name for path in (out / "yolo" / "labels").iterdir()} == {"3.txt"}


@pytest.mark.parametrize("name", ["coco/instances.json", "voc/Annotations/2.xml", "yolo/labels/2.txt", "yolo/data.yaml",
                                  "csv/annotations.csv", "labelstudio/tasks.json"])
def test_what_a_user_corrected_is_not_written_over(name, tmp_path):
    root, out = saved(tmp_path, FOUND)
    (out / name).write_text("corrected")
    labels = Prelabels(out, FORMS, root, NAMES, IDS)
    with pytest.raises(InputError, match="not as this package wrote it"):
        labels.require_free([root / file for file in FOUND])
    with pytest.raises(InputError, match="not as this package wrote it"):
        labels.write(lambda: iter([line(root / file, FOUND[file]) for file in FOUND]))
    assert (out / name).read_text() == "corrected"


@pytest.mark.parametrize("form", ["voc", "yolo"])
def test_pictures_that_would_share_a_file(form, tmp_path):
    with pytest.raises(InputError, match="a.jpg too"):
        saved(tmp_path, {"a.jpg": [], "a.png": []}, form=[form])
    saved(tmp_path / "coco", {"a.jpg": [], "a.png": []}, form=["coco", "csv"])


def test_the_folder_that_all_lie_below(tmp_path):
    assert common_root([tmp_path / "a" / "1.jpg", tmp_path / "a" / "b" / "2.jpg"]) == tmp_path / "a"
    assert common_root([tmp_path / "a" / "1.jpg"]) == tmp_path / "a"
    assert common_root([tmp_path / "ab" / "1.jpg", tmp_path / "a" / "1.jpg"]) == tmp_path
    common_root([])


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_photographs_that_lie_on_their_side(orientation, tmp_path):
    """Boxes are of the upright picture, and the size that is stated is its."""
    path = tmp_path / "photos" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(turned("JPEG", orientation))
    height, width = image_header(path.read_bytes()).size
    found = {"a.jpg": [(3, 5, width - 4, height - 20, 2, 0.5)]}
    one = {**line(path, found["a.jpg"]), "width": width, "height": height}
    Prelabels(tmp_path / "out", FORMS, path.parent, NAMES, IDS).write(lambda: iter([one]))
    out = tmp_path / "out"
    same(read_coco(path.parent, out / "coco" / "instances.json"), found)
    same(read_csv(out / "csv" / "annotations.csv", NAMES), found)
    link(out / "voc" / "JPEGImages", path.parent)
    same(read_voc(out / "voc", class_names=NAMES), found, tolerance=0.0051)
    link(out / "yolo" / "images", path.parent)
    same(read_yolo(out / "yolo" / "data.yaml", "train"), found)
