"""A program for test_distribution: every trainer on small data, with a strategy; its losses, step by step, as JSON.

python -m tests.distributed_stages STRATEGY PREP BACKBONE RUNS LOSSES.json [TRAINERS]
"""

import json
import sys
from pathlib import Path

import tensorflow as tf

from frcnn_keras import config as configs
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.distribution import start
from frcnn_keras.joint_building import train_joint
from frcnn_keras.rcnn_training import train_rcnn
from frcnn_keras.rpn_training import train_rpn
from frcnn_keras.training import Keeper

BATCH, EPOCHS = 4, 2
FIT = {"epochs": EPOCHS, "batch": BATCH, "precision": "float32", "warmup": 1}


class Stopped(Exception):
    """Stands for the end of all workers."""


class Recorder:
    """Notes the loss that the trainers show after every step; stops them before epoch `stop`, once."""

    def __init__(self):
        self.losses, self.stop = [], None
        step, begin = Keeper.on_train_batch_end, Keeper.on_epoch_begin

        def on_train_batch_end(keeper, batch, logs=None):
            self.losses.append({name: float(value) for name, value in logs.items()})
            step(keeper, batch, logs)

        def on_epoch_begin(keeper, epoch, logs=None):
            if epoch == self.stop:
                self.stop = None
                raise Stopped
            begin(keeper, epoch, logs)

        Keeper.on_train_batch_end, Keeper.on_epoch_begin = on_train_batch_end, on_epoch_begin

    def of(self, train, stop=None):
        """The losses of a training, stopped before epoch `stop` and started again."""
        self.losses, self.stop = [], stop
        if stop is not None:
            try:
                train()
            except Stopped:
                assert self.stop is None
        train()
        return self.losses


def joint_config(backbone, **fit):
    """A small joint training with everything that draws: scale jitter, mirror, accumulation."""
    return configs.JointConfig(
        backbone=configs.BackboneConfig(backbone, "none", ("features",), "tf"), images=configs.ImageConfig(96, 160),
        neck=configs.NeckConfig(8, 4), anchors=configs.AnchorConfig((16.0, 32.0, 64.0)),
        detector=configs.DetectorConfig(hidden=16, width=16),
        training=configs.FinetuneConfig(
            fit=configs.ImageFitConfig(**{**FIT, "learning_rate": 0.003, "optimizer": "sgd", "accumulate": 2, **fit}),
            augment=configs.AugmentConfig(jitter_shorter=(80, 96)), freeze_stages=1,
            losses=configs.JointLossConfig(samples=32, regions=24, after=60)))


def main(strategy, prep, backbone, runs, losses, trainers="rpn,rcnn,joint,resumed"):
    if strategy == "mirrored":
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                                   [tf.config.LogicalDeviceConfiguration()] * 2)
    distribution, recorder, runs, found = start(strategy), Recorder(), Path(runs), {}
    shapes, ema = shapes_dataset(10, 3, 120, 156), {"ema": 0.9} if strategy != "multiworker" or True else {}
    rpn = configs.RPNConfig(fit=configs.FitConfig(**FIT), hidden=16, train_after=100)
    rcnn = configs.RCNNConfig(fit=configs.FitConfig(**FIT, optimizer="sgd", clip_norm=0.5), width=16, regions=24,
                              foreground=0.6, background=0.1)
    calls = {
        "rpn": lambda run: train_rpn(prep, run, rpn, distribution=distribution),
        "rcnn": lambda run: train_rcnn(prep, run, rcnn, distribution=distribution),
        "joint": lambda run: train_joint(shapes, run / "joint", joint_config(backbone),
                                         validation=shapes_dataset(2, 4, 120, 156), distribution=distribution),
        "ema": lambda run: train_joint(shapes, run / "ema", joint_config(backbone, **ema), distribution=distribution),
    }
    for name in trainers.split(","):
        if name == "resumed":
            for again in ("rpn", "joint"):
                found[f"{again}_resumed"] = recorder.of(lambda: calls[again](runs / "resumed"), stop=1)  # noqa: B023
        else:
            found[name] = recorder.of(lambda: calls[name](runs / "whole"))  # noqa: B023
    found["replicas"] = distribution.replicas
    Path(losses).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
