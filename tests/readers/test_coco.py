import json
import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.coco import read_coco
from frcnn_keras.readers.validation import settle
from tests.spoiling import spoilt_bytes, spoilt_json

MINI = Path(__file__).resolve().parents[2].parent / "shared" / "datasets" / "coco_mini"
CATEGORIES = [{"id": 90, "name": "toothbrush"}, {"id": 3, "name": "car"}]


def box(image=5, category=3, bbox=(1.5, 2, 10, 20), **more):
    return {"id": 70, "image_id": image, "category_id": category, "bbox": bbox, **more}


def write(folder, annotations=(), categories=CATEGORIES, images=None, **more):
    """Images 5 and 9, of 53 x 37, and their JSON."""
    for name in ("five.jpg", "nine.JPG"):
        cv2.imwrite(str(folder / name), np.zeros((37, 53, 3), np.uint8))
    if images is None:
        images = [{"id": 5, "file_name": "five.jpg", "height": 37, "width": 53}, {"id": 9, "file_name": "nine.jpg"}]
    content = {"images": images, "annotations": list(annotations), "categories": categories, **more}
    (folder / "ann.json").write_text(json.dumps(content))
    return folder, folder / "ann.json"


def only_problem(dataset):
    (problem,) = dataset.problems
    assert "\n" not in str(problem) and problem.fatal
    return problem


def test_boxes_ids_and_crowds(tmp_path):
    dataset = read_coco(*write(tmp_path, [box(), box(category=90, iscrowd=1), box(category=90, iscrowd=0)]))
    assert dataset.class_names == ("car", "toothbrush") and dataset.category_ids == (3, 90)
    five, nine = dataset.examples
    assert (five.id, nine.id) == (5, 9) and nine.boxes.shape == (0, 4) and not dataset.problems
    np.testing.assert_array_equal(five.boxes, [[1.5, 2, 11.5, 22]] * 3)
    assert five.labels.tolist() == [1, 2, 2] and five.crowd.tolist() == [False, True, False]
    assert not five.difficult.any()
    assert five.read() == (tmp_path / "five.jpg").read_bytes()


def test_classes_of_another_data_set_keep_their_order(tmp_path):
    names = ("bus", "toothbrush", "car", "tram")
    dataset = read_coco(*write(tmp_path, [box()]), names)
    assert dataset.class_names == names and dataset.examples[0].labels.tolist() == [3]
    assert dataset.category_ids == (1, 90, 3, 2)  # the file's own; for the others ids that it does not use
    dataset = read_coco(*write(tmp_path, [box()]), ("toothbrush",))
    assert "'car'" in only_problem(dataset).message and "annotation 70" in only_problem(dataset).item


def test_a_category_id_of_zero_is_no_label(tmp_path):
    dataset = read_coco(*write(tmp_path, [box(category=0)], [{"id": 0, "name": "cells"}, {"id": 1, "name": "wbc"}]))
    assert dataset.category_ids == (0, 1) and dataset.examples[0].labels.tolist() == [1] and not dataset.problems


def test_background_is_no_category(tmp_path):
    dataset = read_coco(*write(tmp_path, [box()], [*CATEGORIES, {"id": 1, "name": "background"}]))
    assert dataset.class_names == ("car", "toothbrush") and only_problem(dataset).item == "category 1"


@pytest.mark.parametrize(
    "entry, words",
    [
        (box(image=6), "image_id 6"),
        (box(image=[1]), "image_id"),
        (box(category=4), "category_id 4"),
        (box(bbox=(1, 2, 3)), "four numbers"),
        (box(bbox=("a", 2, 3, 4)), "four numbers"),
        ({"id": 70, "image_id": 5, "category_id": 3}, "four numbers"),
        (box(bbox=(1, 2, 0, 4)), "no area"),
        (box(bbox=(1, 2, -3, 4)), "no area"),
        (box(bbox=(float("nan"), 2, 3, 4)), "finite"),
        (box(bbox=(100, 2, 30, 4)), "outside"),
    ],
)
def test_bad_annotations(tmp_path, entry, words):
    dataset = read_coco(*write(tmp_path, [entry, box()]))
    problem = only_problem(dataset)
    assert "annotation 70" in problem.item and problem.file.endswith("ann.json") and words in problem.message
    assert len(dataset.examples[0].boxes) == 1
    settle(dataset, skip_bad=True)


def test_bad_images(tmp_path):
    def problem(entry):
        good = {"id": 5, "file_name": "five.jpg"}
        return only_problem(read_coco(*write(tmp_path, [box()], images=[good, entry])))

    assert "no image 'none.jpg'" in problem({"id": 9, "file_name": "none.jpg"}).message
    assert "5 stands" in problem({"id": 5, "file_name": "nine.jpg"}).message
    assert "number 2" in problem({"file_name": "nine.jpg"}).item
    assert "number 2" in problem(["nine.jpg"]).item
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "five.jpg").read_bytes()[:-20])
    assert "truncated" in problem({"id": 9, "file_name": "cut.jpg"}).message


def test_a_wrong_size_stops(tmp_path):
    images = [{"id": 5, "file_name": "five.jpg", "height": 53, "width": 37}]
    dataset = read_coco(*write(tmp_path, [box()], images=images))
    assert (dataset.examples[0].height, dataset.examples[0].width) == (37, 53) and not dataset.examples[0].certain
    problem = only_problem(dataset)
    assert "37 x 53" in problem.message and "53 x 37" in problem.message and "five.jpg" in problem.item


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", "line 1, column 2: malformed JSON"),
        ('{"images": [],\n "annotations": [}', "line 2"),
        ("[]", "images"),
        ('{"images": []}', "annotations"),
        ('{"images": [], "annotations": [], "categories": [{"id": "x", "name": "a"}]}', "category 1"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "category 1"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}', "twice"),
        ("[" * 100_000, "malformed JSON"),
    ],
)
def test_files_that_are_no_coco(tmp_path, text, words):
    (tmp_path / "ann.json").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_coco(tmp_path, tmp_path / "ann.json")
    assert "\n" not in str(caught.value) and "ann.json" in str(caught.value)


def test_missing_folder_and_file(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_coco(tmp_path / "none", tmp_path / "ann.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_coco(tmp_path, tmp_path / "ann.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="malformed JSON"):
        read_coco(tmp_path, tmp_path / "bytes.json")


@pytest.mark.skipif(not MINI.is_dir(), reason="the small part of COCO is not here")
@pytest.mark.parametrize("split, images, boxes, empty", [("train", 13, 74, set()), ("val", 20, 110, {226111, 58636})])
def test_the_small_part_of_coco(split, images, boxes, empty):
    dataset = read_coco(MINI / split, MINI / "annotations" / f"instances_{split}.json")
    assert len(dataset.examples) == images and not dataset.problems
    assert sum(len(example.boxes) for example in dataset.examples) == boxes
    assert sum(example.crowd.sum() for example in dataset.examples) == 1
    assert {example.id for example in dataset.examples if not len(example.boxes)} == empty
    assert len(dataset.class_names) == 80 and dataset.category_ids[0] == 1 and dataset.category_ids[-1] == 90
    assert list(dataset.category_ids) == sorted(dataset.category_ids)


def test_ids_in_any_spelling(tmp_path):
    """Numbers as text or with a point, in images, annotations and categories alike, are the number."""
    images = [{"id": "5", "file_name": "five.jpg"}, {"id": 9.0, "file_name": "nine.JPG"}]
    annotations = [box(image=5.0, category="3"), box(image="9", category=90.0, iscrowd="1"), box(image=9, iscrowd=1.0)]
    categories = [{"id": "3", "name": "car"}, {"id": 90.0, "name": "brush"}]
    dataset = read_coco(*write(tmp_path, annotations, categories, images))
    assert [(example.id, example.labels.tolist(), example.crowd.tolist()) for example in dataset.examples] == [
        (5, [1], [False]), (9, [2, 1], [True, True])]
    assert not dataset.problems and dataset.category_ids == (3, 90)


@pytest.mark.parametrize("entry, words", [
    (box(iscrowd="yes"), "iscrowd"), (box(bbox=None), "four numbers"), (box(bbox=["1", 2, 3, 4]), "four numbers"),
    (box(bbox=(10**400, 2, 3, 4)), "finite"), (box(bbox=(1, 2, 1e308, 1e308), image="5"), "clipped"),
    (box(image=None), "image_id None"), (box(category=None), "category_id None"), (box(image="\x1b[2J"), "image_id"),
])
def test_awkward_annotations(tmp_path, entry, words):
    dataset = read_coco(*write(tmp_path, [entry, box()]))
    (problem,) = dataset.problems
    assert words in problem.message and str(problem).isprintable() and len(str(problem)) < 400


def test_ids_that_stand_for_two_images(tmp_path):
    """Neither is kept, whatever is skipped: whose the annotations are is not known."""
    images = [{"id": 5, "file_name": "five.jpg"}, {"id": 9, "file_name": "nine.JPG"},
              {"id": "5", "file_name": "ten.jpg"}]
    cv2.imwrite(str(tmp_path / "ten.jpg"), np.zeros((37, 53, 3), np.uint8))
    dataset = read_coco(*write(tmp_path, [box(), box(image=9)], images=images))
    assert [example.id for example in dataset.examples] == [9] and "five.jpg" in only_problem(dataset).message
    assert "ten.jpg" in only_problem(dataset).message and len(settle(dataset, skip_bad=True).examples) == 1


def test_a_file_of_two_ids(tmp_path):
    images = [{"id": 5, "file_name": "five.jpg"}, {"id": 6, "file_name": ".\\five.jpg"},
              {"id": 9, "file_name": "nine.JPG"}]
    dataset = read_coco(*write(tmp_path, [box(), box(image=6), box(image=9)], images=images))
    assert [example.id for example in dataset.examples] == [9]
    assert [problem.item for problem in dataset.problems] == ["image 5", "image 6"]


def test_an_image_listed_twice_alike(tmp_path):
    images = [{"id": 5, "file_name": "five.jpg"}, {"id": 5, "file_name": "five.jpg"}]
    dataset = read_coco(*write(tmp_path, [box()], images=images))
    (problem,) = dataset.problems
    assert not problem.fatal and "1 image is listed more than once" in problem.message and len(dataset.examples) == 1


def test_boxes_that_are_corners(tmp_path):
    corners = [box(bbox=(30, 20, 50, 35)), box(bbox=(20, 25, 52, 37), image=9)]
    dataset = read_coco(*write(tmp_path, corners))
    assert "--coco-corners" in only_problem(dataset).message
    with pytest.raises(InputError, match="corners"):
        settle(dataset, skip_bad=True)
    dataset = read_coco(*write(tmp_path, corners), corners=True)
    np.testing.assert_array_equal(dataset.examples[0].boxes, [[30, 20, 50, 35]])
    assert not dataset.problems


def test_a_root_category(tmp_path):
    categories = [{"id": 0, "name": "cod", "supercategory": "none"}, {"id": 1, "name": "cod", "supercategory": "cod"}]
    dataset = read_coco(*write(tmp_path, [box(category=1)], categories))
    (problem,) = dataset.problems
    assert not problem.fatal and dataset.class_names == ("cod",) and dataset.category_ids == (1,)


def test_names_with_commas_quotes_and_other_letters(tmp_path):
    names = ["bus, red", 'the "big" one', "\u732b"]
    categories = [{"id": id, "name": name} for id, name in enumerate(names, 1)]
    assert read_coco(*write(tmp_path, [box(category=1)], categories)).class_names == tuple(names)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings(tmp_path, encoding):
    folder, file = write(tmp_path, [box()])
    file.write_text(file.read_text(), encoding)
    assert len(read_coco(folder, file).examples) == 2


def test_whatever_stands_there_no_other_error_leaves(tmp_path):
    """Only InputError, and problems of one printable line."""
    folder, file = write(tmp_path, [box(), box(image=9, category=90, iscrowd=1)])
    whole, chance = json.loads(file.read_text()), random.Random(0)
    read = 0
    for number in range(800):
        data = (json.dumps(spoilt_json(chance, whole)).encode() if number % 2 else
                spoilt_bytes(chance, file.read_bytes()) if number % 4 else json.dumps(whole).encode())
        (folder / "bad.json").write_bytes(data)
        try:
            dataset = read_coco(folder, folder / "bad.json")
        except InputError as error:
            assert str(error).isprintable()
            continue
        read += 1
        dataset.fingerprint()
        assert all(str(problem).isprintable() and len(str(problem)) < 1000 for problem in dataset.problems)
    assert 100 < read < 800
