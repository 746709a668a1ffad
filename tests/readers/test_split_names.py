import pytest

from frcnn_keras.readers.split_names import canonical, split_of, training_split


@pytest.mark.parametrize("word, name", [("train", "train"), ("Training", "train"), ("valid", "val"), ("DEV", "val"),
                                        ("validation", "val"), ("testing", "test"), ("trainval", "trainval"),
                                        ("x", "x")])
def test_canonical(word, name):
    assert canonical(word) == name


@pytest.mark.parametrize("name, split", [
    ("instances_val2017.json", "val"), ("train_labels.csv", "train"), ("valid", "val"), ("a-TEST.v2.csv", "test"),
    ("trainval.json", ""), ("train_val.json", ""), ("constrained.json", ""), ("annotations.json", "")])
def test_split_of(name, split):
    assert split_of(name) == split


@pytest.mark.parametrize("names, split", [
    ([""], ""), (["train"], "train"), (["default"], "default"), (["all"], "all"), (["test"], None), (["val"], None),
    (["valid"], None), (["cat_test"], None), (["trainval", "test"], "trainval"), (["train", "val"], None),
    (["test", "x"], None), ([], None)])
def test_the_split_that_trains(names, split):
    assert training_split(names) == split
