import json
import os
import pickle
import struct
from argparse import Namespace

import numpy as np
import pytest

from frcnn_keras.errors import InputError
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

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def torch_names(monkeypatch):
    fake_torch(monkeypatch)


def write_safetensors(path, arrays, change=lambda header: None, kinds=None):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        kind = (kinds or {}).get(name, {"<f4": "F32", "<f8": "F64", "<i8": "I64", "<f2": "F16"}.get(array.dtype.str))
        place = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": place}
        data += array.tobytes()
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


WRITERS = {"zip": lambda path, arrays: write_zip(path, views_of(arrays)),
           "legacy": lambda path, arrays: write_legacy(path, views_of(arrays)),
           "safetensors": write_safetensors, "npz": lambda path, arrays: np.savez(path, **arrays),
           "npz, packed": lambda path, arrays: np.savez_compressed(path, **arrays)}


@pytest.mark.parametrize("form", WRITERS)
def test_every_form_gives_the_same_arrays(form, tmp_path):
    path = tmp_path / "weights.npz"  # the form is told by the content
    WRITERS[form](path, ARRAYS)
    equal(read_tensors(path))
    equal(read_tensors(str(path)))


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors", "npz"])
def test_half_precision_becomes_float32(form, tmp_path):
    half = {"h": RNG.normal(size=(3, 2)).astype(np.float16)}
    WRITERS[form](tmp_path / "a", half) if form != "npz" else np.savez(tmp_path / "a.npz", **half)
    found = read_tensors(tmp_path / ("a.npz" if form == "npz" else "a"))["h"]
    assert found.dtype == np.float32 and np.array_equal(found, half["h"].astype(np.float32))


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_bfloat16_is_the_upper_half_of_float32(write, tmp_path):
    wanted = np.array([1.0, -2.5, 3e30, 0.0], np.float32)  # 3e30 is rounded
    bits = (wanted.view(np.uint32) >> 16).astype(np.uint16)
    write(tmp_path / "a", {"x": View(Storage("0", bits), 0, (4,), (1,))})
    found = read_tensors(tmp_path / "a")["x"]
    assert np.array_equal(found[[0, 1, 3]], wanted[[0, 1, 3]]) and found[2] == pytest.approx(3e30, rel=0.01)
    write_safetensors(tmp_path / "b", {"x": bits}, kinds={"x": "BF16"})
    assert np.array_equal(read_tensors(tmp_path / "b")["x"], found)


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_a_training_scripts_checkpoint(write, key, tmp_path):
    write(tmp_path / "a", {key: views_of(ARRAYS), "epoch": 25, "args": Namespace(lr=0.02, device="cuda"),
                           "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}})
    equal(read_tensors(tmp_path / "a"))


@pytest.mark.parametrize("form", WRITERS)
def test_a_file_cut_anywhere_is_one_line(form, tmp_path):
    path = tmp_path / "a.npz"
    WRITERS[form](path, ARRAYS)
    whole = path.read_bytes()
    for length in [0, 1, 5, 9, *range(20, len(whole) - 1, max(1, len(whole) // 25)), len(whole) - 1]:
        path.write_bytes(whole[:length])
        refused(path)


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_spoiled_bytes_are_one_line_or_arrays(form, tmp_path):
    path = tmp_path / "a.npz"
    WRITERS[form](path, ARRAYS)
    whole, rng, failed = path.read_bytes(), np.random.default_rng(1), 0
    for _ in range(150):
        spoiled = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 700), 3):
            spoiled[place] = rng.integers(256)
        path.write_bytes(bytes(spoiled))
        try:
            found = read_tensors(path)
        except InputError as error:
            failed += 1
            assert "\n" not in str(error)
        else:
            assert sum(array.size for array in found.values()) < 1000
    assert failed > 40


@pytest.mark.parametrize("change", [
    lambda header: header["a.bias"].update(data_offsets=[0, 16]),  # another's place
    lambda header: header["a.bias"].update(data_offsets=[192, 2**40]),
    lambda header: header["a.bias"].update(shape=[5]),
    lambda header: header["a.bias"].update(data_offsets=[208, 192]), lambda header: header["a.bias"].update(shape=[-4]),
    lambda header: header["a.bias"].update(shape=[2**40, 2**40]), lambda header: header["a.bias"].update(dtype="F33"),
    lambda header: header["a.bias"].pop("dtype"), lambda header: header.update(more=3),
    lambda header: header["wide"].update(data_offsets=[216, 300])])
def test_safetensors_of_no_sense(change, tmp_path):
    write_safetensors(tmp_path / "a.safetensors", ARRAYS, change)
    refused(tmp_path / "a.safetensors", "broken")


def test_safetensors_with_a_huge_header(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b'{"a": 1}')
    refused(path, "header")


def test_arrays_of_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([Hostile(os.system, f"touch {tmp_path / 'ran'}")], object))
    refused(tmp_path / "a.npz")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [[1, 2], 3, {1: 2}, {"epoch": 3}])
def test_a_pickle_without_tensors(content, tmp_path):
    write_zip(tmp_path / "a.pth", content)
    refused(tmp_path / "a.pth", "holds no")


def test_files_of_other_kinds(tmp_path):
    refused(tmp_path / "absent.pth", "No such file")
    refused(tmp_path, "cannot be read")
    for name, content in {"a.txt": b"no weights", "b.pth": b"PK\x05\x06" + b"\0" * 18,
                          "c.pth": pickle.dumps({"a": 1})}.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name)
