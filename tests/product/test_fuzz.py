"""Some seconds of tests.fuzz: no reader and no loader ends in an exception but the project's own."""

import io
import random
import zipfile

import pytest

from frcnn_keras.errors import InputError
from tests.fuzz import running
from tests.fuzz.mutation import framed, spoilt
from tests.fuzz.target import Target
from tests.fuzz.targets import all_targets, divided

pytestmark = pytest.mark.slow

INPUTS = 60  # of each target; 12 where Keras loads


@pytest.fixture(scope="module")
def targets():
    return {target.name: target for target in all_targets()}


NAMES = (
    "voc xml", "voc split", "voc picture", "coco", "csv", "csv with a header", "yolo labels", "data.yaml", "darknet",
    "labelme", "recognised", "tfrecord", "label map",
    *(text.format(form) for form in ("jpeg", "jpeg turned", "jpeg grey", "jpeg cmyk", "jpeg progressive", "png",
                                     "png alpha", "png palette", "bmp", "gif", "tiff", "webp")
      for text in ("header of {}", "{} decoded")),
    *(f"weights, {form}" for form in ("pth", "older pth", "safetensors", "npz", "packed npz")), "TOML", "manifests",
    "shards", "request", "run's settings", "detector.keras", "weights.h5 a", "weights.h5 b", "own backbone",
    "state of a training")


def test_every_target_is_here(targets):
    assert list(targets) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_spoilt_is_read(name, targets, tmp_path):
    targets[name].write(tmp_path)
    targets[name].read(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_spoilt_input_is_one_line_or_is_read(name, targets, tmp_path):
    numbers = range(12 if targets[name].most else INPUTS)
    failures = [str(failure) for _, _, failure in running.run(targets[name], tmp_path, 0, numbers) if failure]
    assert not failures, f"{len(failures)} of {len(numbers)}: {failures[0]}"


def fail(error):
    raise error


@pytest.mark.parametrize("read, why", [
    (lambda folder: fail(KeyError("k")), "KeyError: 'k'"), (lambda folder: fail(SystemExit(3)), "SystemExit: 3"),
    (lambda folder: bytearray(1100 * 10**6), "took 1.1 GB")])
def test_what_must_not_be_is_found(read, why, tmp_path):
    seen = []

    def second(folder):  # the first reading is of what is not spoilt
        seen.append(1)
        return read(folder) if len(seen) > 1 else None

    target = Target("own", {"x": b"1 2 3"}, ("x",), second)
    found = [failure for _, _, failure in running.run(target, tmp_path, 0, range(2))]
    assert all(failure and failure.why == why and failure.number == number for number, failure in enumerate(found))
    assert (tmp_path / "x").read_bytes() == b"1 2 3"


def test_a_refusal_is_none_of_it(tmp_path):
    target = Target("own", {"x": b"1"}, ("x",), lambda folder: fail(InputError("a line")))
    assert [failure for _, _, failure in running.run(target, tmp_path, 0, range(3))] == [None] * 3


def test_what_takes_too_long_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "SECONDS", 0.05)
    count = [0]

    def read(folder):
        count[0] += 1
        while count[0] > 1:
            pass

    found = [failure for _, _, failure in running.run(Target("own", {"x": b"1"}, ("x",), read), tmp_path, 0, range(1))]
    assert "not done in" in found[0].why


def test_an_input_follows_from_its_number(targets):
    one, same = ([running.made(targets["coco"], 3, number) for number in range(20)] for _ in range(2))
    assert one == same and len({data for _, data in one}) > 15
    assert one != [running.made(targets["coco"], 4, number) for number in range(20)]


def test_archives_and_records_stay_whole_around_what_is_spoilt(targets):
    """Most of them: else no mutation would come past the checksums."""
    def whole(data):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return archive.testzip() is None
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return False

    data = targets["weights, npz"].files["x"]
    assert sum(whole(spoilt(random.Random(number), data)) for number in range(100)) > 60
    records = framed([b"one", b"two" * 9])
    assert records[:8] == (3).to_bytes(8, "little") and len(records) == 3 + 27 + 2 * 16


def test_the_inputs_are_divided():
    quick, half, slow = (Target(name, {}, (), print, share, most) for name, share, most in (
        ("quick", 2, None), ("half", 1, None), ("slow", 9, 50)))
    assert divided([quick, half, slow], 3050) == {"quick": 2000, "half": 1000, "slow": 50}
