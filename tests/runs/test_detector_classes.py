"""The classes in a detector's file."""

import json
import subprocess
import sys
import zipfile

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.models.saving import save_model
from frcnn_keras.runs import detector_classes
from frcnn_keras.runs.detector_classes import require_classes
from tests.detectors import hand_made


def test_classes_in_order(tmp_path):
    save_model(hand_made(class_names=("two", "one")), tmp_path / "detector.keras")
    require_classes(tmp_path, ("two", "one"))
    with pytest.raises(InputError, match="has the classes two, one, the evaluation is of one, two; give a run"):
        require_classes(tmp_path, ("one", "two"))
    require_classes(tmp_path / "without", ("one",))


@pytest.mark.parametrize("config", [None, "{", "[]", '{"config": {}}'])
def test_a_file_that_is_no_detector(tmp_path, config):
    path = tmp_path / "detector.keras"
    path.write_text("none")
    if config is not None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", config)
    with pytest.raises(InputError, match="is no detector of this package .*; train or import"):
        require_classes(tmp_path, ("one",))


def test_a_config_of_gigabytes_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(detector_classes, "_LARGEST", 1000)
    with zipfile.ZipFile(tmp_path / "detector.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps({"config": {"class_names": ["one"], "more": " " * 2000}}))
    with pytest.raises(InputError, match="its config.json is too large"):
        require_classes(tmp_path, ("one",))


@pytest.mark.parametrize("command", ["thresholds", "audit"])
def test_what_reads_files_alone_starts_no_tensorflow(command):
    """TensorFlow takes seconds, and lines on stderr."""
    code = (f"import sys; from frcnn_keras.commands import {command}; code = {command}.run(sys.argv[1:]); "
            "print(code, 'tensorflow' in sys.modules)")
    flags = ["--run", "nowhere", *(["--out", "nowhere-else"] if command == "audit" else [])]
    done = subprocess.run([sys.executable, "-c", code, *flags], capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n" and done.stderr.count("\n") == 1
