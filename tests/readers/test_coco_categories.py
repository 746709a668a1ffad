import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.coco_categories import category_ids, read_categories


def category(id, name, above=None):
    return {"id": id, "name": name} | ({"supercategory": above} if above is not None else {})


def read(*entries, used=(1,), asked=None):
    return read_categories(list(entries), set(used), asked, "ann.json")


def test_names_by_id():
    found = read(category("90", " brush "), category(3.0, "car"), category(0, "x"))
    assert found.names == {0: "x", 3: "car", 90: "brush"} and list(found.names) == [0, 3, 90] and not found.notes


@pytest.mark.parametrize("root", [category(0, "cod", "none"), category(0, "cod"), category(0, "cod", "cod"),
                                  category(0, "cod", "")])
def test_a_root_that_no_annotation_has_is_left_out(root):
    found = read(root, category(1, "cod", "cod"), category(2, "eel", "cod"))
    assert found.names == {1: "cod", 2: "eel"} and len(found.notes) == 1 and "category 0 (cod)" in found.notes[0]
    found = read(category(0, "fish", "none"), category(1, "cod", "fish"))
    assert found.names == {1: "cod"}


def test_what_is_a_class_stays():
    used = read(category(0, "fish", "none"), category(1, "cod", "fish"), used=(0, 1))
    assert used.names == {0: "fish", 1: "cod"} and not used.notes
    asked = read(category(0, "fish", "none"), category(1, "cod", "fish"), asked=("fish", "cod"))
    assert asked.names == {0: "fish", 1: "cod"}
    person = read(category(1, "person", "person"), category(2, "bicycle", "vehicle"), used=())  # as in COCO
    assert person.names == {1: "person", 2: "bicycle"}
    middle = read(category(1, "animal", "thing"), category(2, "cat", "animal"), used=(2,))
    assert middle.names == {1: "animal", 2: "cat"}


def test_the_same_entry_again_is_one():
    assert read(category(1, "cat"), category(1, "cat")).names == {1: "cat"}


@pytest.mark.parametrize("entries, words", [
    ([category(1, "cat"), category(1, "dog")], "its id stands twice"),
    ([category(1, "cat"), category(2, "cat ")], "its name stands twice"),
    ([category("x", "cat")], "category 1 of the list"), ([category(1, None)], "category 1"), ([7], "category 1"),
    ([category(1, " ")], "category 1"), ([category(1, "\ud800")], "control characters"),
    ([category(1, "a\x1b[2Jb")], "control characters"), ([category(10**400, "cat")], "category 1"),
])
def test_bad_categories(entries, words):
    with pytest.raises(InputError, match=words) as caught:
        read(*entries)
    assert "\x1b" not in str(caught.value)


def test_ids_of_classes_the_file_does_not_know():
    assert category_ids({3: "car", 90: "brush"}, ("bus", "brush", "car", "tram")) == [1, 90, 3, 2]
