import json

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.yolo_names import find_names, names_of_file, names_of_yaml
from tests.yolo_files import text


@pytest.mark.parametrize("content, names", [
    ({"names": ["cat", " dog "]}, ("cat", "dog")), ({"names": {"1": "dog", "0": "cat"}, "nc": "2"}, ("cat", "dog")),
    ({"nc": "2"}, ("class_0", "class_1")), ({}, ()), ({"names": "cat, dog"}, ("cat", "dog")), ({"names": []}, ()),
    ({"names": ["no", "background", "007"]}, ("no", "background", "007"))])
def test_names_of_yaml(content, names, tmp_path):
    assert names_of_yaml(tmp_path / "d.yaml", content) == names


@pytest.mark.parametrize("content, words", [
    ({"names": ["a"], "nc": "2"}, "nc is 2, but there are 1 names"), ({"names": {"1": "a"}}, "there is no class 0"),
    ({"names": {"0": "a", "2": "b"}}, "there is no class 1"), ({"names": {"x": "a"}}, "'x' is no class's number"),
    ({"names": {"0": "a", "00": "b"}}, "there is no class 1"),
    ({"names": ["a", "a"]}, "class 1: the name 'a' stands twice"), ({"names": ["a", ""]}, "class 1: it has no name"),
    ({"names": ["a\x1b[31m"]}, "control characters"),
    ({"names": [["a"]]}, "list of words"), ({"nc": "x"}, "nc must be"),
    ({"nc": "0"}, "nc must be"), ({"nc": "9" * 400}, "nc must be"), ({"nc": ["1"]}, "nc must be"),
    ({"names": {"0": ["a"]}}, "list of words")])
def test_what_is_wrong_with_them(content, words, tmp_path):
    with pytest.raises(InputError, match=words) as caught:
        names_of_yaml(tmp_path / "d.yaml", content)
    assert str(caught.value).startswith(f"{tmp_path / 'd.yaml'}: ")


def test_files_of_names(tmp_path):
    assert find_names([tmp_path]) == (None, ())
    text(tmp_path / "notes.json", json.dumps({"categories": [{"id": 1, "name": "dog"}, {"id": 0, "name": "cat"}]}))
    assert find_names([tmp_path / "none", tmp_path]) == (tmp_path / "notes.json", ("cat", "dog"))
    text(tmp_path / "my.names", "x\n")
    assert find_names([tmp_path])[1] == ("cat", "dog")
    text(tmp_path / "Classes.txt", "\ufeffa\nb c\n\n")
    assert find_names([tmp_path]) == (tmp_path / "Classes.txt", ("a", "b c"))


def test_other_notes_are_none(tmp_path):
    assert names_of_file(text(tmp_path / "notes.json", "{}")) == names_of_file(text(tmp_path / "c.txt", "\n")) == ()
    for content, words in (('{"categories": [{"id": 0}]}', "needs an id and a name"), ("{", "malformed JSON"),
                           ('{"categories": [{"id": 0, "name": "a"}, {"id": 0, "name": "b"}]}', "stands twice"),
                           ('{"categories": [{"id": 3, "name": "a"}]}', "there is no class 0")):
        with pytest.raises(InputError, match=words):
            names_of_file(text(tmp_path / "notes.json", content))


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "classes.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(InputError, match="UTF-8"):
        find_names([tmp_path])
    with pytest.raises(InputError, match="cannot be read"):
        names_of_file(tmp_path / "none.txt")
    with pytest.raises(InputError, match="class 1: it has no name"):
        names_of_file(text(tmp_path / "c.txt", "a\n\nb\n"))
