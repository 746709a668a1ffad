"""One small data set, prepared once for all tests that need the stages' artefacts."""

import dataclasses
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory) -> Path:
    """FILE.keras: three 3x3 convolutions to layer `features` (stride 8, 12 channels), then one with BatchNorm."""
    import keras

    keras.utils.set_random_seed(7)
    image = keras.Input((None, None, 3))
    maps = image
    for name, filters in (("fine", 8), ("middle", 10), ("features", 12)):
        maps = keras.layers.Conv2D(filters, 3, 2, padding="same", activation="relu", name=name)(maps)
    top = keras.layers.Conv2D(16, 3, 2, padding="same", name="top_convolution")(maps)
    top = keras.layers.ReLU(name="top_relu")(keras.layers.BatchNormalization(name="top_norm")(top))
    path = tmp_path_factory.mktemp("backbone") / "tiny.keras"
    keras.Model(image, top, name="tiny").save(path)
    return path


@pytest.fixture(scope="session")
def prep_config(tiny_backbone):
    """Settings of the small prep folder."""
    from frcnn_keras.settings import stages as configs

    return configs.PrepConfig(
        backbone=configs.BackboneConfig(str(tiny_backbone), "none", ("features",), "tf"),
        images=configs.ImageConfig(96, 160), neck=configs.NeckConfig(8, 4),
        anchors=configs.LevelAnchorConfig((16.0, 32.0, 64.0), (0.5, 1.0, 2.0)),
        minibatches=configs.MinibatchConfig(count=32, draws=2))


@pytest.fixture(scope="session")
def shapes():
    """Six images of shapes, wide and tall, with objects."""
    from frcnn_keras.data.shapes import shapes_dataset

    wide, tall = shapes_dataset(4, 0, 120, 156), shapes_dataset(2, 1, 150, 110)
    return dataclasses.replace(wide, examples=wide.examples + tall.examples)


@pytest.fixture(scope="session")
def prep(tmp_path_factory, shapes, prep_config):
    """The six images and their mirror images, prepared with tiles. Not to be changed."""
    from data_prep.prepare import prepare

    return prepare(shapes, tmp_path_factory.mktemp("prep") / "train", prep_config, write_tiles=True)


@pytest.fixture(scope="session")
def val_prep(tmp_path_factory, prep):
    """Three other images, prepared with --eval-only --like. Not to be changed."""
    from data_prep.prepare import prepare
    from frcnn_keras.data.shapes import shapes_dataset

    return prepare(shapes_dataset(3, 9, 120, 160), tmp_path_factory.mktemp("prep") / "val", like=prep,
                   eval_only=True)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, prep):
    """A run folder trained by the stages on the six images, whose backbone is a Keras file of one's own."""
    from frcnn_keras.settings import stages as configs
    from frcnn_keras.training.rcnn_stage import train_rcnn
    from frcnn_keras.training.rpn_stage import train_rpn

    run = tmp_path_factory.mktemp("run")
    rpn = configs.RPNConfig(channels=16, proposals=configs.ProposalConfig(after=60))
    rcnn = configs.RCNNConfig(head=configs.StageHeadConfig(width=32, roi_size=3),
                              regions=configs.RegionSamplingConfig(32))
    train_rpn(prep.path, run, dataclasses.replace(rpn, fit=dataclasses.replace(rpn.fit, epochs=2, warmup=2)))
    train_rcnn(prep.path, run, dataclasses.replace(
        rcnn, fit=dataclasses.replace(rcnn.fit, epochs=2, warmup=2, learning_rate=5e-3, precision="float32")))
    return run


@pytest.fixture(scope="session")
def exported(tmp_path_factory, tiny_run):
    """(detector, folder of its SavedModel's version 1). Not to be changed."""
    from frcnn_keras.runs.detector import load
    from frcnn_keras.serving.saved_model import export_saved_model

    detector = load(tiny_run)
    out = tmp_path_factory.mktemp("serving") / "shapes"
    return detector, export_saved_model(detector, out).path


@pytest.fixture
def hand_detector():
    """A detector whose every answer follows by hand, for a test to change as it likes: see detectors.hand_made."""
    from tests.detectors import hand_made

    return hand_made()


@pytest.fixture
def mixed_policy():
    """The caller's global policy of Keras is mixed_bfloat16 meanwhile; fails where a test leaves another one."""
    import keras

    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        yield "mixed_bfloat16"
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)
