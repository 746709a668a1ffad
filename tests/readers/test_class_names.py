import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.class_names import fault_of, look_alikes, parse_names, resolve_classes


def test_resolve_classes():
    assert resolve_classes(["b", "a", "background", "", "b"], None) == ("b", "a")
    assert resolve_classes(["b"], ["a", "b"]) == ("a", "b")
    for bad in (["a", "a"], [""], [], ["a", "Background"], ["__background__"]):
        with pytest.raises(InputError):
            resolve_classes(["a"], bad)


@pytest.mark.parametrize("name", ["a\x1b[31mb", "a\nb", "a\tb", "\ud800", "a\u2028b", "a\0"])
def test_control_characters_are_refused(name):
    assert "control characters" in fault_of(name) and fault_of(name).isprintable()
    assert resolve_classes(["b", name], None) == ("b",)
    with pytest.raises(InputError, match="control characters"):
        resolve_classes([], [name])


@pytest.mark.parametrize("name", ["a, b", 'a "b"', "it's", "\u00e9t\u00e9", "\u732b", "\U0001f431",
                                  "\u06cc\u200c\u0631", "a:b/c\\d"])
def test_other_text_is_kept(name):
    assert fault_of(name) == "" and resolve_classes([name], None) == (name,)


def test_names_of_a_flag():
    assert parse_names('cat, "dog, big","a ""b""",5" pipe,it\'s') == ("cat", "dog, big", 'a "b"', '5" pipe', "it's")
    assert parse_names("cat,dog") == ("cat", "dog") and parse_names("a,,b") == ("a", "", "b")
    for bad in ('"cat', '"cat"x,dog'):
        with pytest.raises(InputError, match="double quotes"):
            parse_names(bad)


def test_look_alikes():
    assert look_alikes(["cat", "dog", "Cat ", "traffic light", "trafficlight", "bus"]) == [
        ("cat", "Cat "), ("traffic light", "trafficlight")]
    assert look_alikes(["cat", "cart"]) == []
