import json
import shutil

import pytest

from frcnn_keras.data import records
from frcnn_keras.data.checksums import NAME, check_checksums, write_checksums
from frcnn_keras.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Two shards of the same numbers and lengths of records, and the file beside them."""
    for name, payloads in (("a", [b"one", b"two"]), ("b", [b"uno", b"dos"])):
        records.write_shard(tmp_path / name, payloads)
    write_checksums(tmp_path, records.spans([tmp_path / "a", tmp_path / "b"]))
    return tmp_path


def check(folder):
    check_checksums(folder, records.spans([folder / "a", folder / "b"]), "do something")


def test_what_was_written_passes_and_is_the_same_every_time(folder):
    check(folder)
    before = (folder / NAME).read_bytes()
    write_checksums(folder, records.spans([folder / "a", folder / "b"]))
    assert (folder / NAME).read_bytes() == before and set(json.loads(before)) == {"a", "b"}


def refused(folder, shard):
    with pytest.raises(InputError) as caught:
        check(folder)
    assert str(folder / shard) in str(caught.value) and "do something" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_shard_in_anothers_place(folder):
    shutil.copy(folder / "a", folder / "b")
    refused(folder, "b")


def test_records_in_another_order(folder):
    records.write_shard(folder / "a", [b"two", b"one"])
    refused(folder, "a")


def test_a_payloads_checksum_that_changed(folder):
    data = bytearray((folder / "b").read_bytes())
    data[-1] ^= 1
    (folder / "b").write_bytes(data)
    with pytest.raises(InputError, match="b: record 2: its bytes do not match"):
        check(folder)


@pytest.mark.parametrize("content", ["[]", "{}", '{"a": 1, "b": 2}', "3"])
def test_a_damaged_file_is_no_proof(folder, content):
    (folder / NAME).write_text(content)
    refused(folder, "a")
    (folder / NAME).write_text("{")
    with pytest.raises(InputError, match=NAME):
        check(folder)


def test_a_missing_file(folder):
    (folder / NAME).unlink()
    refused(folder, NAME)
