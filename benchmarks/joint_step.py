"""Joint training step, backbone and all: float32 beside bfloat16 in RPN and head, and beside bfloat16 everywhere."""

import dataclasses

import tensorflow as tf

from benchmarks.inputs import Settings, dataset_of
from benchmarks.timing import Row, alternate, rows_of
from frcnn_keras.data.augmentation import Augmentation
from frcnn_keras.data.image_batches import image_batches
from frcnn_keras.models.freezing import unfreeze
from frcnn_keras.models.precision import computing_in
from frcnn_keras.settings.detector import BackboneConfig, HeadConfig, ImageConfig, NeckConfig
from frcnn_keras.settings.image_trainers import JointConfig
from frcnn_keras.training.image_losses import ImageLosses
from frcnn_keras.training.image_step import ImageStepModel, make_optimizer
from frcnn_keras.training.joint import new_detector

BACKBONES = ("mobilenet_v2", "resnet50")
KINDS = {  # name -> precision, whether the backbone takes part
    "float32": ("float32", True), "bfloat16 in RPN and head": ("bfloat16", False),
    "bfloat16": ("bfloat16", True)}


def joint_config_of(settings: Settings, backbone: str) -> JointConfig:
    """The default config with random weights, which cost the same time."""
    config = JointConfig(
        backbone=BackboneConfig(name=backbone, weights="none"), neck=NeckConfig(sample=2),
        images=ImageConfig(shorter=settings.size[0], longer=max(settings.size)))
    return dataclasses.replace(config, rpn_channels=32, head=HeadConfig(width=32)) if settings.quick else config


def step_function(detector, config: JointConfig, kind: str, batch: dict):
    """A function without arguments that trains a detector for one step on `batch` and returns the loss."""
    fit = dataclasses.replace(config.training.fit, precision=KINDS[kind][0])
    unfreeze(detector, config.training.freeze_stages)
    model = ImageStepModel(ImageLosses(detector, config.training.losses))
    optimizer = make_optimizer(fit, (), 0.0, "adam", learning_rate=1e-5, momentum=0.0, weight_decay=0.0)
    optimizer.build(detector.trainable_variables)
    model.compile(optimizer=optimizer, jit_compile=False)
    graph = tf.function(lambda: model.train_step(batch))
    with computing_in(detector, *KINDS[kind]):
        graph.get_concrete_function()  # keeps the precision that it is traced in
    return lambda: float(graph()["loss"])


def measure(settings: Settings) -> list[Row]:
    """Two images a step, as the trainers have it; each kind trains a detector of its own."""
    rows = []
    for backbone in BACKBONES[:1] if settings.quick else BACKBONES:
        config = joint_config_of(settings, backbone)
        count = config.training.fit.batch
        dataset, functions = dataset_of(settings, count), {}
        for kind in KINDS:
            detector = new_detector(dataset, config)
            batches = image_batches(dataset.examples, preparing=detector.preparing, augmentation=Augmentation(),
                                    batch=count, seed=0, first_epoch=0, epochs=1)
            name = f"joint step, {backbone}, {count} images, {kind}"
            functions[name] = step_function(detector, config, kind, next(iter(batches)))
        whole, *others = functions
        rows += rows_of("joint_step", alternate(functions, settings.repeats(7)), [(name, whole) for name in others])
    return rows
