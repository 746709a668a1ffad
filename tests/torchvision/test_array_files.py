"""npz and safetensors that claim what they are not."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

from frcnn_keras.torchvision.checkpoints import read_tensors
from tests.torch_files import equal, refused


def npy(descr="'<f4'", shape="(4,)", data=bytes(16), order="False", version=1, header=None):
    text = (header or f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}").encode("latin-1")
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


def write(path, *members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for number, member in enumerate(members):
            archive.writestr(f"{number}.npy", member)
    return path


@pytest.mark.parametrize("array", [
    np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.float64(3) * np.ones(()), np.zeros((0, 3), np.float32), np.array([True, False]), np.arange(3, dtype=">i4"),
    np.arange(5, dtype=np.uint8), np.arange(4, dtype=np.int64)])
def test_arrays_come_as_numpy_wrote_them(array, tmp_path):
    np.savez(tmp_path / "a.npz", x=array)
    equal(read_tensors(tmp_path / "a.npz"), {"x": array})


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_smallest_file_by_hand(version, tmp_path):
    write(tmp_path / "a.npz", npy(data=struct.pack("<4f", 1, 2, 3, 4), version=version))
    equal(read_tensors(tmp_path / "a.npz"), {"0": np.array([1, 2, 3, 4], np.float32)})


@pytest.mark.parametrize("member", [
    npy(shape="(2**60,)"), npy(shape="(1152921504606846976,)"), npy(shape="(5,)"), npy(shape="(3,)"), npy("'|O'"),
    npy("'<f2'"), npy("[('a', '<f4')]"), npy("'<U4'"), npy("'<c8'"), npy("'|V16'"), npy(shape="(-4,)"),
    npy(shape="(1, 1, 1, 1, 1, 1, 1, 1, 4)"), npy(shape="(4,), 'x': 1"), npy(version=9), npy(header="[" * 8000),
    npy(header="9" * 8000), npy(header="-" * 60000), npy(header="{'descr': __import__('os').system('true')}"), b"",
    b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{}", b"x" * 100, npy(header="{" + "'a':{" * 1000),
    npy("'<f4'", "(9223372036854775807, 9223372036854775807)"), npy("'<f4'", "(0, 99999999999999999999999)", b"")])
def test_arrays_of_no_sense(member, tmp_path):
    refused(write(tmp_path / "a.npz", member), "broken")


def test_arrays_that_unpack_to_many_times_the_file(tmp_path):
    """60 arrays of 1 MiB of zeros, in 60 kB."""
    one = npy(shape=f"({2**18},)", data=bytes(2**20))
    refused(write(tmp_path / "a.npz", *[one] * 60, method=zipfile.ZIP_DEFLATED), "many times its own size")
    refused(write(tmp_path / "b.npz", npy(shape=f"({2**24},)", data=bytes(2**26)), method=zipfile.ZIP_DEFLATED), "many")
    refused(write(tmp_path / "c.npz", one, method=zipfile.ZIP_BZIP2), "packed in a way")


def test_a_pickle_in_an_npz_is_not_looked_at(tmp_path):
    stream = io.BytesIO()
    np.save(stream, np.array([{}], object), allow_pickle=True)
    refused(write(tmp_path / "a.npz", stream.getvalue()), "other things than numbers")


def safetensors(path, header, data=bytes(16), length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}


def test_the_smallest_safetensors(tmp_path):
    found = read_tensors(safetensors(tmp_path / "a", {"x": ENTRY}, struct.pack("<4f", 1, 2, 3, 4)))
    equal(found, {"x": np.array([1, 2, 3, 4], np.float32)})


@pytest.mark.parametrize("header", [
    b'{"x": ' * 100000, b'{"x": ' + b"[" * 100000, b'{"x": ' + b"9" * 100000 + b"}",
    b"{" + b'"x":{},' * 300000 + b'"y":1}',
    b'{"x": ' + json.dumps(ENTRY).encode() + b', "x": ' + json.dumps(ENTRY).encode() + b"}",
    b'{"x": {"dtype": "F32", "dtype": "F64", "shape": [2], "data_offsets": [0, 16]}}', {"x": []},
    {"x": {**ENTRY, "shape": 4}},
    {"x": {**ENTRY, "shape": [4.0]}}, {"x": {**ENTRY, "shape": [True, 4]}},
    {"x": {**ENTRY, "shape": [2**62, 2**62, 0]}},
    {"x": {**ENTRY, "shape": [1] * 9 + [4]}}, {"x": {**ENTRY, "data_offsets": [0, 16, 32]}},
    {"x": {**ENTRY, "dtype": []}},
    {"x": {**ENTRY, "data_offsets": [-16, 0]}}, {"x": {**ENTRY, "data_offsets": [1, 17]}},
    {"x": {**ENTRY, "dtype": "X"}},
    {"x": ENTRY, "y": ENTRY}, {"x": ENTRY, "y": {"dtype": "U8", "shape": [1], "data_offsets": [15, 16]}},
    {"\u001b[31m\ud800" * 1000: {**ENTRY, "shape": [3]}}, b"{\xff}", {}])
def test_safetensors_of_no_sense(header, tmp_path):
    message = refused(safetensors(tmp_path / "a.safetensors", header))
    assert message.isprintable()


@pytest.mark.parametrize("length", [0, 1, 2**23 + 1, 2**40, 2**64 - 1])
def test_headers_of_other_lengths(length, tmp_path):
    refused(safetensors(tmp_path / "a.safetensors", {"x": ENTRY}, length=length), "broken")
