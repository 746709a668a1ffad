"""What a run keeps of its prep folder, and what it says where something is missing or of another RPN."""

import errno
import json
import os
import shutil

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.models.saving import load_model, save_weights
from frcnn_keras.runs.proposer_parts import ProposerParts, has_parts, keep_parts, link, open_parts
from frcnn_keras.runs.request import read_request
from frcnn_keras.training.rpn_stage import RPNSize
from tests.detectors import proposing_of
from tests.proposing_run import make_run

PROPOSING = proposing_of(100, 20)


def test_the_model_is_the_folders(prep, tmp_path):
    rpn = make_run(tmp_path / "run", prep, PROPOSING, RPNSize(8, 2, "linear"))
    assert has_parts(tmp_path / "run")
    model = open_parts(tmp_path / "run")
    assert (model.geometry, model.preparing, model.proposing) == (prep.geometry, prep.features.preparing, PROPOSING)
    assert (model.rpn.depth, model.rpn.activation) == (2, "linear")
    for one, other in zip(model.rpn.get_weights(), rpn.get_weights(), strict=True):
        assert np.array_equal(one, other)
    for one, other in zip(model.extractor.weights, load_model(prep.extractor_path).weights, strict=True):
        assert np.array_equal(one, other)


def test_the_record_is_json_both_ways(prep, tmp_path):
    make_run(tmp_path, prep, PROPOSING)
    parts = read_request(tmp_path / "proposer.json", ProposerParts)
    assert (parts.extractor, parts.channels, parts.hidden, parts.depth, parts.activation) == (
        prep.features.extractor, 8, 8, 1, "relu")


def test_the_extractor_takes_no_room(prep, tmp_path):
    make_run(tmp_path, prep, PROPOSING)
    assert os.path.samefile(tmp_path / "extractor.keras", prep.extractor_path)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM])
def test_on_another_disk_it_is_a_copy(prep, tmp_path, monkeypatch, number):
    def refuse(source, target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    link(prep.extractor_path, tmp_path / "copy.keras")
    assert not os.path.samefile(tmp_path / "copy.keras", prep.extractor_path)
    assert (tmp_path / "copy.keras").read_bytes() == prep.extractor_path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["copy.keras"]


def test_a_second_time_nothing_is_written(prep, tmp_path):
    rpn = make_run(tmp_path, prep, PROPOSING)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    keep_parts(tmp_path, prep, rpn, PROPOSING)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    keep_parts(tmp_path, prep, rpn, proposing_of(100, 21))
    assert json.loads((tmp_path / "proposer.json").read_text())["proposing"]["after"] == 21


def test_a_prep_folder_without_its_extractor_is_a_note(prep, tmp_path, capsys):
    shutil.copytree(prep.path, tmp_path / "prep")
    (tmp_path / "prep" / "features" / "extractor.keras").unlink()
    from frcnn_keras.data.prepared import open_prepared

    make_run(tmp_path / "run", open_prepared(tmp_path / "prep"), PROPOSING)
    assert "extractor.keras is absent" in capsys.readouterr().err and not has_parts(tmp_path / "run")


def test_another_rpn_than_the_record_tells_of_is_refused(prep, tmp_path):
    rpn = make_run(tmp_path, prep, PROPOSING)
    rpn.set_weights([weight + 1 for weight in rpn.get_weights()])
    save_weights(rpn, tmp_path / "rpn.weights.h5")
    with pytest.raises(InputError, match="rpn.weights.h5: is another RPN than .*proposer.json tells of; run the same .*"
                                         "train-rpn again"):
        open_parts(tmp_path)
