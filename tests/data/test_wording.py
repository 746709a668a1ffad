from frcnn_keras.data import wording


def test_counts():
    assert wording.counted(1, "image") == "1 image" and wording.counted(0, "image") == "0 images"
    assert wording.counted(1234567, "box", "boxes") == "1,234,567 boxes"


def test_names():
    assert wording.classes(["ant"]) == "1 class: ant" and wording.classes([]) == "no classes"
    assert wording.classes(["ant", "bee"]) == "2 classes: ant, bee"
    assert wording.classes(list("abcdefghijk")) == "11 classes: a, b, c, d, e, f, g, h and 3 more"
    assert wording.listed(list("abcdefgh")) == "a, b, c, d, e, f, g, h"


def test_numbers():
    assert wording.numbers([8.0, 16.5]) == "8, 16.5"
