import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from frcnn_keras.torchvision.checkpoints import read_tensors
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
