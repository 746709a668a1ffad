import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.files.safe_names import safe_name, safe_names


@pytest.mark.parametrize("text, name", [
    ("cat", "cat"), ("a/b", "a_b"), ("..", "_"), ("../../etc", "_.._.._etc"), ("", "_"), (" ", "_"),
    ("x: \"y\"", "x_ _y_"), ("CON", "_CON"), ("nul.txt", "_nul.txt"), ("console", "console"), (".hidden", "_.hidden"),
    ("käfer 赤", "käfer 赤"), ("a.", "a"), ("tab\there", "tab_here"), ("lone \ud800", "lone _")])
def test_by_hand(text, name):
    assert safe_name(text) == name


def test_no_two_are_the_same():
    assert safe_names(["a/b", "a:b", "A_B", "a_b-2", ""], "class") == ["a_b", "a_b-2", "A_B-3", "a_b-2-2", "class"]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.text(max_size=200), max_size=5))
def test_every_text_makes_a_folder(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("names")
    names = safe_names(texts)
    for name in names:
        (folder / name).mkdir()
        assert (folder / name).parent == folder and os.path.basename(name) == name
    assert sorted(names) == sorted(os.listdir(folder))
