"""What is the package's goes, what is the user's stays: at every kill point of every protocol."""

import os
from pathlib import Path

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files import write_json
from frcnn_keras.files.folders import (
    Layout,
    discard,
    is_empty,
    is_mark,
    keep_folder,
    recover,
    require_place,
    settled,
    whole_folder,
)
from tests.kills import Killed, killed_at, operations_of

LAYOUT = Layout(r"config\.json|a|b|maps/(m\d\.json|extractor)", (("config.json", frozenset(("format", "prep"))),),
                ("maps",))


def tree(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_whole_folder_takes_the_place_of_an_older_one(tmp_path):
    with whole_folder(tmp_path / "1", LAYOUT) as folder:
        (folder / "a").write_text("first")
        assert not (tmp_path / "1").exists() and folder.parent == tmp_path
    for error in (KeyboardInterrupt, OSError):
        with pytest.raises(error), whole_folder(tmp_path / "1", LAYOUT) as folder:
            (folder / "b").write_text("half")
            raise error
        assert tree(tmp_path) == {"1/a": "first"} and os.listdir(tmp_path) == ["1"]
    with whole_folder(tmp_path / "1", LAYOUT) as folder:
        (folder / "b").write_text("second")
        assert tree(tmp_path / "1") == {"a": "first"}
    assert tree(tmp_path) == {"1/b": "second"} and os.listdir(tmp_path) == ["1"]


def test_an_older_folder_comes_back_where_the_new_one_cannot_take_its_name(tmp_path, monkeypatch):
    with whole_folder(tmp_path / "1", LAYOUT) as folder:
        (folder / "a").write_text("first")
    real = os.rename

    def rename(source, target):
        if Path(source).suffix == ".tmp":
            raise OSError("no")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(OSError, match="no"), whole_folder(tmp_path / "1", LAYOUT) as folder:
        (folder / "a").write_text("second")
    assert tree(tmp_path) == {"1/a": "first"} and os.listdir(tmp_path) == ["1"]


def test_a_finished_folder_takes_the_place_of_an_older_one(tmp_path):
    for name, text in (("out", "old"), ("out.partial", "new")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(text)
    keep_folder(tmp_path / "out.partial", tmp_path / "out", LAYOUT)
    assert (tmp_path / "out" / "a").read_text() == "new" and [path.name for path in tmp_path.iterdir()] == ["out"]


def made(folder, text, maps=True):
    """A folder as the package makes it."""
    folder.mkdir()
    write_json(folder / "config.json", {"format": 1, "prep": text})
    (folder / "a").write_text(text)
    if maps:
        (folder / "maps").mkdir()
        (folder / "maps" / "m1.json").write_text(text)


def users(folder):
    """What a user puts into it."""
    (folder / "notes.txt").write_text("mine")
    (folder / "photos").mkdir()
    (folder / "photos" / "a").write_text("mine")  # a name that is the package's elsewhere
    if (folder / "maps").exists():
        (folder / "maps" / "mine.txt").write_text("mine")


OURS = {"config.json", "a", "maps/m1.json"}
THEIRS = {"notes.txt", "photos/a", "maps/mine.txt"}


def test_only_what_the_layout_names_is_discarded(tmp_path):
    made(tmp_path / "x", "old")
    discard(tmp_path / "x", LAYOUT)
    assert not (tmp_path / "x").exists()
    made(tmp_path / "x", "old")
    users(tmp_path / "x")
    discard(tmp_path / "x", LAYOUT)
    assert set(tree(tmp_path / "x")) == THEIRS
    discard(tmp_path / "absent", LAYOUT)


def test_nothing_is_discarded_through_a_link(tmp_path):
    made(tmp_path / "elsewhere", "mine")
    made(tmp_path / "x", "old", maps=False)
    (tmp_path / "x" / "maps").symlink_to(tmp_path / "elsewhere" / "maps")
    (tmp_path / "x" / "b").symlink_to(tmp_path / "elsewhere" / "a")
    discard(tmp_path / "x", LAYOUT)
    assert set(tree(tmp_path / "elsewhere")) == OURS and (tmp_path / "x" / "maps").is_symlink()


def test_what_users_put_there_is_carried_over(tmp_path):
    made(tmp_path / "x", "old")
    users(tmp_path / "x")
    made(tmp_path / "new", "new", maps=False)
    keep_folder(tmp_path / "new", tmp_path / "x", LAYOUT)
    assert os.listdir(tmp_path) == ["x"] and set(tree(tmp_path / "x")) == OURS - {"maps/m1.json"} | THEIRS
    assert (tmp_path / "x" / "a").read_text() == "new"


def replace(root):
    """The protocol of --fresh: make beside, put in its place."""
    recover(root / "x", LAYOUT)
    discard(root / "new", LAYOUT)
    made(root / "new", "new")
    keep_folder(root / "new", root / "x", LAYOUT)


def begun(root):
    root.mkdir()
    made(root / "x", "old")
    users(root / "x")
    return root


def test_killed_anywhere_nothing_is_lost_and_the_next_start_finishes(tmp_path):
    whole = begun(tmp_path / "whole")
    count = operations_of(lambda: replace(whole))
    assert count > 20
    for point in range(count):
        root = begun(tmp_path / str(point))
        with pytest.raises(Killed), killed_at(point):
            replace(root)
        left = [path for path in root.rglob("*") if path.is_file() and path.read_text() == "mine"]
        assert sorted(path.name for path in left) == ["a", "mine.txt", "notes.txt"], point
        replace(root)
        assert os.listdir(root) == ["x"] and tree(root) == tree(whole), point


def test_killed_while_discarding_the_mark_is_the_last_to_go(tmp_path):
    whole = begun(tmp_path / "whole")
    count = operations_of(lambda: discard(whole / "x", LAYOUT))
    for point in range(count):
        root = begun(tmp_path / str(point))
        with pytest.raises(Killed), killed_at(point):
            discard(root / "x", LAYOUT)
        assert LAYOUT.marked(root / "x") or not OURS & set(tree(root / "x"))
        discard(root / "x", LAYOUT)
        assert tree(root) == tree(whole)


@pytest.mark.parametrize("text, ours", [
    ('{\n  "format": 2,\n  "prep": {}\n}\n', True), ('{\n  "fornat": 2,\n  "prep": {}\n}\n', True),
    ('{\n  "format": 2,\n  "prep": {', True),  # damaged
    ('{"model": {"format": 1}}', False), ("", False), ("{}", False), ("prep format", False)])
def test_a_mark(text, ours, tmp_path):
    (tmp_path / "config.json").write_text(text)
    assert is_mark(tmp_path / "config.json", ("format", "prep")) == ours == LAYOUT.marked(tmp_path)


def test_links_and_folders_are_no_marks(tmp_path):
    assert not is_mark(tmp_path, ("format",))
    write_json(tmp_path / "a.json", {"format": 1})
    (tmp_path / "b.json").symlink_to(tmp_path / "a.json")
    assert is_mark(tmp_path / "a.json", ("format",)) and not is_mark(tmp_path / "b.json", ("format",))


def test_a_link_stays_and_leads_to_what_is_made(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "x").symlink_to(tmp_path / "disk")
    assert settled(tmp_path / "x") == tmp_path / "disk" and settled(tmp_path / "y") == tmp_path / "y"
    with whole_folder(settled(tmp_path / "x"), LAYOUT) as folder:
        (folder / "a").write_text("new")
    assert (tmp_path / "x").is_symlink() and (tmp_path / "x" / "a").read_text() == "new"


def test_where_nothing_may_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "file").touch()
    (tmp_path / "images").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "images")
    for folder, words in ((tmp_path / "file", "is no folder"), (Path("/"), "root of a disk"),
                          (tmp_path / "home", "a home"), (tmp_path / "a" / ".." / "images", "is read from"),
                          (tmp_path / "link", "is read from")):
        with pytest.raises(InputError, match=words) as caught:
            require_place(folder, "--run", [tmp_path / "images"])
        assert "--run" in str(caught.value) and "\n" not in str(caught.value)
    require_place(tmp_path / "images" / "new", "--out", [tmp_path / "images"])


def test_a_folder_of_half_written_files_is_empty(tmp_path):
    assert is_empty(tmp_path) and is_empty(tmp_path / "absent")
    (tmp_path / ".0123456789abcdef.1.2.tmp").touch()
    assert is_empty(tmp_path)
    (tmp_path / ".hidden").touch()
    assert not is_empty(tmp_path)
