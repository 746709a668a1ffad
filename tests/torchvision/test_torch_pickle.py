import os
import pickle
import time
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from frcnn_keras.torchvision import torch_pickle
from frcnn_keras.torchvision.checkpoints import read_tensors
from tests import pickle_assembler as asm
from tests.torch_files import (
    ARRAYS,
    Hostile,
    Storage,
    View,
    equal,
    fake_torch,
    refused,
    views_of,
    write_legacy,
    write_zip,
)


@pytest.fixture(autouse=True)
def torch_names(monkeypatch):
    fake_torch(monkeypatch)


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_strides_and_offsets_are_honoured(write, tmp_path):
    shared = Storage("0", np.arange(24, dtype=np.float32))
    write(tmp_path / "a", OrderedDict(whole=View(shared, 0, (4, 6), (6, 1)), turned=View(shared, 0, (6, 4), (1, 6)),
                                      inner=View(shared, 7, (2, 3), (6, 2)), none=View(shared, 0, (0, 3), (3, 1)),
                                      single=View(shared, 5, (), ())))
    found, whole = read_tensors(tmp_path / "a"), np.arange(24, dtype=np.float32).reshape(4, 6)
    equal(found, {"whole": whole, "turned": whole.T, "inner": whole[1:3, 1::2], "none": np.zeros((0, 3), np.float32),
                  "single": np.float32(5) * np.ones((), np.float32)})


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("call", [os.system, eval, exec, getattr, pickle.loads, open, np.load])
def test_code_in_a_file_is_not_run(write, call, tmp_path):
    mark = tmp_path / "ran"
    command = {os.system: f"touch {mark}", open: str(mark)}.get(call, f"open({str(mark)!r}, 'w')")
    arguments = (command, "w") if call is open else (command,)
    write(tmp_path / "evil.pth", OrderedDict(a=Hostile(call, *arguments), **views_of(ARRAYS)))
    assert "refused" in refused(tmp_path / "evil.pth", call.__name__)
    assert not mark.exists()


def test_code_in_the_first_pickles_of_the_old_form_is_not_run(tmp_path):
    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps(Hostile(os.system, f"touch {tmp_path / 'ran'}"), protocol=2))
    refused(path, "system")
    assert not (tmp_path / "ran").exists()


def test_what_the_reader_lends_cannot_be_altered(tmp_path):
    """BUILD sets attributes of what it is given: of the reader's own functions it must not."""
    poison = (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x08\x00\x00\x00functionK\x01s\x86b.")
    with zipfile.ZipFile(tmp_path / "evil.pth", "w") as archive:
        archive.writestr("archive/data.pkl", poison)
    refused(tmp_path / "evil.pth")
    write_zip(tmp_path / "a.pth", views_of(ARRAYS))
    equal(read_tensors(tmp_path / "a.pth"))


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("offset, shape, strides", [
    (0, (25,), (1,)), (1, (24,), (1,)), (0, (5, 6), (6, 1)), (0, (2, 2), (23, 1)), (-1, (4,), (1,)), (0, (4,), (-1,)),
    (0, (2**40,), (0,)), (0, (2**20, 2**20), (0, 0)), (0, (-1, 4), (4, 1)), (0, (4,), (1, 1)), (0, (2.5,), (1,)),
    (2**62, (2,), (2**62,)), (0, (1,) * 70, (1,) * 70), (0, (True,), (1,)), ("0", (4,), (1,))])
def test_tensors_beyond_their_storage_are_refused(write, offset, shape, strides, tmp_path):
    write(tmp_path / "a.pth", {"x": View(Storage("0", np.arange(24, dtype=np.float32)), offset, shape, strides)})
    refused(tmp_path / "a.pth", "broken")


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("claimed", [25, 23, 2**40, -1, 2**63])
def test_storages_of_other_sizes_are_refused(write, claimed, tmp_path):
    storage = Storage("0", np.arange(24, dtype=np.float32))
    storage.claimed = claimed
    write(tmp_path / "a.pth", {"x": View(storage, 0, (4,), (1,))})
    refused(tmp_path / "a.pth", "broken")


WRITERS = (asm.write_zip, asm.write_legacy)


@pytest.mark.parametrize("write", WRITERS)
def test_the_smallest_checkpoint_by_hand(write, tmp_path):
    write(tmp_path / "a.pth", asm.tensors(x=asm.tensor()))
    equal(read_tensors(tmp_path / "a.pth"), {"x": np.zeros(4, np.float32)})


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("attribute, value", [("count", 2**40), ("count", 1), ("numbers", 7), ("dtype", 7)])
def test_a_storage_is_not_altered_behind_the_check(write, attribute, value, tmp_path):
    """BUILD on a storage, whose size a view was checked against: before the view, and after it."""
    state = b"}" + asm.text(attribute) + asm.whole(value) + b"sb"
    slots = b"N}" + asm.text(attribute) + asm.whole(value) + b"s\x86b"
    for change in (state, slots):
        held = asm.storage() + b"q\x05" + change
        write(tmp_path / "a.pth", asm.tensors(x=asm.tensor(held)))
        assert "attributes of a Storage" in refused(tmp_path / "a.pth")
        write(tmp_path / "a.pth", asm.tensors(x=asm.tensor(asm.storage() + b"q\x05"), y=b"h\x05" + change))
        assert "attributes of a Storage" in refused(tmp_path / "a.pth")
        write(tmp_path / "a.pth", asm.tensors(x=asm.tensor() + change))
        assert "attributes of a View" in refused(tmp_path / "a.pth")


def test_bounds_are_checked_where_numbers_are_read():
    """Whatever became of the storage since."""
    storage = torch_pickle.Storage("<f4", 24)
    view = torch_pickle.View(storage, 2, (2, 3), (6, 2))
    with pytest.raises(pickle.UnpicklingError, match="absent"):
        view.array()
    storage.numbers = np.arange(24, dtype=np.float32)
    assert view.array().tolist() == [[2, 4, 6], [8, 10, 12]]
    storage.numbers = np.arange(12, dtype=np.float32)
    with pytest.raises(pickle.UnpicklingError, match="beyond its 12 numbers"):
        view.array()


@pytest.mark.parametrize("write", WRITERS)
def test_views_count_together(write, tmp_path):
    """900 tensors of one storage of 2.7 MB: 2.4 GB if each is copied."""
    count = 675000
    first = asm.tensor(asm.storage(count=count) + b"q\x01", shape=(count,))
    others = {f"n{number}": asm.tensor(b"h\x01", shape=(count,)) for number in range(899)}
    data = bytes(4 * count)
    write(tmp_path / "a.pth", asm.tensors(x=first, **others), {"0": data if write is asm.write_zip else (count, data)})
    refused(tmp_path / "a.pth", "many times the numbers")


def test_storages_count_together(tmp_path):
    """60 storages that each unpack to 1 MiB of zeros, no one larger than the file."""
    count = 2**18
    parts = {f"n{number}": asm.tensor(asm.storage(str(number), count), shape=(count,)) for number in range(60)}
    members = {str(number): bytes(4 * count) for number in range(60)} | {"more": np.random.default_rng(0).bytes(2**20)}
    asm.write_zip(tmp_path / "a.pth", asm.tensors(**parts), members, zipfile.ZIP_DEFLATED)
    assert 2**20 < (tmp_path / "a.pth").stat().st_size < 1.2 * 2**20
    refused(tmp_path / "a.pth", "its storages claim")


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("content", [
    asm.doubling(100), asm.doubling(60) + b"\x85", b"}" + asm.text("model") + asm.doubling(100) + b"s",
    asm.doubling(100) + b"Q", asm.several(asm.text("storage"), asm.doubling(100), asm.text("0"), b"NK\x04") + b"Q",
    asm.several(asm.text("storage"), asm.named("torch", "FloatStorage"), asm.doubling(100), b"N", b"K\x04") + b"Q",
    asm.several(asm.text("storage"), asm.named("torch", "FloatStorage"), b"K\x00", b"N", asm.doubling(100)) + b"Q",
    asm.call("torch._utils", "_rebuild_tensor_v2", asm.storage(), b"K\x00", asm.doubling(100), b")"),
    asm.call("torch._utils", "_rebuild_tensor_v2", asm.doubling(100), b"K\x00", b")", b")"),
    asm.call("torch._utils", "_rebuild_tensor_v2"), asm.call("torch._utils", "_rebuild_parameter"),
    b"}" + asm.doubling(100) + asm.doubling(100) + b"s"])
def test_doubling_structures_are_refused_at_once(write, content, tmp_path):
    write(tmp_path / "a.pth", content)
    assert (tmp_path / "a.pth").stat().st_size < 3000
    begun = time.process_time()
    refused(tmp_path / "a.pth")
    assert time.process_time() - begun < 2


def test_doubling_structures_in_the_list_of_storages(tmp_path):
    asm.write_legacy(tmp_path / "a.pth", asm.tensors(x=asm.tensor()))
    data = (tmp_path / "a.pth").read_bytes()
    names = pickle.dumps(["0"], protocol=2)
    assert data.count(names) == 1
    (tmp_path / "a.pth").write_bytes(data.replace(names, asm.START + b"]" + asm.doubling(100) + b"a."))
    refused(tmp_path / "a.pth", "list of storages")


def test_names_do_not_reach_the_terminal(tmp_path):
    asm.write_zip(tmp_path / "a.pth", asm.named("os\x1b[31m", "x" * 900))
    assert refused(tmp_path / "a.pth", "refused").isprintable()
    asm.write_zip(tmp_path / "a.pth", asm.tensors(x=asm.tensor(asm.storage("\ud800\x1b", 5), shape=(9,))))
    assert refused(tmp_path / "a.pth").isprintable()
