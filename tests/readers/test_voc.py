import os
import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.validation import settle
from frcnn_keras.readers.voc import read_voc
from tests.spoiling import spoilt_bytes, spoilt_texts
from tests.work import calls_of

BCCD = Path(__file__).resolve().parents[2].parent / "shared" / "datasets" / "bccd"
CAT = "<object><name>cat</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>{}</object>"


def cat(box=(1, 1, 20, 10), more=""):
    return CAT.format(*box, more)


def write(folder, id, body, size=(53, 37), head="<annotation>", tail="</annotation>", suffix=".jpg", images=None):
    """An XML file and its image of 53 x 37."""
    stated = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    (folder / f"{id}.xml").write_text(f"{head}<filename>wrong.jpg</filename><path>/x/y.jpg</path>{stated}{body}{tail}")
    cv2.imwrite(str((images or folder) / f"{id}{suffix}"), np.zeros((37, 53, 3), np.uint8))


@pytest.fixture
def root(tmp_path):
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (tmp_path / name).mkdir(parents=True)
    for id in ("a", "b"):
        write(tmp_path / "Annotations", id, cat(), images=tmp_path / "JPEGImages")
    (tmp_path / "ImageSets/Main/train.txt").write_text("a\n\nb\n")
    return tmp_path


def only_problem(dataset):
    (problem,) = dataset.problems
    assert "\n" not in str(problem) and "Traceback" not in str(problem)
    return problem


def test_boxes_become_continuous(root):
    dataset = read_voc(root, "train")
    assert [example.id for example in dataset.examples] == ["a.jpg", "b.jpg"]
    first = dataset.examples[0]
    np.testing.assert_array_equal(first.boxes, [[0, 0, 20, 10]])  # pixels 1..20 are 20 wide
    assert (first.height, first.width) == (37, 53)
    assert first.read() == (root / "JPEGImages/a.jpg").read_bytes()
    assert dataset.class_names == ("cat",) and dataset.category_ids == (1,) and not dataset.problems


@pytest.mark.parametrize("line", ["a  1", "a -1", "a 0", "a\t1", "\ufeffa"])
def test_lines_of_a_split(root, line):
    (root / "ImageSets/Main/cat_train.txt").write_text(line, "utf-8")
    assert [example.id for example in read_voc(root, "cat_train").examples] == ["a.jpg"]


def test_an_id_that_ends_like_a_second_column(root):
    write(root / "Annotations", "img 1", cat(), images=root / "JPEGImages")
    (root / "ImageSets/Main/train.txt").write_text("img 1\n")
    assert [example.id for example in read_voc(root, "train").examples] == ["img 1.jpg"]


def test_flat_folder(tmp_path):
    write(tmp_path, "b", cat(), suffix=".JPG")
    write(tmp_path, "a", "", suffix=".png")
    (tmp_path / "b.xml").rename(tmp_path / "b.XML")
    dataset = read_voc(tmp_path)
    assert [(example.id, len(example.boxes)) for example in dataset.examples] == [("a.png", 0), ("b.JPG", 1)]
    assert not dataset.problems


def test_images_without_xml_are_mentioned(tmp_path):
    write(tmp_path, "a", cat())
    cv2.imwrite(str(tmp_path / "z.png"), np.zeros((5, 5, 3), np.uint8))
    problem = only_problem(read_voc(tmp_path))
    assert not problem.fatal and "z.png" in problem.message


def test_annotations_and_images_without_a_split(root):
    for file in (root / "ImageSets/Main").iterdir():
        file.unlink()
    for folder in ("ImageSets/Main", "ImageSets"):
        (root / folder).rmdir()
    assert len(read_voc(root).examples) == 2


def test_difficult_in_any_case_or_missing(tmp_path):
    tags = "<Difficult>1</Difficult>", "<difficult>0</difficult>", "<difficult> 1 </difficult>", ""
    write(tmp_path, "a", "".join(cat(more=more) for more in tags))
    assert read_voc(tmp_path).examples[0].difficult.tolist() == [True, False, True, False]


def test_parts_are_not_objects(tmp_path):
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></part>"
    write(tmp_path, "a", cat(more=part))
    dataset = read_voc(tmp_path)
    assert dataset.class_names == ("cat",) and len(dataset.examples[0].boxes) == 1


@pytest.mark.parametrize("size", [(0, 0), None, ("", "x"), (53, 37)])
def test_size_is_the_images(tmp_path, size):
    write(tmp_path, "a", cat(), size=size)
    dataset = read_voc(tmp_path)
    assert (dataset.examples[0].height, dataset.examples[0].width) == (37, 53) and not dataset.problems


def test_a_wrong_size_stops(tmp_path):
    write(tmp_path, "a", cat(), size=(640, 480))
    dataset = read_voc(tmp_path)
    assert (dataset.examples[0].height, dataset.examples[0].width) == (37, 53) and not dataset.examples[0].certain
    problem = only_problem(dataset)
    assert problem.fatal and "640 x 480" in problem.message and "53 x 37" in problem.message
    with pytest.raises(InputError, match="640 x 480"):
        settle(dataset, skip_bad=True)  # its boxes are of nothing known: the image does not train


def test_a_resized_image(tmp_path):
    write(tmp_path, "a", cat((3, 5, 40, 20)), size=(106, 74))
    assert "--scale-boxes" in only_problem(read_voc(tmp_path)).message
    dataset = read_voc(tmp_path, scale_boxes=True)
    np.testing.assert_array_equal(dataset.examples[0].boxes, [[1, 2, 20, 10]])
    assert not only_problem(dataset).fatal and "1 box in 1 image was scaled" in only_problem(dataset).message
    assert len(settle(dataset).examples) == 1


def test_boxes_counted_from_0(tmp_path):
    write(tmp_path, "a", cat((1.5, 2.25, 20.5, 10)) + cat((0, 0, 30, 30)) + cat((0, 3, 30, 37)))
    dataset = read_voc(tmp_path)
    np.testing.assert_array_equal(dataset.examples[0].boxes, [[0.5, 1.25, 20.5, 10], [0, 0, 30, 30], [0, 2, 30, 37]])
    problem = only_problem(dataset)
    assert not problem.fatal and "2 boxes begin at pixel 0" in problem.message and "--voc-from-zero" in problem.message
    dataset = read_voc(tmp_path, from_zero=True)
    np.testing.assert_array_equal(dataset.examples[0].boxes, [[1.5, 2.25, 20.5, 10], [0, 0, 30, 30], [0, 3, 30, 37]])
    assert not dataset.problems


def test_boxes_as_fractions(tmp_path):
    write(tmp_path, "a", cat((0.25, 0.25, 0.5, 0.75)) + cat((0, 0, 1, 1)))
    problem = only_problem(read_voc(tmp_path))
    assert problem.fatal and "fractions" in problem.message


@pytest.mark.parametrize(
    "body, item, words",
    [
        (cat((20, 1, 19, 10)), "object 1 (cat)", "no area"),
        (cat((100, 1, 120, 10)), "object 1 (cat)", "outside"),
        (cat(("nan", 1, 9, 10)), "object 1 (cat)", "finite"),
        (cat(("one", 1, 9, 10)), "object 1 (cat)", "<xmin> must be a number"),
        (cat() + "<object><name>dog</name></object>", "object 2 (dog)", "<bndbox>"),
        (cat() + cat().replace("cat", ""), "object 2", "no class name"),
        (cat().replace("cat", "background"), "object 1 (background)", "background"),
    ],
)
def test_bad_objects_are_fatal(tmp_path, body, item, words):
    write(tmp_path, "a", body)
    problem = only_problem(read_voc(tmp_path))
    assert problem.fatal and problem.file.endswith("a.xml") and problem.item == item and words in problem.message


def test_unknown_class(root):
    write(root / "Annotations", "b", cat().replace("cat", "cow"), images=root / "JPEGImages")
    assert read_voc(root, "train").class_names == ("cat", "cow")
    dataset = read_voc(root, "train", class_names=("dog", "cat"))
    assert dataset.class_names == ("dog", "cat") and dataset.examples[0].labels.tolist() == [2]
    assert only_problem(dataset).fatal and "'cow'" in only_problem(dataset).message


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "malformed XML"),
        ("<annotation><object></annotation>", "malformed XML"),
        ("<html></html>", "not a VOC annotation"),
        ('<?xml version="1.0" encoding="nonsense"?><annotation/>', "malformed XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><annotation>&x;</annotation>', "DTD"),
        ("<!doctype annotation><annotation/>", "DTD"),
    ],
)
def test_bad_xml_is_fatal_and_left_out(root, text, words):
    (root / "Annotations/a.xml").write_text(text)
    dataset = read_voc(root, "train")
    assert [example.id for example in dataset.examples] == ["b.jpg"]
    problem = only_problem(dataset)
    assert problem.fatal and problem.file.endswith("a.xml") and words in problem.message
    with pytest.raises(InputError, match="a.xml"):
        settle(dataset)
    assert len(settle(dataset, skip_bad=True).examples) == 1


def test_a_dtd_in_utf_16_is_found(root):
    (root / "Annotations/a.xml").write_bytes('<!DOCTYPE x [<!ENTITY a "b">]><annotation/>'.encode("utf-16"))
    assert "DTD" in only_problem(read_voc(root, "train")).message


def test_missing_files_of_one_image(root):
    (root / "Annotations/a.xml").unlink()
    assert "cannot be read" in only_problem(read_voc(root, "train")).message
    (root / "JPEGImages/b.jpg").unlink()
    assert "no image 'b'" in read_voc(root, "train").problems[1].message
    with pytest.raises(InputError):
        settle(read_voc(root, "train"), skip_bad=True)


def test_truncated_image(root):
    file = root / "JPEGImages/b.jpg"
    file.write_bytes(file.read_bytes()[:-20])
    problem = only_problem(read_voc(root, "train"))
    assert problem.fatal and problem.file == str(file) and "truncated" in problem.message


def test_an_image_listed_twice(root):
    (root / "ImageSets/Main/train.txt").write_text("a\na\n")
    dataset = read_voc(root, "train")
    assert len(dataset.examples) == 1
    assert not only_problem(dataset).fatal and "1 line lists an image again, first: a" in only_problem(dataset).message


def test_missing_folders_and_splits(root, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_voc(root / "nowhere")
    with pytest.raises(InputError, match="no such split; there are: train"):
        read_voc(root, "val")
    with pytest.raises(InputError, match="name a split .* train"):
        read_voc(root)
    with pytest.raises(InputError, match="no ImageSets"):
        read_voc(root / "Annotations", "train")
    with pytest.raises(InputError, match="no XML"):
        read_voc(root / "JPEGImages")


def test_reading_is_little_work(root):
    """Some calls for each XML file, and not for every pair of them."""
    def calls(count):
        (root / "ImageSets/Main/many.txt").write_text("".join(f"many{number}\n" for number in range(count)))
        return calls_of(lambda: read_voc(root, "many"))

    for number in range(80):
        write(root / "Annotations", f"many{number}", cat() * 10, images=root / "JPEGImages")
    few, many = calls(20), calls(80)
    assert few < many < 5 * few and many < 80 * 10000  # a tenth of that


@pytest.mark.skipif(not BCCD.is_dir(), reason="the blood cell data set is not here")
def test_blood_cells():
    dataset = read_voc(BCCD, "trainval")
    assert len(dataset.examples) == 292 and dataset.class_names == ("Platelets", "RBC", "WBC")
    assert [(Path(problem.file).stem, problem.fatal) for problem in dataset.problems] == [
        ("BloodImage_00338", False), ("BloodImage_00343", False)]
    test = read_voc(BCCD, "test", dataset.class_names)
    assert len(test.examples) == 72 and not test.problems
    both = dataset.examples + test.examples
    counts = np.bincount(np.concatenate([example.labels for example in both]))
    assert counts.tolist() == [0, 361, 4155 - 2, 372]  # as published, less the two of one pixel
    assert {(example.height, example.width) for example in both} == {(480, 640)}
    settle(dataset)


def test_an_id_is_the_path_with_suffix(tmp_path):
    """Pictures of one stem are two; those of one name in two folders as well."""
    for name in ("Annotations/cam1", "Annotations/cam2", "JPEGImages/cam1", "JPEGImages/cam2"):
        (tmp_path / name).mkdir(parents=True)
    for cam in ("cam1", "cam2"):
        write(tmp_path / "Annotations" / cam, "0001", cat(), images=tmp_path / "JPEGImages" / cam)
    expected = ["cam1/0001.jpg", "cam2/0001.jpg"]
    dataset = read_voc(tmp_path)
    assert [example.id for example in dataset.examples] == expected and not dataset.problems
    assert [example.path for example in dataset.examples] == [str(tmp_path / "JPEGImages" / id) for id in expected]
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets/one.txt").write_text("cam2\\\\0001.jpg\n".replace("\\\\", "\\"))
    assert [example.id for example in read_voc(tmp_path, "one").examples] == ["cam2/0001.jpg"]


def test_the_image_that_the_file_names(tmp_path):
    write(tmp_path, "img", cat())
    cv2.imwrite(str(tmp_path / "img.png"), np.zeros((37, 53, 3), np.uint8))
    assert "fits both" in read_voc(tmp_path).problems[0].message
    file = tmp_path / "img.xml"
    file.write_text(file.read_text().replace("wrong.jpg", "img.png"))
    dataset = read_voc(tmp_path)
    assert [example.id for example in dataset.examples] == ["img.png"]
    assert not only_problem(dataset).fatal and "img.jpg" in only_problem(dataset).message  # it has no XML


def test_file_names_that_are_not_believed_are_noted(root):
    for id in ("a", "b"):
        file = root / f"Annotations/{id}.xml"
        file.write_text(file.read_text().replace("wrong.jpg", "a.jpg"))
    dataset = read_voc(root, "train")
    assert [example.id for example in dataset.examples] == ["a.jpg", "b.jpg"]
    problem = only_problem(dataset)
    assert not problem.fatal and "first: b.xml names a.jpg" in problem.message


def test_two_files_that_claim_an_image(root):
    (root / "JPEGImages/a.jpg").rename(root / "JPEGImages/c.jpg")
    (root / "JPEGImages/b.jpg").unlink()
    for id in ("a", "b"):
        file = root / f"Annotations/{id}.xml"
        file.write_text(file.read_text().replace("wrong.jpg", "c.jpg"))
    dataset = read_voc(root, "train")
    assert not dataset.examples and [problem.fatal for problem in dataset.problems] == [True, True]


def test_hidden_files_are_passed_over(tmp_path):
    write(tmp_path, "a", cat())
    for name in ("._a.xml", "._a.jpg", ".DS_Store", ".b.xml"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7Mac OS X")
    dataset = read_voc(tmp_path)
    assert [example.id for example in dataset.examples] == ["a.jpg"] and not dataset.problems


def test_a_name_that_is_no_utf_8(root):
    for folder, old, new in ((b"Annotations", b"a.xml", b"caf\xe9.xml"), (b"JPEGImages", b"a.jpg", b"caf\xe9.jpg")):
        os.rename(os.path.join(os.fsencode(root), folder, old), os.path.join(os.fsencode(root), folder, new))
    (root / "ImageSets/Main/train.txt").write_bytes(b"caf\xe9\ncaf\xe8\nb\n")
    dataset = read_voc(root, "train")
    assert [example.id for example in dataset.examples] == ["caf\\xe9.jpg", "b.jpg"]
    assert dataset.examples[0].read()[:2] == b"\xff\xd8"
    dataset.fingerprint()
    str(only_problem(dataset)).encode()
    dataset.examples[0].file.encode()


def test_a_class_name_with_control_characters(tmp_path):
    write(tmp_path, "a", cat() + cat().replace("cat", "c\ta\tt"))
    problem = only_problem(read_voc(tmp_path))
    assert problem.fatal and "control characters" in problem.message and str(problem).isprintable()


def test_whatever_stands_there_no_other_error_leaves(root):
    """Files, names in them and lines of the split, spoilt: InputError alone, and problems of one printable line."""
    chance, good = random.Random(2), (root / "Annotations/a.xml").read_bytes()
    kept = 0
    for number in range(400):
        spoil = spoilt_texts if number % 2 else spoilt_bytes
        (root / "Annotations/a.xml").write_bytes(spoil(chance, good))
        lines = spoilt_bytes(chance, b"a\nb 1\nc.jpg\n") if number % 3 else b"a\nb"
        (root / "ImageSets/Main/train.txt").write_bytes(lines)
        try:
            dataset = read_voc(root, "train")
        except InputError as error:
            assert str(error).isprintable()
            continue
        kept += len(dataset.examples)
        dataset.fingerprint()
        assert all(str(problem).isprintable() and len(str(problem)) < 1000 for problem in dataset.problems)
    assert 200 < kept
