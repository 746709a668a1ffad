import dataclasses

import numpy as np
import pytest

from data_prep.source import feature_source
from frcnn_keras.errors import InputError
from frcnn_keras.models.saving import save_model
from frcnn_keras.models.settings import Geometry, LevelPooling, Pooling, Preparing
from frcnn_keras.settings.detector import BackboneConfig, ImageConfig, LevelAnchorConfig, NeckConfig
from tests.detectors import random_detector

IMAGE = np.random.default_rng(0).uniform(-1, 1, (1, 64, 80, 3)).astype(np.float32)


def test_of_a_backbone(prep_config):
    found = feature_source(prep_config, None)
    # three convolutions of stride 2, each padded by one pixel behind alone: centres at 0.5, 1.5, 3.5, 7.5
    assert found.geometry == Geometry((8.0,), (7.5,), ((16.0, 32.0, 64.0),), (0.5, 1.0, 2.0))
    assert found.preparing == Preparing(96, 160, "tf", 8) and found.pooling == LevelPooling()
    assert found.fits_neck and found.top is None
    (raw,) = found.make_extractor(None, None)(IMAGE)
    kernel, bias = np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32), np.float32([1, 2, 3])
    (projected,) = found.make_extractor(kernel, bias)(IMAGE)
    assert raw.shape == (1, 8, 10, 12)
    np.testing.assert_allclose(projected, raw @ kernel + bias, atol=1e-4)


def test_raw_maps_leave_the_rest_of_the_network(prep_config):
    found = feature_source(dataclasses.replace(prep_config, neck=NeckConfig(0)), None)
    assert not found.fits_neck and found.top(np.zeros((2, 4, 4, 12), np.float32)).shape == (2, 2, 2, 16)


def test_several_layers_have_no_single_rest(prep_config):
    backbone = dataclasses.replace(prep_config.backbone, feature_layers=("middle", "features"))
    found = feature_source(dataclasses.replace(prep_config, backbone=backbone, neck=NeckConfig(0)), None)
    assert found.top is None and found.make_extractor(None, None)(IMAGE)[0].shape == (1, 8, 10, 4 * 10 + 12)


def test_a_network_that_ends_there_is_told(prep_config, capsys):
    backbone = dataclasses.replace(prep_config.backbone, feature_layers=("top_relu",))
    found = feature_source(dataclasses.replace(prep_config, backbone=backbone, neck=NeckConfig(0)), None)
    assert found.top is None and "note: no --head backbone_top from this folder: " in capsys.readouterr().err


def test_a_new_pyramid_is_not_frozen(prep_config):
    backbone = dataclasses.replace(prep_config.backbone, pyramid=64)
    with pytest.raises(InputError, match="^--pyramid: .* joint --backbone .* --pyramid 64"):
        feature_source(dataclasses.replace(prep_config, backbone=backbone), None)


def test_like_an_earlier_folder(prep, prep_config):
    other = dataclasses.replace(prep_config, images=ImageConfig(50, 60))  # nothing is taken from it
    found = feature_source(other, prep)
    assert (found.preparing, found.geometry, found.pooling) == (
        prep.features.preparing, prep.geometry, prep.features.pooling)
    assert not found.fits_neck and found.top is None
    assert found.make_extractor(None, None)(IMAGE)[0].shape == (1, 8, 10, 8)  # its neck is in it


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(model of two levels, its run folder)."""
    model = random_detector(levels=2)
    model.geometry = dataclasses.replace(model.geometry, stride_rule="quotient")
    model.pooling = Pooling(1, 1.0, "align", 3)
    path = tmp_path_factory.mktemp("run")
    save_model(model, path / "detector.keras")
    return model, path


def of_run(path, prep_config, **settings):
    config = dataclasses.replace(prep_config, backbone=BackboneConfig(str(path)),
                                 anchors=LevelAnchorConfig((20.0, 40.0), (1.0,)), neck=NeckConfig(0))
    return feature_source(dataclasses.replace(config, **settings), None)


def test_of_a_run(run, prep_config):
    """Its levels, normalisation, padding and pooling; sizes and anchors are the settings'."""
    model, path = run
    found = of_run(path, prep_config)
    assert found.geometry == Geometry((8.0, 16.0), (4.0, 8.0), ((20.0,), (40.0,)), (1.0,), stride_rule="quotient")
    assert found.preparing == Preparing(96, 160, "tf", 16) and found.pooling == LevelPooling(1, 1.0)
    assert not found.fits_neck and found.top is None
    for one, other in zip(found.make_extractor(None, None)(IMAGE), model.features(IMAGE), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_neck_behind_a_run(run, prep_config):
    model, path = run
    found = of_run(path, prep_config, neck=NeckConfig(2))
    kernel, bias = np.random.default_rng(1).normal(size=(4, 2)).astype(np.float32), np.float32([1, 2])
    assert found.fits_neck
    for one, other in zip(found.make_extractor(kernel, bias)(IMAGE), model.features(IMAGE), strict=True):
        np.testing.assert_allclose(one, other @ kernel + bias, atol=1e-5)


@pytest.mark.parametrize("change, flag", [
    ({"feature_layers": ("a",)}, "--feature-layers"), ({"preprocess": "tf"}, "--preprocess"),
    ({"pyramid": 64}, "--pyramid")])
def test_a_runs_features_are_as_they_are(change, flag, run, prep_config):
    with pytest.raises(InputError, match=f"^--backbone {run[1]} is a run, .* leave {flag} out"):
        of_run(run[1], prep_config, backbone=dataclasses.replace(BackboneConfig(str(run[1])), **change))


def test_a_folder_that_is_no_run(tmp_path, prep_config):
    with pytest.raises(InputError, match="holds no detector.keras"):
        of_run(tmp_path, prep_config)


@pytest.mark.slow
def test_a_backbone_without_weights_follows_from_the_seed(prep_config):
    """Every start prepares with the same one."""
    config = dataclasses.replace(prep_config, backbone=BackboneConfig("mobilenet_v2", "none", ("block_1_expand",)))
    one, same = (feature_source(config, None).make_extractor(None, None).weights for _ in range(2))
    assert all(np.array_equal(first, second) for first, second in zip(one, same, strict=True))


def fractional(prep_config, layers):
    anchors = LevelAnchorConfig(ratios=(1.0,), scales=(2.0, 4.0), stride="fraction", centres="tile")
    backbone = dataclasses.replace(prep_config.backbone, feature_layers=layers)
    return dataclasses.replace(prep_config, anchors=anchors, backbone=backbone)


def test_images_whose_quotient_counts_are_not_padded(prep_config):
    found = feature_source(fractional(prep_config, ("features",)), None)
    assert found.preparing.pad_multiple == 1
    assert found.geometry == Geometry((8.0,), (7.5,), ((2.0, 4.0),), (1.0,), False, "fraction", "stride", "tile")
    with pytest.raises(InputError, match="^--anchor-stride fraction takes images without padding.* fine, features as"):
        feature_source(fractional(prep_config, ("fine", "features")), None)


def test_of_a_run_that_pads_no_quotient_counts(run, prep_config):
    with pytest.raises(InputError, match="^--anchor-stride fraction .* pads them to multiples of 16 pixels; leave"):
        of_run(run[1], prep_config, anchors=LevelAnchorConfig(scales=(2.0,), stride="fraction"))
