"""joint through its command, and the detector that it starts from."""

import dataclasses
import json

import numpy as np
import pytest

import frcnn_keras
from frcnn_keras.__main__ import main as frcnn
from frcnn_keras.models.saving import load_model
from frcnn_keras.models.settings import Preparing
from frcnn_keras.settings import stages as configs
from frcnn_keras.settings.detector import DeepRPNNetworkConfig, HeadConfig
from frcnn_keras.settings.image_trainers import FinetuneConfig, ImageFitConfig, JointConfig
from frcnn_keras.training.joint import new_detector

pytestmark = pytest.mark.slow

SMALL = ["--feature-layer", "features", "--preprocess", "tf", "--shorter", "96", "--longer", "160", "--neck-sample",
         "4", "--neck-channels", "8", "--anchor-sizes", "16,32,64", "--rpn-channels", "8", "--head-width", "16",
         "--roi-size", "3", "--pre-nms", "60", "--post-nms", "20", "--epochs", "1", "--samples", "16",
         "--train-pre-nms", "60", "--train-post-nms", "20", "--regions", "12", "--precision", "float32"]


def config_of(prep, **changes):
    chosen = {name: getattr(prep.config, name) for name in ("backbone", "images", "neck", "anchors")}
    return dataclasses.replace(JointConfig(**chosen, rpn_channels=8, head=HeadConfig(16, roi_size=3)), **changes)


def test_the_new_detector_begins_where_data_prep_does(prep, shapes):
    """Backbone, neck and geometry are those that the stages train on, fitted to the same images."""
    model = new_detector(shapes, config_of(prep))
    prepared = load_model(prep.extractor_path)
    for one, other in zip(model.extractor.weights, prepared.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert model.geometry == prep.geometry
    assert model.preparing == prep.features.preparing == Preparing(96, 160, "tf", 8)
    assert model.class_names == shapes.class_names and model.rpn.anchors_per_position == 9


def test_new_weights_follow_from_the_seed(prep, shapes):
    def head(seed):
        training = FinetuneConfig(ImageFitConfig(seed=seed))
        model = new_detector(shapes, config_of(prep, training=training))
        return [np.asarray(weight) for weight in (*model.rpn.weights, *model.rcnn.weights)]

    first, again, other = head(1), head(1), head(2)
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert any(not np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_raw_maps_without_a_neck(prep, shapes):
    model = new_detector(shapes, config_of(prep, neck=configs.NeckConfig(0)))
    assert model.extractor.neck is None and model.rpn.convolution.kernel.shape[2] == 12


def joint(out, backbone, *flags):
    return frcnn(["joint", "--shapes", "4", "--val-shapes", "2", "--backbone", str(backbone), "--out", str(out),
                  *SMALL, *flags])


def test_the_command(tmp_path, tiny_backbone, capsys):
    assert joint(tmp_path, tiny_backbone) == 0
    assert "objectness_loss" in capsys.readouterr().out
    assert {"joint.json", "joint_log.csv", "joint_curves.png", "joint_metrics.json", "detector.keras"} == {
        path.name for path in tmp_path.iterdir() if path.is_file()}
    detector = frcnn_keras.load(tmp_path, score_threshold=0.0)
    assert len(detector.predict(np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8))[0])
    assert joint(tmp_path, tiny_backbone) == 0 and "trained already" in capsys.readouterr().err
    assert joint(tmp_path, tiny_backbone, "--head-width", "17") == 2
    assert "head.width: 16 -> 17" in capsys.readouterr().err


@pytest.mark.parametrize("flags, message", [(["--feature-layer", "absent"], "absent"),
                                            (["--freeze-stages", "4"], "--freeze-stages must be 0 to 3")])
def test_bad_input_is_one_line(tmp_path, tiny_backbone, capsys, flags, message):
    assert joint(tmp_path, tiny_backbone, *flags) == 2
    text = capsys.readouterr().err.strip().split("\n")[-1]
    assert text.startswith("joint: error:") and message in text


def test_a_deeper_rpn_learns_on_whole_maps(tmp_path, tiny_backbone):
    """Two 3x3 convolutions see 5x5 cells; both learn, and the detector keeps them."""
    assert joint(tmp_path, tiny_backbone, "--rpn-depth", "2", "--rpn-initial", "uniform") == 0
    rpn = frcnn_keras.load(tmp_path).model.rpn
    assert rpn.depth == 2 and rpn.deeper[0].kernel.shape == (3, 3, 8, 8)
    history = json.loads((tmp_path / "joint.json").read_text())["config"]
    assert history["network"] == {"depth": 2, "initial": "uniform"}
    first = new_detector(frcnn_keras.drawn_shapes(4), config_of_flags(tiny_backbone, depth=2, initial="uniform")).rpn
    for layer, started in zip((rpn.convolution, *rpn.deeper), (first.convolution, *first.deeper), strict=True):
        assert layer.kernel.shape == started.kernel.shape and not np.allclose(layer.kernel, started.kernel, atol=1e-5)
    maps = np.zeros((1, 9, 9, 8), np.float32)
    maps[0, 4, 4] = 1.0
    changed = [np.asarray(part) for part in (rpn([maps])[1][0], rpn([0 * maps])[1][0])]
    cells = np.abs(changed[0] - changed[1]).reshape(9, 9, -1).max(-1) > 0
    assert cells[2:7, 2:7].any() and not cells[:2].any() and not cells[:, 7:].any()
    assert cells[2].any() or cells[:, 2].any()  # what one convolution would not reach


def config_of_flags(backbone, **network):
    chosen = configs.BackboneConfig(str(backbone), "none", ("features",), "tf")
    return JointConfig(chosen, configs.ImageConfig(96, 160), configs.NeckConfig(8, 4),
                       configs.LevelAnchorConfig((16.0, 32.0, 64.0)), 8, network=DeepRPNNetworkConfig(**network))


@pytest.mark.parametrize("levels, strides, pooled", [((), (2, 4, 8, 16), 3), (("p2", "p3"), (4, 8), 2),
                                                     (("p2", "p3", "p4"), (4, 8, 16), 2)])
def test_levels_of_a_pyramid(prep, shapes, levels, strides, pooled):
    """Regions are pooled from the layers' own levels; without a coarser one all are that."""
    backbone = dataclasses.replace(prep.config.backbone, feature_layers=("fine", "middle", "features"), pyramid=8,
                                   pyramid_levels=levels)
    anchors = configs.LevelAnchorConfig(scales=(8.0,))
    model = new_detector(shapes, config_of(prep, backbone=backbone, anchors=anchors))
    assert model.geometry.strides == strides and model.pooling.levels == pooled
    assert len(model.features(np.zeros((1, 32, 48, 3), np.float32))) == len(strides)
    assert model.rpn.anchors_per_position == 3


DEFAULT_SIZES = ["--anchor-sizes", "32,64,128,256,512"]  # scales stand in their place


def test_levels_and_fractions_through_the_command(tmp_path, tiny_backbone, capsys):
    pyramid = ["--feature-layers", "fine,middle,features", "--pyramid", "8", "--pyramid-levels", "p2,p3"]
    assert joint(tmp_path / "a", tiny_backbone, *pyramid, *DEFAULT_SIZES, "--anchor-scales", "4") == 0
    model = frcnn_keras.load(tmp_path / "a").model
    assert model.geometry.strides == (4, 8) and model.extractor.fpn.extra is False
    assert joint(tmp_path / "b", tiny_backbone, *pyramid[:-1], "p3,p5") == 2
    assert "--pyramid-levels must be some of" in capsys.readouterr().err
    assert joint(tmp_path / "c", tiny_backbone, *DEFAULT_SIZES, "--anchor-scales", "2,4", "--anchor-stride", "fraction",
                 "--anchor-centres", "tile") == 0
    detector = frcnn_keras.load(tmp_path / "c", score_threshold=0.0)
    assert detector.model.preparing.pad_multiple == 1 and detector.model.geometry.by_image
    assert len(detector.predict(np.random.default_rng(0).integers(0, 256, (90, 131, 3)).astype(np.uint8))[0])
