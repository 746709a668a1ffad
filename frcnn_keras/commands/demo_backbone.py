"""The demo's stand-in for a pretrained backbone: a small network that learns to classify crops of shapes."""

from pathlib import Path

import keras
import numpy as np

from frcnn_keras.data.shapes import CLASS_NAMES, draw_crop
from frcnn_keras.models.saving import save_model
from frcnn_keras.progress import Progress, ahead

CROP = 64


def network() -> keras.Model:
    """Six 3x3 convolutions with BatchNorm, stride 8: images in -1..1 -> the map of layer `features`."""
    image = keras.Input((None, None, 3), name="image")
    maps = image
    for index, (filters, stride) in enumerate([(24, 2), (32, 1), (48, 2), (64, 1), (96, 2), (128, 1)]):
        maps = keras.layers.Conv2D(filters, 3, stride, padding="same", use_bias=False, name=f"convolution{index}")(maps)
        maps = keras.layers.BatchNormalization(name=f"norm{index}")(maps)
        maps = keras.layers.ReLU(name="features" if index == 5 else f"relu{index}")(maps)
    return keras.Model(image, maps, name="shapes_backbone")


def pretrain(path: Path, crops: int, seed: int, epochs: int = 3) -> float:
    """Trains on `crops` drawn crops and saves the network without its classifier; returns the last accuracy."""
    keras.utils.set_random_seed(seed)
    with Progress("crops", crops, "crops") as bar:
        drawn = []
        for pair in ahead(lambda index: draw_crop(seed, index, CROP), range(crops)):
            drawn.append(pair)
            bar.advance()
    images = np.stack([image for image, _ in drawn]).astype(np.float32) / 127.5 - 1.0  # (crops, 64, 64, 3)
    labels = np.array([label for _, label in drawn])
    backbone = network()
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    model = keras.Model(backbone.input, keras.layers.Dense(len(CLASS_NAMES) + 1)(pooled))
    model.compile(keras.optimizers.Adam(2e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=["accuracy"])
    steps = -(-crops // 64)
    with Progress("pretraining", steps * epochs, "steps") as bar:
        show = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda step, logs: bar.advance(note=f"accuracy {logs['accuracy']:.3f}"))
        history = model.fit(images, labels, batch_size=64, epochs=epochs, verbose=0, callbacks=[show])
    save_model(backbone, path)
    return history.history["accuracy"][-1]
