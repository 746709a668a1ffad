import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.yolo_sets import describing, find_set
from tests.yolo_files import text


def folders(root, *names):
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("content, made, split, wanted", [
    ("train: images/train\nval: images/val\nnames: [a]\n", ["images/train", "images/val"], "train", ["images/train"]),
    ("path: set\ntrain: t\nval: v\nnames: [a]\n", ["set/t"], "train", ["set/t"]),
    ("path: ../elsewhere/set\ntrain: t\nnames: [a]\n", ["t"], None, ["t"]),  # of another machine
    ("train: ../train/images\nval: ../valid/images\n", ["train/images", "valid/images"], "valid", ["valid/images"]),
    ("train: /content/set/train/images\nval: /content/set/val/images\n", ["train/images", "val/images"], "val",
     ["val/images"]),
    ("train: [a, b]\nval: c\n", ["a", "b"], "train", ["a", "b"]),
    ("train:\n  - a\nval:\ntest: ~\n", ["a"], None, ["a"]),
    ("train: a\\b\n", ["a/b"], None, ["a/b"]), ("training: a\nvalidation: b\n", ["b"], "val", ["b"])])
def test_where_a_split_is(content, made, split, wanted, tmp_path):
    folders(tmp_path, *made)
    found = find_set(text(tmp_path / "data.yaml", content))
    assert found.entries(split) == [tmp_path / name for name in wanted]
    assert find_set(tmp_path) == found


def test_path_may_be_absolute(tmp_path):
    folders(tmp_path, "elsewhere/t")
    found = find_set(text(tmp_path / "here/a.yaml", f"path: {tmp_path}/elsewhere\ntrain: t\nnames: [a]"))
    assert found.entries(None) == [tmp_path / "elsewhere/t"]
    found = find_set(text(tmp_path / "here/a.yaml", f"train: {tmp_path}/elsewhere/t\nnames: [a]"))
    assert found.entries(None) == [tmp_path / "elsewhere/t"]


def test_two_splits_of_another_machine_are_not_one_folder(tmp_path):
    folders(tmp_path, "images")
    found = find_set(text(tmp_path / "data.yaml", "train: /content/train/images\nval: /content/val/images\n"))
    for split in ("train", "val"):
        with pytest.raises(InputError, match=f"{split}: there is no '/content/{split}/images'"):
            found.entries(split)


@pytest.mark.parametrize("made, splits", [
    (["images", "labels"], {"": "images"}), (["images/train", "images/val", "labels/train"], ("train", "val")),
    (["valid/images", "valid/labels", "test", "Train/images"], ("train", "val", "test")), ([], {"": "."})])
def test_folders_alone(made, splits, tmp_path):
    folders(tmp_path, *made)
    text(tmp_path / "classes.txt", "cat\n")
    found = find_set(tmp_path)
    assert tuple(found.splits) == tuple(splits) and found.names == ("cat",)
    if isinstance(splits, dict):
        assert found.entries(None) == [tmp_path / splits[""]]
    else:
        with pytest.raises(InputError, match=f"name a split .* there are: {', '.join(splits)}"):
            found.entries(None)
        assert found.entries("val")[0].name == ("valid" if "valid/images" in made else "val")


def test_a_split_that_is_not_there(tmp_path):
    folders(tmp_path, "a", "images")
    with pytest.raises(InputError, match="there is no split 'test'; there are: train"):
        find_set(text(tmp_path / "data.yaml", "train: a\n")).entries("test")
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(InputError, match="no split 'test'"):
        find_set(tmp_path).entries("test")


def test_darknet(tmp_path):
    text(tmp_path / "obj.names", "cat\ndog\n")
    file = text(tmp_path / "obj.data", "classes = 2\ntrain = data/train.txt\nvalid = data/val.txt\n"
                                       "names = data/obj.names\nbackup = backup/\n")
    text(tmp_path / "data/train.txt")
    found = find_set(tmp_path)
    assert found.file == file and found.names == ("cat", "dog") and list(found.splits) == ["train", "val"]
    assert found.entries("train") == [tmp_path / "data/train.txt"]
    with pytest.raises(InputError, match="it names no images"):
        find_set(text(tmp_path / "obj.data", "classes = 2\n"))
    with pytest.raises(InputError, match="there is no file 'x.names'"):
        find_set(text(tmp_path / "obj.data", "train = a\nnames = x.names\n"))


def test_as_cvat_writes_it(tmp_path):
    text(tmp_path / "obj.names", "cat\n")
    text(tmp_path / "obj.data", "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\n")
    lines = text(tmp_path / "train.txt")
    assert find_set(tmp_path).entries(None) == [lines] and find_set(tmp_path).names == ("cat",)


def test_which_file_describes(tmp_path):
    text(tmp_path / "hyp.yaml", "lr0: 0.1\n")
    text(tmp_path / "broken.yaml", "a: [")
    assert describing(tmp_path) == []
    one = text(tmp_path / "mine.yaml", "train: a\nnc: 2\n")
    assert describing(tmp_path) == [one]
    text(tmp_path / "other.yaml", "train: a\nnc: 2\n")
    with pytest.raises(InputError, match="mine.yaml and other.yaml both describe"):
        find_set(tmp_path)
    text(tmp_path / "data.yaml", "train: a\n")
    assert [path.name for path in describing(tmp_path)] == ["data.yaml"]


@pytest.mark.parametrize("content, words", [
    ("[1]", "it must have keys"), ("text", "it must have keys"), ("names: [a]\n", "it names no images"),
    ("train: {a: b}\n", "train must be a folder"), ("train: [[a]]\n", "train must be"),
    ("train: a\nkpt_shape: [1]", "kpt_shape"),
    ("train: a\nkpt_shape: [17, x]", "kpt_shape"), ("train: a\nkpt_shape: [9999, 9999]", "kpt_shape"),
    ("a: [", "line "),
    ("train: a\nnames: [a, a]", "stands twice")])
def test_a_broken_yaml(content, words, tmp_path):
    with pytest.raises(InputError, match=words):
        find_set(text(tmp_path / "data.yaml", content))


@pytest.mark.parametrize("entry", ["data.yaml", "a.jpg"])
def test_an_entry_that_is_another_file(entry, tmp_path):
    text(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=f"train: '{entry}' is no folder, and no text file"):
        find_set(text(tmp_path / "data.yaml", f"train: {entry}\n")).entries("train")


def test_keypoints(tmp_path):
    assert find_set(text(tmp_path / "data.yaml", "train: a\nkpt_shape: [17, 3]")).keypoints == 51


def test_what_is_none(tmp_path):
    table = text(tmp_path / "a.csv")
    for path, words in ((tmp_path / "none", "no such file or folder"), (table, "name the data.yaml")):
        with pytest.raises(InputError, match=words):
            find_set(path)


@pytest.mark.parametrize("name", ["x" * 300, "a\\0b", "/" + "x/" * 3000, "\\ud800", "[[[", "~"])
def test_names_that_no_file_can_have(name, tmp_path):
    for content in (f'train: "{name}"\n', f'path: "{name}"\ntrain: none\n', f"train: ['{name}', x]\n"):
        with pytest.raises(InputError) as caught:
            find_set(text(tmp_path / "data.yaml", content)).entries(None)
        assert "\n" not in str(caught.value) and str(caught.value).isprintable()
    with pytest.raises(InputError):
        find_set(text(tmp_path / "a.data", f"train = {name}\nnames = {name}\n")).entries(None)
