"""What the benchmarks work on: images, a config, and arrays of the sizes that an image of 640x480 leads to."""

import contextlib
import dataclasses
import io
from pathlib import Path

import numpy as np

from frcnn_keras.data.example import Dataset
from frcnn_keras.settings.detector import AnchorConfig, BackboneConfig, ImageConfig, NeckConfig
from frcnn_keras.settings.stages import MinibatchConfig, PrepConfig

STRIDE, OFFSET, PAD = 16.0, 15.5, 16  # of the default backbone's map


@dataclasses.dataclass(frozen=True)
class Settings:
    """What was asked for."""

    voc: str | None = None
    split: str | None = None
    backbone_weights: str | None = None
    run: str | None = None
    images: int = 128
    quick: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of an image after resizing."""
        return (240, 320) if self.quick else (600, 800)

    @property
    def cells(self) -> tuple[int, int]:
        """(rows, columns) of its map."""
        return -(-self.size[0] // PAD), -(-self.size[1] // PAD)

    @property
    def channels(self) -> int:
        """Channels behind the neck."""
        return 32 if self.quick else NeckConfig().channels

    def repeats(self, usual: int) -> int:
        """How often something is measured that is usually measured so often."""
        return min(3, usual) if self.quick else usual


def dataset_of(settings: Settings, count: int) -> Dataset:
    """The first `count` images of the given data set, else drawn ones of 640x480 (with --quick 320x240)."""
    if settings.voc is None:
        from frcnn_keras.data.shapes import shapes_dataset

        height, width = (240, 320) if settings.quick else (480, 640)
        return shapes_dataset(count, height=height, width=width)
    from frcnn_keras.readers.validation import settle
    from frcnn_keras.readers.voc import read_voc

    dataset = read_voc(settings.voc, settings.split)
    return settle(dataclasses.replace(dataset, examples=dataset.examples[:count]), True)


def prep_config(settings: Settings) -> PrepConfig:
    """The default config with the given weights."""
    if settings.quick:
        return PrepConfig(backbone=BackboneConfig(weights=settings.backbone_weights or "none"),
                                  images=ImageConfig(shorter=settings.size[0]),
                                  neck=NeckConfig(channels=settings.channels, sample=4),
                                  minibatches=MinibatchConfig(draws=2))
    return PrepConfig(backbone=BackboneConfig(weights=settings.backbone_weights or "none"))


def prepare_quietly(dataset: Dataset, config: PrepConfig, out: Path, **options):
    """data_prep.prepare.prepare without its progress lines."""
    from data_prep.prepare import prepare

    with contextlib.redirect_stderr(io.StringIO()):
        return prepare(dataset, out, config, **options)


def anchors_of(settings: Settings) -> np.ndarray:
    """Every anchor of an image: (A, 4) float32, 28,500 of them at 600x800."""
    from frcnn_keras.ops.anchors import base_anchors, grid_anchors

    anchors = AnchorConfig()
    return grid_anchors(base_anchors(anchors.sizes, anchors.ratios), *settings.cells, STRIDE, OFFSET).numpy()


def random_boxes(rng: np.random.Generator, count: int, size: tuple[int, int]) -> np.ndarray:
    """(count, 4) float32 inside an image of that size, 16 pixels to half of it a side."""
    height, width = size
    sides = rng.uniform(16, [width / 2, height / 2], (count, 2))
    corner = rng.uniform(0, [width, height] - sides)
    return np.concatenate([corner, corner + sides], 1).astype(np.float32)


def train_step(network, losses, names, optimizer):
    """A stage's training step as a graph: batch -> its loss. The losses must be as the stage's own."""
    import tensorflow as tf

    from frcnn_keras.training.loop import StageModel

    model = StageModel(network, losses, names)
    optimizer.build(network.trainable_variables)
    model.compile(optimizer=optimizer, jit_compile=False)
    graph = tf.function(lambda batch: model.train_step(batch))
    return lambda batch: float(graph(batch)["loss"])
