import dataclasses
import shutil

import numpy as np
import pytest

from data_prep import shards
from data_prep.shards import Preparation, PrepRequest
from data_prep.source import feature_source
from frcnn_keras.data.manifests import FeatureManifest, Manifest, read_manifest
from frcnn_keras.data.prepared import REQUEST, open_prepared
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.files import fingerprint
from frcnn_keras.models.saving import load_model
from frcnn_keras.runs.request import read_request
from frcnn_keras.settings.stages import PrepConfig


def request_of(config=None, eval_only=False, write_tiles=False, dataset=None):
    dataset = dataset or shapes_dataset(1)
    return PrepRequest(config or PrepConfig(), eval_only, write_tiles, tuple(dataset.class_names),
                       len(dataset.examples), dataset.fingerprint(), None)


@pytest.mark.parametrize("mirror, eval_only, mirrors", [
    (True, False, (False, True)), (False, False, (False,)), (True, True, (False,)), (False, True, (False,))])
def test_which_images_have_mirror_images(mirror, eval_only, mirrors):
    assert request_of(PrepConfig(mirror=mirror), eval_only).mirrors == mirrors


@pytest.mark.parametrize("eval_only, write_tiles, kinds", [
    (False, False, ("features", "minibatches")), (False, True, ("features", "minibatches", "tiles")),
    (True, False, ("features",))])
def test_which_folders_are_made(eval_only, write_tiles, kinds):
    assert request_of(eval_only=eval_only, write_tiles=write_tiles).artefacts == kinds


def preparation(config, dataset, **settings):
    request = request_of(config, dataset=dataset)
    return Preparation(dataset, request, feature_source(config, None), **{"skip_bad": False, "workers": 1, **settings})


@pytest.fixture
def five(monkeypatch):
    """Five images in shards of two."""
    monkeypatch.setattr(shards, "SHARD_IMAGES", 2)
    return shapes_dataset(5, 4, 60, 80)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_it_makes(prep_config, five, tmp_path):
    preparation(prep_config, five).run(tmp_path / "prep")
    names = tuple(f"0000{index}-of-00003.tfrecord" for index in range(3))
    assert {name for name in files(tmp_path)} == {
        f"prep/{REQUEST}", "prep/features/extractor.keras",
        *(f"prep/{kind}/{name}" for kind in ("features", "minibatches")
          for name in (*names, "manifest.json", "checksums.json"))}
    features = read_manifest(tmp_path / "prep" / "features", FeatureManifest, "features")
    assert features.shards == names and features.records == 10 and features.channels == (8,) and features.mirror
    assert features.annotations == five.fingerprint() and features.source == five.name
    extractor = load_model(tmp_path / "prep" / "features" / "extractor.keras")
    assert features.extractor == fingerprint(*[np.asarray(weight) for weight in extractor.weights])
    minibatches = read_manifest(tmp_path / "prep" / "minibatches", Manifest, "minibatches")
    assert minibatches == Manifest("minibatches", names, 10, features.extractor, features.annotations)
    assert read_request(tmp_path / "prep" / REQUEST, PrepRequest) == request_of(prep_config, dataset=five)


def test_a_second_start_goes_on_with_the_same_extractor(prep_config, five, tmp_path, capsys):
    preparation(prep_config, five).run(tmp_path / "whole")
    half = shutil.copytree(tmp_path / "whole", tmp_path / "half.partial")
    before = (half / "features" / "extractor.keras").stat().st_mtime_ns
    (half / "features" / "00001-of-00003.tfrecord").unlink()
    (half / "minibatches" / "00002-of-00003.tfrecord").unlink()
    capsys.readouterr()
    preparation(prep_config, five).run(tmp_path / "half")
    assert "resuming: 4 of 10 images (mirror images counted) are done" in capsys.readouterr().err
    assert (tmp_path / "half" / "features" / "extractor.keras").stat().st_mtime_ns == before
    assert files(tmp_path / "half") == files(tmp_path / "whole")


@pytest.mark.parametrize("workers", [1, 4])
def test_left_out_images_leave_no_hole(workers, prep_config, five, tmp_path):
    examples = list(five.examples)
    examples[2] = dataclasses.replace(examples[2], read=lambda: b"no image", file="bad.png")
    made = preparation(prep_config, dataclasses.replace(five, examples=tuple(examples)), skip_bad=True, workers=workers)
    made.run(tmp_path / "prep")
    (line,) = made.skipped
    assert line.startswith("bad.png: ")
    found = open_prepared(tmp_path / "prep")
    assert len(found.feature_spans) == len(found.minibatch_spans) == 8
