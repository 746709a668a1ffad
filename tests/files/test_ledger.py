import os

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files.ledger import NAME, Ledger
from tests.kills import Killed, killed_at, operations_of


def refused(ledger, names, **settings):
    with pytest.raises(InputError) as caught:
        ledger.require_free(names, "--out", **settings)
    text = str(caught.value)
    assert "\n" not in text and "--out" in text
    return text


def test_its_own_files_may_be_written_again_and_nothing_else(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.write("a.png", b"one")
    (tmp_path / "b.png").write_bytes(b"one")
    again = Ledger(tmp_path)
    again.require_free(["a.png", "c.png"], "--out")
    assert str(tmp_path / "b.png") in refused(again, ["a.png", "b.png"])
    again.write("a.png", b"two")
    assert Ledger(tmp_path).owns("a.png") and not Ledger(tmp_path).owns("b.png")


def test_what_a_user_changed_is_the_users(tmp_path):
    Ledger(tmp_path).write("a.png", b"drawn")
    (tmp_path / "a.png").write_bytes(b"painted over")
    assert "not as this package wrote it" in refused(Ledger(tmp_path), ["a.png"])
    Ledger(tmp_path).remove("a.png")
    assert (tmp_path / "a.png").exists()


def test_files_that_are_read_are_not_written_whatever_they_are_called(tmp_path):
    ledger = Ledger(tmp_path / "out")
    (tmp_path / "out").mkdir()
    ledger.write("a.png", b"drawn")
    ledger.require_free(["a.png"], "--out", reads=[tmp_path / "absent"])
    (tmp_path / "link.png").symlink_to(tmp_path / "out" / "a.png")
    os.link(tmp_path / "out" / "a.png", tmp_path / "hard.png")
    for read in (tmp_path / "out" / "a.png", tmp_path / "out" / ".." / "out" / "a.png", tmp_path / "link.png",
                 tmp_path / "hard.png"):
        assert "files that are read" in refused(ledger, ["a.png"], reads=[read])


@pytest.mark.parametrize("target", ["there", "absent"])
def test_a_link_is_not_written_through(target, tmp_path):
    (tmp_path / "there").write_bytes(b"mine")
    (tmp_path / "a.png").symlink_to(tmp_path / target)
    refused(Ledger(tmp_path), ["a.png"])


def test_a_writer_of_its_own(tmp_path):
    with Ledger(tmp_path).file("a.png") as path:
        assert path.suffix == ".png" and path.parent == tmp_path
        path.write_bytes(b"plot")
    assert Ledger(tmp_path).owns("a.png") and sorted(os.listdir(tmp_path)) == [NAME, "a.png"]
    Ledger(tmp_path).remove("a.png")
    assert os.listdir(tmp_path) == [NAME]


def session(folder):
    """What a command does."""
    ledger = Ledger(folder)
    ledger.require_free(["a", "b"], "--out")
    ledger.tidy()
    ledger.write("a", b"first" * 9)
    with ledger.file("b") as path:
        path.write_bytes(b"second")


def test_killed_anywhere_it_goes_on(tmp_path):
    def begun(name):
        folder = tmp_path / name
        folder.mkdir()
        Ledger(folder).write("a", b"of an earlier command")
        (folder / "mine").write_text("mine")
        return folder

    whole = begun("whole")
    count = operations_of(lambda: session(whole))
    contents = {name: (whole / name).read_bytes() for name in ("a", "b", "mine")}
    for point in range(count):
        folder = begun(str(point))
        with pytest.raises(Killed), killed_at(point):
            session(folder)
        session(folder)
        assert {name: (folder / name).read_bytes() for name in contents} == contents
        assert set(os.listdir(folder)) == {*contents, NAME}, point


@pytest.mark.parametrize("text", [b"", b"{", b'{"file": "a"}\n', b'{"file": 3, "sha256": []}\n', b"\xff\n[]\n3\n"])
def test_a_damaged_list_names_nothing(text, tmp_path):
    (tmp_path / NAME).write_bytes(text)
    (tmp_path / "a").write_text("mine")
    refused(Ledger(tmp_path), ["a"])
    Ledger(tmp_path).tidy()
    Ledger(tmp_path).write("b", b"ours")
    assert Ledger(tmp_path).owns("b") and not Ledger(tmp_path).owns("a")


def test_one_that_grows_is_nobodys_until_it_is_whole(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.begin("a.jsonl")
    (tmp_path / "a.jsonl").write_bytes(b"1\n")
    again = Ledger(tmp_path)  # after a kill
    assert again.begun("a.jsonl") and not again.owns("a.jsonl") and not again.begun("b.jsonl")
    assert again.free_name("a.jsonl") == again.new_name("a.jsonl") == "a-2.jsonl"
    ledger.finish("a.jsonl")
    assert Ledger(tmp_path).owns("a.jsonl") and Ledger(tmp_path).free_name("a.jsonl") == "a.jsonl"
    assert Ledger(tmp_path).new_name("a.jsonl") == "a-2.jsonl"
    (tmp_path / "a.jsonl").write_bytes(b"1\n2\n")
    assert not Ledger(tmp_path).owns("a.jsonl") and Ledger(tmp_path).begun("a.jsonl")


def test_names_that_are_free(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "a-2.png", "sub/b.png"):
        (tmp_path / name).write_bytes(b"mine")
    ledger = Ledger(tmp_path)
    assert [ledger.free_name(name) for name in ("a.png", "c.png", "sub/b.png")] == ["a-3.png", "c.png", "sub/b-2.png"]
    ledger.write("sub/c.png", b"ours", quick=True)
    assert Ledger(tmp_path).names() == ["sub/c.png"] and Ledger(tmp_path).owns("sub/c.png")
