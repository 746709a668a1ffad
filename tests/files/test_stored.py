import json
import math

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files import fingerprint, read_json, seal, to_json, write_json


def test_json_takes_numpy():
    value = {"a": np.float32(0.5), "b": np.arange(2), "c": (np.int64(3), np.nan, np.bool_(True)), 4: [math.inf, None]}
    assert json.loads(to_json(value)) == {"a": 0.5, "b": [0, 1], "c": [3, None, True], "4": [None, None]}


def test_json_reads_back_in_order(tmp_path):
    value = {"b": [1, 2.5, "Ω"], "a": {"z": True, "y": None}}
    write_json(tmp_path / "v.json", value)
    read = read_json(tmp_path / "v.json")
    assert read == value and list(read) == ["b", "a"] and list(read["a"]) == ["z", "y"]
    assert "Ω" in (tmp_path / "v.json").read_text("utf-8")


def test_reading_says_what_is_wrong(tmp_path):
    with pytest.raises(InputError, match="absent.json: not found; is the stage"):
        read_json(tmp_path / "absent.json")
    for content in (b'{"a": ', b"\xff\xfe", b""):
        (tmp_path / "broken.json").write_bytes(content)
        with pytest.raises(InputError, match="broken.json: cannot be read as JSON .*--fresh"):
            read_json(tmp_path / "broken.json")


def test_fingerprint_tells_apart_what_differs():
    array = np.arange(6, dtype=np.float32)
    parts = [(array,), (array.reshape(2, 3),), (array.astype(np.float64),), (array[::-1],), (b"x",), ("x",),
             ({"a": 1},), ({"a": 2},), (array, array)]
    assert len({fingerprint(*part) for part in parts}) == len(parts)
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint(array.reshape(2, 3).T) == fingerprint(np.ascontiguousarray(
        array.reshape(2, 3).T))


SEALED = {"a": 0.5, "name": "Ω", "list": [1, {"b": None}], "nan": None}


def test_a_seal_is_checked_and_not_seen(tmp_path):
    path = tmp_path / "v.json"
    write_json(path, seal({**SEALED, "nan": math.nan}))
    assert read_json(path) == SEALED
    assert json.loads(path.read_text()).keys() == {*SEALED, "seal"}


def test_every_change_of_a_byte_is_noticed_or_changes_nothing(tmp_path):
    path = tmp_path / "v.json"
    write_json(path, seal(SEALED))
    content = path.read_bytes()
    refused = 0
    for place in range(len(content)):
        for bit in (1, 4, 16):
            path.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1:])
            try:
                found = read_json(path)
            except InputError as error:
                assert str(path) in str(error) and "\n" not in str(error)
                refused += 1
                continue
            # a blank that is another one; or the seal's name, which is a key that no record has
            assert found == SEALED or len(found) == len(SEALED) + 1
    assert refused > len(content)


def test_a_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_json(tmp_path)
