from pathlib import Path

import keras
import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.models import applications
from frcnn_keras.models.applications import BACKBONES, DEFAULT_LAYERS, GEOMETRY, PREPROCESS_OF, load_weights
from frcnn_keras.models.backbones import load_backbone
from frcnn_keras.ops.images import NORMALISATIONS
from tests.own_network import own_network

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
MOBILENET_WEIGHTS = SHARED / "weights" / "mobilenet_v2" / "mobilenet_v2_1.0_no_top.weights.h5"
IMAGES = np.random.default_rng(0).normal(size=(2, 64, 96, 3)).astype(np.float32)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_has_its_facts(name):
    assert set(DEFAULT_LAYERS[name]) <= set(GEOMETRY[name])
    assert PREPROCESS_OF[name] in NORMALISATIONS


@pytest.mark.slow
def test_weights_are_loaded_and_really_so():
    if not MOBILENET_WEIGHTS.exists():
        pytest.skip("needs the MobileNetV2 weights beside the repository")
    models = [BACKBONES["mobilenet_v2"](str(MOBILENET_WEIGHTS)) for _ in range(2)]
    np.testing.assert_array_equal(models[0](IMAGES), models[1](IMAGES))  # random ones would differ
    with pytest.raises(InputError, match="not the weights of resnet50") as error:
        BACKBONES["resnet50"](str(MOBILENET_WEIGHTS))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("extension", [".weights.h5", ".h5", ".keras"])
def test_weights_files_of_the_same_and_of_another_network(tmp_path, extension):
    path = tmp_path / f"file{extension}"
    source, target = own_network(), own_network()
    (source.save_weights if extension == ".weights.h5" else source.save)(path)
    load_weights(target, str(path))
    np.testing.assert_array_equal(source(IMAGES), target(IMAGES))
    other = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(9, 3)])
    with pytest.raises(InputError, match="not the weights"):
        load_weights(other, str(path))


def test_weights_that_leave_a_kernel_untouched_are_refused(tmp_path, monkeypatch):
    path, model = tmp_path / "own.weights.h5", own_network()
    model.save_weights(path)
    monkeypatch.setattr(model, "load_weights", lambda path: None)
    with pytest.raises(InputError, match="left 4 of 4 kernels"):
        load_weights(model, str(path))


@pytest.mark.slow
def test_bad_weights_files(tmp_path):
    (tmp_path / "text.weights.h5").write_text("not a weights file")
    with pytest.raises(InputError, match="not the weights of mobilenet"):
        BACKBONES["mobilenet_v2"](str(tmp_path / "text.weights.h5"))
    with pytest.raises(InputError, match="no such weights file"):
        BACKBONES["mobilenet_v2"](str(tmp_path / "missing.weights.h5"))


def test_a_failed_download_says_to_give_a_file(monkeypatch):
    def refuse(**kwargs):
        raise Exception("URL fetch failure on https://...: None -- no route")

    refuse.__name__ = "MobileNetV2"
    monkeypatch.setattr(applications.applications, "MobileNetV2", refuse)
    with pytest.raises(InputError, match="give a weights file"):
        load_backbone("mobilenet_v2", "imagenet")


@pytest.mark.slow
def test_the_imagenet_file_of_efficientnet_normalises_as_it_was_trained(tmp_path):
    model = BACKBONES["efficientnet_b0"](None)
    normalization = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    normalization.set_weights([mean, deviation, np.array(0)])  # as Keras's file has it
    model.save_weights(tmp_path / "file.weights.h5")

    loaded = BACKBONES["efficientnet_b0"](str(tmp_path / "file.weights.h5"))
    normalization = next(layer for layer in loaded.layers if isinstance(layer, keras.layers.Normalization))
    first = keras.Model(loaded.inputs[0], normalization.output)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 2, 2, 3)).astype(np.float32)
    np.testing.assert_allclose(first(pixels), (pixels / 255 - mean) / deviation, atol=1e-5)
