import dataclasses

import keras
import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.models.backbones import cut, load_backbone, top_model
from tests.own_network import own_network

IMAGES = np.random.default_rng(0).normal(size=(2, 64, 96, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def mobilenet():
    return load_backbone("mobilenet_v2")


def test_default_backbone(mobilenet):
    assert mobilenet.layers == ("block_5_add", "block_12_add")
    assert (mobilenet.strides, mobilenet.offsets) == ((8, 16), (7.5, 15.5))
    assert (mobilenet.pad_multiple, mobilenet.preprocess) == (16, "tf")
    assert [map_.shape for map_ in mobilenet.model(IMAGES)] == [(2, 8, 12, 32), (2, 4, 6, 96)]


def test_images_are_padded_to_a_multiple_of_every_layers_stride(mobilenet):
    assert dataclasses.replace(mobilenet, strides=(12, 8)).pad_multiple == 24


def test_the_preprocessing_that_is_asked_for():
    assert load_backbone("vgg16").preprocess == "caffe"
    assert load_backbone("vgg16", preprocess="torch").preprocess == "torch"


def test_everything_is_frozen_and_batch_norm_keeps_its_statistics(mobilenet):
    before = [weight.numpy() for weight in mobilenet.full.weights]
    for evaluated, trained in zip(mobilenet.model(IMAGES), mobilenet.model(IMAGES, training=True)):
        np.testing.assert_array_equal(evaluated, trained)
    assert mobilenet.full.trainable_variables == mobilenet.model.trainable_variables == []
    for weight, old in zip(mobilenet.full.weights, before):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_trunk_and_top_make_the_whole_network(mobilenet):
    top = mobilenet.top()
    whole = mobilenet.full(IMAGES)
    np.testing.assert_allclose(top(mobilenet.model(IMAGES)[-1]), whole, atol=1e-5)
    assert top(np.zeros((5, 14, 14, 96), np.float32)).shape == (5, 7, 7, 1280)


@pytest.mark.slow
def test_other_layers_are_measured():
    backbone = load_backbone("mobilenet_v2", None, ["block_3_expand_relu", "out_relu"])
    assert (backbone.strides, backbone.offsets) == ((4, 32), (3.5, 31.5))  # 0.5 + 1 + 2, and on to + 4 + 8 + 16
    assert backbone.pad_multiple == 32


@pytest.mark.parametrize("size", [None, 96])
def test_a_users_own_network(tmp_path, size):
    path, network = tmp_path / "own.keras", own_network(size)
    network.save(path)
    backbone = load_backbone(str(path), "imagenet", ["last"], "torch")
    assert (backbone.strides, backbone.offsets, backbone.preprocess) == ((4,), (3.5,), "torch")  # 0.5 + 1 + 2
    expected = keras.Model(network.inputs[0], network.get_layer("last").output)(np.resize(IMAGES, (2, 96, 96, 3)))
    np.testing.assert_allclose(backbone.model(np.resize(IMAGES, (2, 96, 96, 3))), expected, atol=1e-5)
    assert backbone.model(IMAGES).shape == (2, 16, 24, 16)
    assert backbone.top()(np.zeros((5, 7, 7, 16), np.float32)).shape == (5, 3)


def test_a_users_own_network_needs_layer_and_preprocessing(tmp_path):
    path = str(tmp_path / "own.keras")
    own_network().save(path)
    for arguments in [(None, None, None), (None, ["last"], None), (None, None, "tf")]:
        with pytest.raises(InputError, match="--feature-layer.*block_out, last"):
            load_backbone(path, *arguments)
    with pytest.raises(InputError, match="no layer 'lost'; the nearest are last"):
        load_backbone(path, None, ["lost"], "tf")
    with pytest.raises(InputError, match="unknown preprocessing 'caffee'"):
        load_backbone(path, None, ["last"], "caffee")


def test_files_that_are_no_backbone(tmp_path):
    (tmp_path / "text.keras").write_text("not a model")
    with pytest.raises(InputError, match="cannot be used as a backbone"):
        load_backbone(str(tmp_path / "text.keras"), None, ["last"], "tf")
    keras.Sequential([keras.Input((7,)), keras.layers.Dense(2)]).save(tmp_path / "dense.keras")
    with pytest.raises(InputError, match="takes one image"):
        load_backbone(str(tmp_path / "dense.keras"), None, ["last"], "tf")


def test_unknown_names():
    with pytest.raises(InputError, match="did you mean resnet50"):
        load_backbone("resnet5O")
    with pytest.raises(InputError, match="use one of vgg16, "):
        load_backbone("missing.keras")


def test_cutting(mobilenet):
    with pytest.raises(InputError, match="nearest are .*block_13_expand_relu"):
        cut(mobilenet.full, ["block_13_expand_rellu"])
    with pytest.raises(InputError, match="named twice"):
        cut(mobilenet.full, ["Conv1", "Conv1"])


def test_a_top_needs_something_behind_and_nothing_around(mobilenet):
    with pytest.raises(InputError, match="nothing is left"):
        top_model(mobilenet.full, "out_relu")
    with pytest.raises(InputError, match="another branch goes round"):
        top_model(own_network(), "block_inner")
