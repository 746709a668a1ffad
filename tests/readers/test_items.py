import io
import pathlib
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from frcnn_keras.errors import InputError
from frcnn_keras.readers.items import Item, from_items
from tests.yolo_files import fatal, picture


def pixels(seed=0, height=60, width=80):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def decoded(example):
    return np.asarray(Image.open(io.BytesIO(example.read())).convert("RGB"))


BOX = [[10, 20, 40, 50]]


def test_paths_bytes_arrays_and_pil_images(tmp_path):
    path = picture(tmp_path / "a.jpg", 60, 80)
    images = [path, str(path) + "", path.read_bytes(), pixels(1), Image.fromarray(pixels(2)), pixels(3)[..., 0]]
    dataset = from_items([(images[0], BOX, ["cat"]), *((image, BOX, [0]) for image in images[2:])], ["cat", "dog"])
    assert not dataset.problems and [example.id for example in dataset.examples] == [path.as_posix(), 1, 2, 3, 4]
    first, second, third, fourth, fifth = dataset.examples
    assert first.read() == second.read() == path.read_bytes() and first.path == str(path) and second.path == ""
    assert (decoded(third) == pixels(1)).all() and (decoded(fourth) == pixels(2)).all()
    assert (decoded(fifth) == pixels(3)[..., :1]).all() and (third.height, third.width) == (60, 80)
    for example in dataset.examples:
        assert example.boxes.tolist() == BOX and example.labels.tolist() == [1]


@pytest.mark.parametrize("form, box", [
    ("xyxy", (8, 6, 40, 30)), ("xywh", (8, 6, 32, 24)), ("xyxy_fraction", (0.1, 0.1, 0.5, 0.5)),
    ("yxyx_fraction", (0.1, 0.1, 0.5, 0.5)), ("cxcywh_fraction", (0.3, 0.3, 0.4, 0.4))])
def test_forms_of_boxes(form, box):
    (example,) = from_items([(pixels(), [box], ["a"])], form=form).examples
    np.testing.assert_allclose(example.boxes, [[8, 6, 40, 30]], rtol=1e-6)


def test_y_before_x():
    box = from_items([(pixels(), [(0.5, 0.25, 1, 0.75)], ["a"])], form="yxyx_fraction").examples[0].boxes
    np.testing.assert_allclose(box, [[20, 30, 60, 60]])


def test_labels_are_names_or_places_from_0():
    items = [(pixels(), BOX * 4, ["dog", 1, np.int64(0), b"cat"])]
    assert from_items(items, ["cat", "dog"]).examples[0].labels.tolist() == [2, 2, 1, 1]
    assert from_items([(pixels(), BOX * 2, ["dog", "cat"])]).class_names == ("cat", "dog")
    with pytest.raises(InputError, match="label 1 is a number: give class_names"):
        from_items([(pixels(), BOX, [1])])


def test_what_is_optional():
    items = [Item(pixels(), BOX * 2, [0, 0], "first", [True, False]),
             Item(pixels(1), BOX, [0], 7, crowd=np.array([True]))]
    first, second = from_items(items, ["cat"]).examples
    assert (first.id, second.id) == ("first", 7) and first.difficult.tolist() == [True, False]
    assert second.crowd.tolist() == [True] and second.difficult.tolist() == [False]


def test_images_without_objects():
    for boxes in ([], np.zeros((0, 4)), ()):
        assert from_items([(pixels(), boxes, []), (pixels(1), BOX, [0])], ["a"]).examples[0].boxes.shape == (0, 4)


def test_a_sequence_is_asked_again_and_nothing_is_kept():
    class Lazy:
        asked = []

        def __len__(self):
            return 3

        def __getitem__(self, place):
            self.asked.append(place)
            return pixels(place), BOX, [0]

    dataset = from_items(Lazy(), ["a"])
    assert Lazy.asked == [0, 1, 2]
    assert (decoded(dataset.examples[1]) == pixels(1)).all() and Lazy.asked == [0, 1, 2, 1]


def test_what_can_be_gone_through_once_is_kept():
    dataset = from_items(((pixels(seed), BOX, [0]) for seed in range(3)), ["a"])
    for seed, example in enumerate(dataset.examples):
        assert (decoded(example) == pixels(seed)).all() and example.read() == example.read()


@pytest.mark.parametrize("item, words", [
    (7, "received: a int"), ((1, 2), "received: a tuple of 2"),
    ((pixels(), [[1, 2, 3]], [0]), r"\(G, 4\) and its labels G"),
    ((pixels(), BOX, [0, 1]), r"received: \(1, 4\) and 2"), ((pixels(), [["x"] * 4], [0]), "must be .G, 4. numbers"),
    ((pixels(), BOX, [5]), "label 5 is none of 2 class_names, 0 to 1"), ((pixels(), BOX, [-1]), "label -1"),
    ((pixels(), BOX, [0.5]), "received: 0.5"), ((pixels(), BOX, [True]), "received: True"),
    ((pixels(), BOX, "a"), "a list"),
    ((pixels().astype(float), BOX, [0]), "of uint8"), ((np.zeros((5, 5, 4), np.uint8), BOX, [0]), "of uint8"),
    ((None, BOX, [0]), "its image must be a path"), ((b"no picture", BOX, [0]), "not a JPEG"),
    (("none.jpg", BOX, [0]), "none.jpg"),
    (Item(pixels(), BOX, [0], difficult=[1, 0]), "difficult must be one for each box"),
    ((pixels(), BOX, 3), "labels must be a list"),
    (Item(pixels(), BOX, [0], id=1.5), "its id must be"), ((pixels(), [[1, 2, np.nan, 4]], [0]), "no finite number")])
def test_a_bad_item_among_many(item, words):
    import re

    dataset = from_items([(pixels(1), BOX, [0]), item], ["cat", "dog"])
    (line,) = fatal(dataset)
    assert re.search(words, line) and "item 1" in line and len(dataset.examples[0].boxes) == 1


@pytest.mark.parametrize("arguments, words", [(dict(form="yxyx"), "form must be one of xyxy"),
                                              (dict(class_names="cat"), "must be a list of names")])
def test_wrong_arguments(arguments, words):
    with pytest.raises(InputError, match=words):
        from_items([], **arguments)


# What libraries hand out, in the structure that they document.


def test_as_tfds_hands_it_out():
    """voc/2007 with SkipDecoding, through as_numpy: dicts of bytes and arrays, gone through once."""
    stream = io.BytesIO()
    Image.fromarray(pixels()).save(stream, "JPEG")

    def as_numpy():
        for number in range(2):
            objects = {"bbox": np.float32([[0.5, 0.25, 1, 0.75]]), "label": np.int64([1]),
                       "is_difficult": np.array([number == 1])}
            yield {"image": stream.getvalue(), "image/filename": f"{number:06}.jpg".encode(), "objects": objects}

    names = ["aeroplane", "bicycle"]
    dataset = from_items((Item(row["image"], row["objects"]["bbox"], row["objects"]["label"],
                               row["image/filename"].decode(), row["objects"]["is_difficult"]) for row in as_numpy()),
                         names, form="yxyx_fraction")
    assert [example.id for example in dataset.examples] == ["000000.jpg", "000001.jpg"] and not dataset.problems
    assert dataset.examples[1].difficult.tolist() == [True] and dataset.examples[0].labels.tolist() == [2]
    np.testing.assert_allclose(dataset.examples[0].boxes, [[20, 30, 60, 60]])


def test_as_hugging_face_hands_it_out():
    """A Dataset whose image column is cast to Image(decode=False): rows by number, lists of lists."""
    class Rows(NamedTuple):
        count: int = 2

        def row(self, place):
            stream = io.BytesIO()
            Image.fromarray(pixels(place)).save(stream, "PNG")
            return {"image": {"bytes": stream.getvalue(), "path": None}, "objects": {"bbox": [[8.0, 6.0, 32.0, 24.0]],
                                                                                    "category": [1]}}

    class Pairs:
        def __len__(self):
            return 2

        def __getitem__(self, place):
            row = Rows().row(place)
            return row["image"]["bytes"], row["objects"]["bbox"], row["objects"]["category"]

    dataset = from_items(Pairs(), ["Coverall", "Mask"], form="xywh")
    assert dataset.examples[1].boxes.tolist() == [[8, 6, 40, 30]] and dataset.examples[0].labels.tolist() == [2]
    assert (decoded(dataset.examples[1]) == pixels(1)).all()


def test_tensors():
    tf = pytest.importorskip("tensorflow")
    image = tf.io.encode_png(pixels())
    dataset = from_items([(image, tf.constant([[0.1, 0.1, 0.5, 0.5]]), tf.constant([0])),
                          (tf.constant(pixels()), tf.zeros((0, 4)), tf.zeros((0,), tf.int64))], ["a"],
                         form="xyxy_fraction")
    assert not dataset.problems and dataset.examples[0].read() == image.numpy()


def test_an_id_is_the_path_as_it_is_given(tmp_path, monkeypatch):
    picture(tmp_path / "sub/a.jpg")
    monkeypatch.chdir(tmp_path)
    for path in ("sub/a.jpg", pathlib.Path("sub/a.jpg")):
        assert from_items([(path, BOX, ["a"])]).examples[0].id == "sub/a.jpg"
