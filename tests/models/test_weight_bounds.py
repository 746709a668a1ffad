"""Files of weights that were made to fill memory, or to read other files."""

import io
import struct
import tracemalloc
import zipfile

import h5py
import keras
import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.models import applications, saving
from frcnn_keras.models.weight_bounds import Archive, check_weights_file, unpacked_limit

ZEROS = bytes(30 * 2**20)


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")])


def test_the_limit_by_hand():
    """Four times and 16 MiB; of large files half a GiB above."""
    assert unpacked_limit(0) == 2**24 and unpacked_limit(1000) == 4000 + 2**24
    assert unpacked_limit(2**30) == 2**30 + 2**29


def test_honest_files_pass(model, tmp_path):
    model.save(tmp_path / "a.keras")
    model.save_weights(tmp_path / "a.weights.h5")
    for name in ("a.keras", "a.weights.h5"):
        check_weights_file(tmp_path / name)
    (tmp_path / "text").write_text("no weights")
    check_weights_file(tmp_path / "text")


def archive_of(*members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for number, content in enumerate(members):
            archive.writestr(f"{number}.json", content)
    return stream


def test_a_member_comes_as_it_went():
    content = np.random.default_rng(0).bytes(3 * 2**20)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        stream = archive_of(content, b"", method=method)
        archive = Archive(stream, len(stream.getvalue()))
        assert archive.size("0.json") == 3 * 2**20
        assert archive.read("0.json") == content and archive.read("1.json") == b""


def test_a_stream_that_holds_less_than_it_claims_is_cut_short():
    stream = archive_of(b"0123456789", method=zipfile.ZIP_STORED)
    archive = Archive(stream, len(stream.getvalue()))
    archive.members["0.json"].file_size = 12
    with pytest.raises(EOFError, match="cut short"):
        archive.read("0.json")


def test_members_that_unpack_to_many_times_the_file():
    stream = archive_of(ZEROS)
    assert len(stream.getvalue()) < 40000
    with pytest.raises(zipfile.BadZipFile, match="many times its own size"):
        Archive(stream, len(stream.getvalue())).read("0.json")


def test_members_are_counted_together():
    stream = archive_of(*[ZEROS[:2**22]] * 6)
    archive = Archive(stream, len(stream.getvalue()))
    with pytest.raises(zipfile.BadZipFile, match="many times its own size"):
        for name in archive.members:
            archive.read(name)


def test_a_stream_that_holds_more_than_it_claims_is_not_unpacked():
    """Both headers say 100 bytes; the stream has thirty million."""
    stream = archive_of(ZEROS)
    data = stream.getvalue().replace(struct.pack("<I", len(ZEROS)), struct.pack("<I", 100))
    tracemalloc.start()
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        Archive(io.BytesIO(data), len(data)).read("0.json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_are_unpacked_at_once_are_refused(method):
    stream = archive_of(ZEROS[:1000], method=method)
    with pytest.raises(zipfile.BadZipFile, match="packed in a way"):
        Archive(stream, len(stream.getvalue())).read("0.json")


def hdf5(path, change):
    with h5py.File(path, "w") as file:
        layer = file.create_group("layers/dense/vars")
        change(layer, path)
    return path


def never_written(layer, path):
    layer.create_dataset("0", (10**10,), "f4", chunks=(1000,), fillvalue=1.0)


def packed(layer, path):
    layer.create_dataset("0", data=np.zeros(2**23, "f4"), chunks=(2**20,), compression="gzip")


def many(layer, path):
    for number in range(6):
        layer.create_dataset(str(number), (10**6,), "f4", chunks=(1000,))


def elsewhere(layer, path):
    (path.parent / "secret").write_bytes(bytes(48))
    layer.create_dataset("0", (4, 3), "f4", external=[(str(path.parent / "secret"), 0, 48)])


def linked(layer, path):
    layer["0"] = h5py.ExternalLink("other.h5", "/x")


def soft(layer, path):
    layer["0"] = h5py.SoftLink("/layers")


def virtual(layer, path):
    layout = h5py.VirtualLayout((10,), "f4")  # few numbers: not its size is what is wrong
    layout[:] = h5py.VirtualSource("other.h5", "x", (10,))
    layer.create_virtual_dataset("0", layout)


ATTACKS = (never_written, packed, many, elsewhere, linked, soft, virtual)


@pytest.mark.parametrize("attack", ATTACKS)
def test_hdf5_files_that_are_larger_than_they_are(attack, model, tmp_path):
    path = hdf5(tmp_path / "a.weights.h5", attack)
    with pytest.raises(ValueError, match="many times its own size|other files|other places"):
        check_weights_file(path)
    with pytest.raises(InputError, match="a.weights.h5: .*(many times|other)") as caught:
        saving.load_weights(model, path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="a.weights.h5: .*(many times|other)"):
        applications.load_weights(model, str(path))


@pytest.mark.parametrize("attack", ATTACKS)
def test_hdf5_within_a_keras_file(attack, model, tmp_path):
    model.save(tmp_path / "good.keras")
    inner = hdf5(tmp_path / "model.weights.h5", attack)
    with zipfile.ZipFile(tmp_path / "good.keras") as old, zipfile.ZipFile(tmp_path / "a.keras", "w") as new:
        for name in old.namelist():
            new.writestr(name, inner.read_bytes() if name.endswith(".h5") else old.read(name))
    with pytest.raises(InputError, match="a.keras: cannot be loaded .*(many times|other)"):
        saving.load_model(tmp_path / "a.keras")


def test_a_cycle_of_groups_ends(model, tmp_path):
    def cycle(layer, path):
        layer["again"] = layer.file["/layers"]

    check_weights_file(hdf5(tmp_path / "a.weights.h5", cycle))
