"""The head's trunk and first weights, and that its precision is its own and not the caller's."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from frcnn_keras.data.prepared import open_prepared
from frcnn_keras.errors import InputError
from frcnn_keras.models.backbones import load_backbone
from frcnn_keras.models.fpn import pyramid_extractor
from frcnn_keras.models.keras_internals import flatten_layers, is_graph
from frcnn_keras.models.neck import extractor
from frcnn_keras.models.projection import project
from frcnn_keras.models.rcnn import conv_fc
from frcnn_keras.models.saving import load_model, save_model
from frcnn_keras.settings.stages import StageHeadConfig
from frcnn_keras.training.rcnn_head import build_rcnn
from tests.closeness import close

SMALL = StageHeadConfig(width=10, dropout=0.25, roi_size=3)


@pytest.fixture(scope="module")
def raw(prep, tiny_backbone, tmp_path_factory):
    """The prep folder as it is without a neck: 12 raw channels, and the rest of the backbone beside them."""
    path = shutil.copytree(prep.path, tmp_path_factory.mktemp("raw") / "prep")
    backbone = load_backbone(str(tiny_backbone), None, ["features"], "tf")
    save_model(backbone.top(), path / "features" / "top.keras")
    found = open_prepared(path)
    return dataclasses.replace(found, features=dataclasses.replace(found.features, channels=(12,)))


def test_two_layers_of_the_width_and_a_class_more_than_the_data_set(prep):
    rcnn = build_rcnn(prep, SMALL)
    assert [tuple(weight.shape) for weight in rcnn.weights] == [
        (3 * 3 * 8, 10), (10,), (10, 10), (10,), (10, 5), (5,), (10, 20), (20,)]
    assert [layer.rate for layer in rcnn.trunk.layers if isinstance(layer, keras.layers.Dropout)] == [0.25, 0.25]
    logits, deltas = rcnn(np.zeros((7, 3, 3, 8), np.float32))
    assert logits.shape == (7, 5) and deltas.shape == (7, 5, 4)


def test_weights_follow_from_the_seed(prep):
    one, same, other = (build_rcnn(prep, SMALL, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(first, second) for first, second in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_vggs_layers(prep):
    kinds = build_rcnn(prep, dataclasses.replace(SMALL, kind="vgg_fc", roi_size=1)).trunk.weights
    assert [tuple(weight.shape) for weight in kinds] == [(8, 4096), (4096,), (4096, 4096), (4096,)]


def test_the_rest_of_the_backbone(raw):
    rcnn = build_rcnn(raw, dataclasses.replace(SMALL, kind="backbone_top"))
    top = load_model(raw.path / "features" / "top.keras")
    pooled = np.random.default_rng(0).normal(size=(2, 3, 3, 12)).astype(np.float32)
    np.testing.assert_allclose(rcnn.trunk(pooled), np.mean(top(pooled), (1, 2)), atol=1e-6)


def test_the_rest_of_the_backbone_that_is_not_there(prep):
    with pytest.raises(InputError, match="top.keras: absent; --head backbone_top .*--neck-channels 0"):
        build_rcnn(prep, dataclasses.replace(SMALL, kind="backbone_top"))


@pytest.mark.slow
def test_it_starts_from_a_runs_head(prep, tiny_run):
    settings = StageHeadConfig(width=32, roi_size=3, weights=str(tiny_run))
    trained = load_model(tiny_run / "detector.keras").rcnn
    rcnn = build_rcnn(prep, settings)
    for one, other in zip(rcnn.trunk.get_weights(), trained.trunk.get_weights(), strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(rcnn.class_logits.kernel, trained.class_logits.kernel)  # new for new classes
    with pytest.raises(InputError, match="--head-weights .*: its head has layers of shapes"):
        build_rcnn(prep, dataclasses.replace(settings, width=33))


def test_a_run_that_is_not_there(prep, tmp_path):
    with pytest.raises(InputError, match=f"^--head-weights {tmp_path}/none: no such run folder"):
        build_rcnn(prep, dataclasses.replace(SMALL, weights=str(tmp_path / "none")))


def policies(model):
    """Of every layer that computes something, which inputs and graphs of layers do not themselves."""
    return {layer.name: layer.dtype_policy.name for layer in flatten_layers(model)
            if not isinstance(layer, keras.layers.InputLayer) and not is_graph(layer)}


@pytest.mark.parametrize("kind, size", [("two_fc", 3), ("vgg_fc", 1), ("backbone_top", 3)])
def test_it_is_float32_whatever_the_callers_policy(kind, size, raw, mixed_policy):
    rcnn = build_rcnn(raw, dataclasses.replace(SMALL, kind=kind, roi_size=size))
    assert set(policies(rcnn).values()) == {"float32"}
    pooled = np.random.default_rng(0).normal(size=(2, size, size, 12)).astype(np.float32)
    found = rcnn(pooled)
    keras.config.set_dtype_policy("float32")
    expected = build_rcnn(raw, dataclasses.replace(SMALL, kind=kind, roi_size=size))(pooled)
    keras.config.set_dtype_policy(mixed_policy)
    close(found, expected, atol=1e-6)  # bfloat16 keeps 8 bits


def test_its_products_are_of_the_precision_that_is_asked_for(prep):
    rcnn = build_rcnn(prep, SMALL, "bfloat16")
    found = policies(rcnn)
    assert found["fc1"] == found["fc2"] == found["flatten"] == "mixed_bfloat16"
    assert found["class_logits"] == found["deltas"] == "float32"
    assert {weight.dtype for weight in rcnn.weights} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_the_callers_policy_is_as_it_was(prep, mixed_policy):
    for precision in ("float32", "bfloat16"):
        build_rcnn(prep, SMALL, precision)
        assert keras.config.dtype_policy().name == mixed_policy


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_in_another_precision_has_the_same_weights(precision, prep, mixed_policy):
    for one, other in zip(build_rcnn(prep, SMALL, precision, 3).get_weights(),
                          build_rcnn(prep, SMALL, "float32", 3).get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_it_is_the_same_file_whatever_the_callers_policy(prep, tmp_path, mixed_policy):
    save_model(build_rcnn(prep, SMALL, seed=3), tmp_path / "a.keras")
    keras.config.set_dtype_policy("float32")
    save_model(build_rcnn(prep, SMALL, seed=3), tmp_path / "b.keras")
    keras.config.set_dtype_policy(mixed_policy)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


def backbone(tiny_backbone):
    return load_backbone(str(tiny_backbone), None, ["middle", "features"], "tf")


def networks(tiny_backbone):
    """A network of every kind around a backbone, newly built."""
    kernel, bias = np.ones((52, 3), np.float32), np.zeros(3, np.float32)  # 4 * 10 + 12 channels at stride 8
    raw = extractor(backbone(tiny_backbone))
    return {"backbone": backbone(tiny_backbone).model, "mobilenet": load_backbone("mobilenet_v2").model, "raw": raw,
            "neck": extractor(backbone(tiny_backbone), kernel, bias), "projected": project(raw, kernel, bias),
            "pyramid": pyramid_extractor(backbone(tiny_backbone), 6), "convolutions": conv_fc(3, 4, width=5)}


def test_every_new_layer_is_float32_whatever_the_callers_policy(tiny_backbone, mixed_policy):
    for name, network in networks(tiny_backbone).items():
        assert {layer: found for layer, found in policies(network).items() if found != "float32"} == {}, name
    image = np.random.default_rng(0).normal(size=(1, 32, 48, 3)).astype(np.float32)
    for map_ in keras.tree.flatten(pyramid_extractor(backbone(tiny_backbone), 6)(image)):
        assert map_.dtype == "float32"
