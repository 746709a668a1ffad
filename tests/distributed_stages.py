"""A program for test_distribution: every trainer on small data, with a strategy; its losses, step by step, as JSON.

python -m tests.distributed_stages STRATEGY PREP BASE RUN FOUND.json [EPOCH]
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.settings import stages as configs
from frcnn_keras.settings.image_trainers import (
    AugmentConfig,
    FinetuneConfig,
    ImageFitConfig,
    ImageLossConfig,
    ImageProposalConfig,
    JointConfig,
)
from frcnn_keras.training.distribution import start
from frcnn_keras.training.finetune import finetune
from frcnn_keras.training.loop import Keeper, StageModel, fit_stage
from frcnn_keras.training.rcnn_stage import train_rcnn
from frcnn_keras.training.rpn_stage import train_rpn

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
        return list(self.losses)


def joint_config(backbone):
    """A small joint training with everything that could depend on how images are divided."""
    return JointConfig(
        backbone=configs.BackboneConfig(backbone, "none", ("features",), "tf"), images=configs.ImageConfig(96, 160),
        neck=configs.NeckConfig(8, 4), anchors=configs.LevelAnchorConfig((16.0, 32.0, 64.0)),
        rpn_channels=16, head=configs.HeadConfig(16),
        training=FinetuneConfig(
            fit=ImageFitConfig(**FIT, learning_rate=0.002, optimizer="sgd", accumulate=2, ema=3.0, backbone_rate=0.5),
            augment=AugmentConfig(jitter_shorter=(80, 96)), freeze_stages=1,
            losses=ImageLossConfig(configs.AnchorSamplingConfig(count=32), ImageProposalConfig(after=60),
                                   configs.RegionSamplingConfig(24))))


def unequal(distribution, folder, poison=0.0):
    """One step of w = w - 0.1 gradient of a mean over 1 sample of the first half and 2 of the second: loss and w.

    poison: added to the last sample.
    """
    x, chosen = np.array([1, 9, 2, 3], np.float32), np.array([True, False, True, True])
    with distribution.scope():
        network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        network.set_weights([np.full((1, 1), 0.5, np.float32)])

    def losses(batch):
        square = tf.square(network(batch["x"][:, None])[:, 0])
        return {"square": tf.reduce_mean(tf.boolean_mask(square, batch["chosen"]))}

    def dataset(first):
        share = distribution.share(4)
        start, size = share.worker * 4 // share.workers, 4 // share.workers
        own = {"x": (x + [0, 0, 0, poison]).astype(np.float32)[start:start + size],
               "chosen": chosen[start:start + size]}
        return tf.data.Dataset.from_tensor_slices(own).batch(4 // share.replicas, drop_remainder=True)

    model = StageModel(network, losses, ("square",), counted=lambda batch: tf.math.count_nonzero(batch["chosen"]))
    fit = configs.FitConfig(epochs=1, optimizer="sgd", learning_rate=0.1, momentum=0.0, warmup=0, schedule="constant")
    keeper = Keeper(folder / "state.npz", folder / "log.csv", "unequal", 1, 1)
    history = fit_stage(model, dataset, fit, keeper, folder / "tensorboard", distribution=distribution)
    return [history["square"][0], float(network.get_weights()[0][0, 0])]


def agreement(distribution, folder):
    """What the workers tell each other."""
    def refuse():
        raise InputError("the chief cannot")

    found = {"sent": [len(distribution.from_chief(lambda: bytes(range(256)) * size)) for size in (0, 1, 3)],  # noqa: B023
             "told": distribution.on_chief(lambda: {"worker": distribution.worker, "nan": float("nan")})["worker"]}
    for kind, call in ((InputError, lambda: distribution.on_chief(refuse)),
                       (FloatingPointError, lambda: unequal(distribution, folder, np.nan))):
        try:
            call()
        except kind as error:
            found[kind.__name__] = str(error)
    return found


def written_under(folder):
    """A list that grows with the paths under a folder that this process makes, changes or removes from now on."""
    paths = []

    def hook(event, args):
        opened = event == "open" and set(str(args[1])) & set("wax+")
        writes = opened or event in ("os.rename", "os.mkdir", "os.remove")
        if writes and str(args[0]).startswith(str(folder)):
            paths.append(str(args[1] if event == "os.rename" else args[0]))

    sys.addaudithook(hook)
    return paths


def main(strategy, prep, base, run, out, stop=""):
    """stop: the epoch before which the RPN's and the joint training are stopped and started again."""
    if strategy == "mirrored":
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                                   [tf.config.LogicalDeviceConfiguration()] * 2)
    # without it TensorFlow 2.21 loses parts of crop_and_resize's gradient on CPU: its threads add to one map unguarded
    tf.config.experimental.enable_op_determinism()
    distribution, recorder, run, written = start(strategy), Recorder(), Path(run), written_under(run)
    stop = int(stop) if stop else None
    rpn = configs.RPNConfig(fit=configs.FitConfig(**FIT), channels=16,
                            training=configs.TrainingProposalConfig(after=100))
    rcnn = configs.RCNNConfig(fit=configs.FitConfig(**FIT, optimizer="sgd", clip_norm=0.5),
                              head=configs.StageHeadConfig(16),
                              regions=configs.RegionSamplingConfig(24, foreground=0.6, background=0.1))
    found = {
        "replicas": distribution.replicas,
        "rpn": recorder.of(lambda: train_rpn(prep, run, rpn, distribution=distribution), stop),
        "rcnn": recorder.of(lambda: train_rcnn(prep, run, rcnn, distribution=distribution)),
        "joint": recorder.of(lambda: finetune(
            base, shapes_dataset(10, 3, 120, 156), run / "joint", joint_config("none").training,
            validation=shapes_dataset(2, 4, 120, 156), distribution=distribution), stop),
        "unequal": unequal(distribution, run), "agreement": agreement(distribution, run / "joint")}
    Path(out).write_text(json.dumps({**found, "written": written}))


if __name__ == "__main__":
    main(*sys.argv[1:])
