import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.runs.class_filter import wanted_labels

NAMES = ("cat", "dog", "a,b", "x y", 'the "best"')


@pytest.mark.parametrize("texts, labels", [
    (["cat"], {1}), (["cat,dog"], {1, 2}), (["cat, dog"], {1, 2}), (["cat", "dog"], {1, 2}), (["dog,dog,"], {2}),
    (["a,b"], {3}), (['cat,"a,b"'], {1, 3}), (["x y"], {4}), (['the "best"'], {5})])
def test_names(texts, labels):
    assert wanted_labels(texts, NAMES) == labels


@pytest.mark.parametrize("texts, told", [
    (["Cat"], "no class Cat; the nearest is cat "), (["cat,dogg"], "no class dogg; the nearest is dog "),
    (["zzzzzz"], "no class zzzzzz"), ([""], "names no class"), ([","], "names no class"), (['"cat'], "double quotes")])
def test_others_are_one_line(texts, told):
    with pytest.raises(InputError, match=told) as caught:
        wanted_labels(texts, NAMES)
    assert "\n" not in str(caught.value)


def test_other_scripts():
    assert wanted_labels(["käfer,赤"], ("赤", "käfer")) == {1, 2}
    with pytest.raises(InputError, match="the nearest is käfer"):
        wanted_labels(["kafer"], ("赤", "käfer"))
