import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files.sealed import check_file, seal_file, sealed, unsealed

CONTENT = np.random.default_rng(0).bytes(3000)


def refused(function, *values):
    with pytest.raises(InputError, match="a: damaged .*; do this") as caught:
        function(*values)
    assert "\n" not in str(caught.value)


def test_a_sealed_file_is_checked(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(CONTENT)
    check_file(path, "do this")  # another program's: it has no seal
    seal_file(path)
    assert path.read_bytes() == sealed(CONTENT) and path.read_bytes().startswith(CONTENT)
    check_file(path, "do this")


@pytest.mark.parametrize("length", [0, 1, 80, 2**20, 2**20 + 1])
def test_files_of_any_length(length, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(length))
    seal_file(path)
    check_file(path, "")
    assert unsealed(path.read_bytes(), path, "") == bytes(length)


def test_every_flipped_bit_of_the_content_is_noticed(tmp_path):
    path = tmp_path / "a"
    for place in range(0, len(CONTENT), 7):
        damaged = bytearray(sealed(CONTENT))
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        refused(check_file, path, "do this")
        refused(unsealed, bytes(damaged), path, "do this")


@pytest.mark.parametrize("data", [b"", CONTENT, sealed(CONTENT)[:-1], sealed(CONTENT)[1:], sealed(b"")[1:]])
def test_what_must_be_sealed_and_is_not(data, tmp_path):
    refused(unsealed, data, tmp_path / "a", "do this")
