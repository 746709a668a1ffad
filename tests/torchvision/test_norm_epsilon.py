import hashlib
import json

import numpy as np
import pytest

from frcnn_keras.__main__ import main
from frcnn_keras.errors import InputError
from frcnn_keras.models.normed_conv import NormedConv2D
from frcnn_keras.torchvision import importing
from frcnn_keras.torchvision.detectors import MODELS, build_detector
from frcnn_keras.torchvision.importing import load_torchvision
from frcnn_keras.torchvision.norm_epsilon import file_hash, norm_epsilon, settle_variances
from frcnn_keras.torchvision.weights import assign_weights
from tests.rule_weights import random_weights

RESNET, V2, MOBILENET, SMALL = MODELS
COCO = "258fb6c6" + "0" * 56
OTHER = "907ea3f9" + "0" * 56


@pytest.mark.parametrize("model, classes, digest, given, epsilon, words", [
    (RESNET, 91, COCO, None, 0, ["epsilon 0,", "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth", "hash"]),
    (RESNET, 91, OTHER, None, 1e-5, ["epsilon 1e-05", "COCO_V1", "hash", "--bn-epsilon 0"]),
    (RESNET, 91, "0" + COCO, None, 1e-5, ["--bn-epsilon 0"]),
    (RESNET, 91, None, None, 1e-5, ["epsilon 1e-05", "no file", "--bn-epsilon 0"]),
    (RESNET, 5, COCO, None, 1e-5, ["epsilon 1e-05", "5 classes"]), (V2, 91, COCO, None, 1e-5, ["1e-05", V2]),
    (MOBILENET, 91, COCO, None, 1e-5, ["1e-05", MOBILENET]), (SMALL, 91, OTHER, None, 1e-5, ["1e-05", SMALL]),
    (RESNET, 91, COCO, 1e-5, 1e-5, ["1e-05", "--bn-epsilon says"]), (RESNET, 91, OTHER, 0.0, 0, ["epsilon 0,", "says"]),
    (MOBILENET, 91, None, 0.001, 0.001, ["0.001", "says"])])
def test_by_what_the_file_shows(model, classes, digest, given, epsilon, words):
    found, line = norm_epsilon(model, classes, digest, given)
    assert found == epsilon and "\n" not in line
    assert all(word in line for word in words)
    assert ("--bn-epsilon 0" in line) == ("--bn-epsilon 0" in words)


def test_a_files_hash(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"weights")
    assert file_hash(tmp_path / "a.pth") == hashlib.sha256(b"weights").hexdigest()


def epsilons(model):
    layers = [*model.extractor._flatten_layers(), *model.rcnn._flatten_layers()]
    return {layer.epsilon for layer in layers if isinstance(layer, NormedConv2D)}


@pytest.mark.slow
@pytest.mark.parametrize("model, norms", [(RESNET, 53), (V2, 53 + 8 + 4), (SMALL, 46)])
def test_every_normalisation_has_it(model, norms):
    detector = build_detector(model, ["a"], classes=2, bn_epsilon=0.25)
    layers = [*detector.extractor._flatten_layers(), *detector.rcnn._flatten_layers()]
    assert sum(isinstance(layer, NormedConv2D) for layer in layers) == norms and epsilons(detector) == {0.25}
    assert epsilons(build_detector(model, ["a"], classes=2)) == {1e-5}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Weights files of 91 classes: model -> path."""
    folder, paths = tmp_path_factory.mktemp("weights"), {}
    for model in (RESNET, SMALL):
        detector = build_detector(model, ["a"] * 90, classes=91)
        paths[model] = folder / f"{model}.npz"
        np.savez(paths[model], **random_weights(detector))
    return paths


@pytest.mark.slow
def test_the_line_and_the_detector(files, tmp_path, monkeypatch, capsys):
    path = files[RESNET]
    assert epsilons(load_torchvision(path).model) == {1e-5}
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "--bn-epsilon 0" in line and "hash" in line
    monkeypatch.setattr(importing, "file_hash", lambda path: COCO)
    for settings, epsilon in (({}, 0.0), ({"bn_epsilon": 1e-5}, 1e-5)):
        assert epsilons(load_torchvision(path, **settings).model) == {epsilon}
        assert f"epsilon {epsilon:g}" in capsys.readouterr().err
    with np.load(path) as stored:
        tensors = dict(stored)
    assert epsilons(load_torchvision(tensors).model) == {1e-5} and "no file" in capsys.readouterr().err
    assert main(["import-torchvision", str(path), "--out", str(tmp_path / "coco")]) == 0
    facts = json.loads((tmp_path / "coco" / "import.json").read_text())
    assert facts["bn_epsilon"] == 0 and facts["sha256"] == COCO
    assert capsys.readouterr().err.count("epsilon 0, as the file is") == 1


@pytest.mark.slow
def test_the_flag(files, tmp_path, capsys):
    import frcnn_keras

    argv = ["import-torchvision", str(files[SMALL]), "--out"]
    for flags, epsilon in (([], 1e-5), (["--bn-epsilon", "0"], 0.0), (["--bn-epsilon", "0.001"], 0.001)):
        out = tmp_path / f"run{epsilon}"
        assert main([*argv, str(out), *flags]) == 0
        assert capsys.readouterr().err.count(f"epsilon {epsilon:g}") == 1
        assert json.loads((out / "import.json").read_text())["bn_epsilon"] == epsilon
        assert epsilons(frcnn_keras.load(out).model) == {epsilon}  # kept in the detector's file
    for value in ("-1", "1.5", "nan"):
        assert main([*argv, str(tmp_path / "none"), "--bn-epsilon", value]) == 2
        assert "--bn-epsilon" in capsys.readouterr().err and not (tmp_path / "none").exists()
    with pytest.raises(InputError, match="bn_epsilon must be"):
        frcnn_keras.load_torchvision(files[SMALL], SMALL, bn_epsilon=-1.0)


@pytest.fixture(scope="module")
def dead():
    """A detector's weights, some of whose variances are too small for a normal number of float32."""
    detector = build_detector(SMALL, ["a"], classes=2, bn_epsilon=0.0)
    tensors = random_weights(detector)
    tensors["backbone.body.0.1.running_var"][:3] = 5.6e-45, 1e-39, 1e-37
    tensors["backbone.body.0.1.weight"][:3] = 2e-20, 3e-19, 0.5
    tensors["backbone.body.0.0.weight"][:2] = 0
    tensors["backbone.body.0.1.running_mean"][:2] = 0
    return detector, tensors


@pytest.mark.slow
def test_variances_that_tensorflow_takes_for_zero(dead):
    """Its reciprocal root of 5.6e-45 is infinite, and infinity times the nothing of a dead channel is NaN."""
    detector, tensors = dead
    layer = detector.extractor.trunk.get_layer("block0")
    images = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    assign_weights(detector, tensors, "a.pth")
    assert np.isnan(layer(images)[..., :2]).all()
    settle_variances(detector, "a.pth")
    found = layer(images).numpy()
    beta = tensors["backbone.body.0.1.bias"][:2].astype(np.float64)
    wanted = np.broadcast_to(beta * np.minimum(beta + 3, 6) / 6, (1, 4, 4, 2))
    np.testing.assert_allclose(found[..., :2], wanted, rtol=1e-6)
    assert np.isfinite(found).all()
    root = np.asarray(layer.gamma, np.float64) / np.sqrt(np.asarray(layer.variance, np.float64))
    wanted = tensors["backbone.body.0.1.weight"] / np.sqrt(tensors["backbone.body.0.1.running_var"].astype(np.float64))
    np.testing.assert_allclose(root, wanted, rtol=1e-6)
    assert layer.variance[2] == np.float32(1e-37) and layer.variance[0] == layer.variance[1] == 1


@pytest.mark.slow
@pytest.mark.parametrize("variance", [0.0, -1e-9])
def test_no_variance_at_all_is_one_line(dead, variance):
    detector, tensors = dead
    name = "backbone.body.0.1.running_var"
    assign_weights(detector, {**tensors, name: np.full_like(tensors[name], variance)}, "a.pth")
    with pytest.raises(InputError, match="^a.pth: backbone.body.0.1.running_var must be above 0 .*--bn-epsilon 1e-05"):
        settle_variances(detector, "a.pth")


@pytest.mark.slow
def test_loaded_weights_are_settled(dead):
    _, tensors = dead
    detector = load_torchvision(tensors, SMALL, num_classes=2, bn_epsilon=0.0)
    layer = detector.model.extractor.trunk.get_layer("block0")
    assert layer.variance[0] == 1 and np.isfinite(layer(np.zeros((1, 32, 32, 3), np.float32))).all()
    nothing = {**tensors, "backbone.body.0.1.running_var": np.zeros(16, np.float32)}
    with pytest.raises(InputError, match="^the weights: backbone.body.0.1.running_var must be above 0"):
        load_torchvision(nothing, SMALL, num_classes=2, bn_epsilon=0.0)
