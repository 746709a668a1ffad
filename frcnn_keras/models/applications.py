"""Networks of keras.applications as backbones: how to build them, which layers serve, and where their maps lie."""

import os
from collections.abc import Callable

import keras
import numpy as np
from keras import applications

from frcnn_keras.errors import InputError, one_line
from frcnn_keras.models.weight_bounds import check_weights_file


def _application(build: Callable[..., keras.Model], weights: str | None) -> keras.Model:
    """A keras.applications network without its classifier, for images of any size."""
    if weights != "imagenet":
        model = build(include_top=False, weights=None, input_shape=(None, None, 3))
        if weights not in (None, "none"):
            load_weights(model, weights)
        return model
    try:
        return build(include_top=False, weights="imagenet", input_shape=(None, None, 3))
    # keras.utils.get_file raises a bare Exception where the download fails
    except Exception as error:
        raise InputError(
            f"cannot get the ImageNet weights of {build.__name__} ({one_line(error, 160)}); give a weights file "
            "(--backbone-weights FILE), or none for random weights"
        ) from error


def vgg16(weights: str | None) -> keras.Model:
    """VGG16 (Simonyan and Zisserman 2014) without the classifier; `weights` "imagenet", a file, or None."""
    return _application(applications.VGG16, weights)


def resnet50(weights: str | None) -> keras.Model:
    """ResNet50 (He et al. 2015) without the classifier; `weights` "imagenet", a file, or None."""
    return _application(applications.ResNet50, weights)


def resnet101(weights: str | None) -> keras.Model:
    """ResNet101 (He et al. 2015) without the classifier; `weights` "imagenet", a file, or None."""
    return _application(applications.ResNet101, weights)


def inception_resnet_v2(weights: str | None) -> keras.Model:
    """InceptionResNetV2 (Szegedy et al. 2016) without the classifier; `weights` "imagenet", a file, or None."""
    return _application(applications.InceptionResNetV2, weights)


def mobilenet_v2(weights: str | None) -> keras.Model:
    """MobileNetV2 (Sandler et al. 2018) without the classifier; `weights` "imagenet", a file, or None."""
    return _application(applications.MobileNetV2, weights)


def efficientnet_b0(weights: str | None) -> keras.Model:
    """EfficientNetB0 (Tan and Le 2019) without the classifier; `weights` "imagenet", a file, or None.

    Keras's ImageNet file holds the channels' deviations where the layer expects variances, and keras.applications makes
    up for it only where it downloads the file itself; here the same file given by its path is corrected as well.
    """
    model = _application(applications.EfficientNetB0, weights)
    normalization = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    mean, variance = (np.ravel(value) for value in normalization.get_weights()[:2])
    deviation = np.array([0.229, 0.224, 0.225])
    if weights != "imagenet" and np.allclose(variance, deviation, atol=1e-4):
        normalization.set_weights([mean, variance * deviation, *normalization.get_weights()[2:]])
        normalization.finalize_state()
    return model


BACKBONES = {
    "vgg16": vgg16,
    "resnet50": resnet50,
    "resnet101": resnet101,
    "inception_resnet_v2": inception_resnet_v2,
    "mobilenet_v2": mobilenet_v2,
    "efficientnet_b0": efficientnet_b0,
}

# Layers used unless others are named. The classical single layer of stride 16; for InceptionResNetV2 not its last one
# (conv_7b_ac), whose stride of 32 leaves a small object less than a cell. MobileNetV2's were tried on BCCD (README): a
# finer layer beside it raises AP, and the narrow ends of blocks do better than the wide expansions that follow them.
DEFAULT_LAYERS = {
    "vgg16": ("block4_conv3", "block5_conv3"),
    "resnet50": ("conv4_block6_out",),
    "resnet101": ("conv4_block23_out",),
    "inception_resnet_v2": ("block17_20_ac",),
    "mobilenet_v2": ("block_5_add", "block_12_add"),
    "efficientnet_b0": ("block6a_expand_activation",),
}

# The last layer of each stage, strides 4 to 32: what a feature pyramid stands on (arXiv 1612.03144, section 3).
PYRAMID_LAYERS = {
    "vgg16": ("block3_conv3", "block4_conv3", "block5_conv3", "block5_pool"),
    "resnet50": ("conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
    "resnet101": ("conv2_block3_out", "conv3_block4_out", "conv4_block23_out", "conv5_block3_out"),
    "mobilenet_v2": ("block_2_add", "block_5_add", "block_12_add", "out_relu"),
    "efficientnet_b0": ("block2b_add", "block3b_add", "block5c_add", "top_activation"),
}

# Measured by receptive_field.measure (a test measures them again): layer -> stride, centre of cell 0 in pixels.
GEOMETRY = {
    "vgg16": {"block4_conv3": (8, 4.0), "block5_conv3": (16, 8.0)},
    "resnet50": {"conv4_block6_out": (16, 0.5)},
    "resnet101": {"conv4_block23_out": (16, 0.5)},
    "inception_resnet_v2": {"block17_20_ac": (16, 21.5), "conv_7b_ac": (32, 37.5)},
    "mobilenet_v2": {"block_5_add": (8, 7.5), "block_6_expand_relu": (8, 7.5),
                     "block_12_add": (16, 15.5), "block_13_expand_relu": (16, 15.5)},
    "efficientnet_b0": {"block6a_expand_activation": (16, 15.5)},
}

# How images are prepared: keys of ops.images.NORMALISATIONS.
PREPROCESS_OF = {
    "vgg16": "caffe",
    "resnet50": "caffe",
    "resnet101": "caffe",
    "inception_resnet_v2": "tf",
    "mobilenet_v2": "tf",
    "efficientnet_b0": "none",  # its first layers rescale
}


def load_weights(model: keras.Model, path: str) -> None:
    """Loads a weights file (.weights.h5, .h5 or .keras) into `model` and makes sure that every kernel was replaced.

    Raises InputError where the file is missing or of another network.
    """
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such weights file")
    kernels = [variable for variable in model.weights if len(variable.shape) > 1]
    before = [np.ravel(kernel)[:64] for kernel in kernels]
    try:
        check_weights_file(path)
        model.load_weights(path)
    # h5py, zipfile and Keras each raise their own for a file that does not fit
    except Exception as error:
        reason = one_line(error, 160)
        raise InputError(f"{path}: not the weights of {model.name} without classifier ({reason})") from error
    kept = sum(np.array_equal(np.ravel(kernel)[:64], old) for kernel, old in zip(kernels, before))
    if kept:
        raise InputError(f"{path}: left {kept} of {len(kernels)} kernels of {model.name} as they were")
