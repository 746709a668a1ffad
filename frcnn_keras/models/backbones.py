"""Backbones: keras.applications networks or a user's own, cut at their feature layers and frozen."""

import dataclasses
import difflib
import os
from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import applications

from frcnn_keras.errors import InputError
from frcnn_keras.models import receptive_field
from frcnn_keras.ops.images import NORMALISATIONS


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
            f"cannot get the ImageNet weights of {build.__name__} ({_one_line(error)}); give a weights file "
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
    "vgg16": ("block5_conv3",),
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
    "vgg16": {"block5_conv3": (16, 8.0)},
    "resnet50": {"conv4_block6_out": (16, 0.5)},
    "resnet101": {"conv4_block23_out": (16, 0.5)},
    "inception_resnet_v2": {"block17_20_ac": (16, 21.5), "conv_7b_ac": (32, 37.5)},
    "mobilenet_v2": {"block_5_add": (8, 7.5), "block_6_expand_relu": (8, 7.5),
                     "block_12_add": (16, 15.5), "block_13_expand_relu": (16, 15.5)},
    "efficientnet_b0": {"block6a_expand_activation": (16, 15.5)},
}

_PREPROCESS_OF = {
    "vgg16": "caffe",
    "resnet50": "caffe",
    "resnet101": "caffe",
    "inception_resnet_v2": "tf",
    "mobilenet_v2": "tf",
    "efficientnet_b0": "none",  # its first layers rescale
}


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A frozen network and the layers whose maps are used; the last one's grid is the detector's."""

    name: str  # a key of BACKBONES, or the path of a user's own
    full: keras.Model  # the whole network
    model: keras.Model  # images (B, H, W, 3) float32, preprocessed and padded -> maps, one a layer
    preprocess: str  # one of NORMALISATIONS
    layers: tuple[str, ...]
    strides: tuple[int, ...]  # of each layer, pixels
    offsets: tuple[float, ...]  # of each layer: centre of cell 0, continuous image pixels

    @property
    def pad_multiple(self) -> int:
        """Images are padded to a multiple of this many pixels, for which the offsets hold."""
        return int(np.lcm.reduce(self.strides))

    def top(self) -> keras.Model:
        """The network behind the last layer, for a head that uses it; see `top_model`."""
        return top_model(self.full, self.layers[-1])


def load_backbone(
    name: str, weights: str | None = None, layers: Sequence[str] | None = None, preprocess: str | None = None,
    pyramid: bool = False,
) -> Backbone:
    """The backbone called `name`: a key of BACKBONES, or the path of a saved Keras model (FILE.keras).

    `weights`: "imagenet", a weights file, or None or "none" for random ones; a FILE.keras keeps its own unless another
    file is given. `layers`: feature layers, the one whose grid counts last; needed for a FILE.keras, as is
    `preprocess`, the way its images are prepared (one of NORMALISATIONS). `pyramid`: whether the layers are levels, the
    finest first, instead of channels for one grid; PYRAMID_LAYERS by default.

    Raises InputError for an unknown name, layer or mode, and for a file that is missing or does not fit.
    """
    if preprocess is not None and preprocess not in NORMALISATIONS:
        raise InputError(f"unknown preprocessing {preprocess!r}; use one of {', '.join(NORMALISATIONS)}")
    if name in BACKBONES:
        usual = (PYRAMID_LAYERS if pyramid else DEFAULT_LAYERS).get(name)
        if not (layers or usual):
            raise InputError(f"{name}: no usual pyramid; name its layers with --feature-layers, finest first")
        full = BACKBONES[name](weights)
        layers = tuple(layers or usual)
        preprocess = preprocess or _PREPROCESS_OF[name]
    else:
        full = _load_own(name, weights)
        if not layers or preprocess is None:
            raise InputError(
                f"{name}: name a feature layer (--feature-layer) and the preprocessing (--preprocess, one of "
                f"{', '.join(NORMALISATIONS)}); its last layers are {', '.join(_map_layers(full)[-6:])}"
            )
    full.trainable = False
    model = cut(full, layers)
    known = GEOMETRY.get(name, {})
    measured = [known[layer] for layer in layers] if set(layers) <= set(known) else receptive_field.measure(model)
    strides, offsets = zip(*measured)
    return Backbone(name, full, model, preprocess, tuple(layers), strides, offsets)


def cut(model: keras.Model, layers: Sequence[str]) -> keras.Model:
    """The part of `model` from its image to the named layers: images -> their outputs. Weights are shared.

    Raises InputError naming the nearest layers where one does not exist.
    """
    names = [layer.name for layer in model.layers]
    for layer in layers:
        if layer not in names:
            near = difflib.get_close_matches(layer, names, 3, 0.4) or _map_layers(model)[-6:]
            raise InputError(f"{model.name} has no layer {layer!r}; the nearest are {', '.join(near)}")
    if len(set(layers)) != len(layers):
        raise InputError(f"a feature layer is named twice: {', '.join(layers)}")
    return keras.Model(model.inputs[0], [model.get_layer(layer).output for layer in layers], name="trunk")


def top_model(model: keras.Model, layer: str) -> keras.Model:
    """The rest of `model` behind `layer`: pooled maps (R, h, w, C) as that layer gives them -> `model`'s output.

    Weights are shared with `model`. Raises InputError where nothing follows, or where a branch goes round the layer.
    """
    start = cut(model, [layer]).outputs[0]
    if start is model.outputs[0]:
        raise InputError(f"{model.name} ends with layer {layer!r}: nothing is left for a head; use an earlier layer")
    try:
        return keras.Model(start, model.outputs[0], name="backbone_top")
    except ValueError as error:
        raise InputError(
            f"{model.name} cannot be continued from layer {layer!r} alone, as another branch goes round it; use the "
            "last layer of a block"
        ) from error


def load_weights(model: keras.Model, path: str) -> None:
    """Loads a weights file (.weights.h5, .h5 or .keras) into `model` and makes sure that every kernel was replaced.

    Raises InputError where the file is missing or of another network.
    """
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such weights file")
    kernels = [variable for variable in model.weights if len(variable.shape) > 1]
    before = [np.ravel(kernel)[:64] for kernel in kernels]
    try:
        model.load_weights(path)
    # h5py, zipfile and Keras each raise their own for a file that does not fit
    except Exception as error:
        raise InputError(f"{path}: not the weights of {model.name} without classifier ({_one_line(error)})") from error
    kept = sum(np.array_equal(np.ravel(kernel)[:64], old) for kernel, old in zip(kernels, before))
    if kept:
        raise InputError(f"{path}: left {kept} of {len(kernels)} kernels of {model.name} as they were")


def _load_own(path: str, weights: str | None) -> keras.Model:
    """A user's saved model, for images of any size."""
    if not os.path.isfile(path):
        near = difflib.get_close_matches(path, BACKBONES, 1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(BACKBONES)}"
        raise InputError(f"unknown backbone {path!r}, and no such file; {hint}")
    try:
        model = keras.models.load_model(path, compile=False)
        shape = model.inputs[0].shape
        if None not in shape[1:] and len(shape) == 4:  # made for one size: the same layers for any
            fixed, model = model, keras.models.clone_model(model, input_tensors=keras.Input((None, None, shape[3])))
            model.set_weights(fixed.get_weights())
    # an arbitrary file fails in arbitrary ways: zip, JSON, an unknown layer, a layer that needs its fixed size
    except Exception as error:
        raise InputError(f"{path}: cannot be used as a backbone ({_one_line(error)}); save it as .keras") from error
    if len(model.inputs) != 1 or len(shape) != 4 or shape[-1] != 3:
        raise InputError(f"{path}: a backbone takes one image (batch, height, width, 3), not {tuple(shape)}")
    if weights not in (None, "none", "imagenet"):
        load_weights(model, weights)
    return model


def _map_layers(model: keras.Model) -> list[str]:
    """Names of the layers that give maps."""
    return [layer.name for layer in model.layers if len(getattr(layer.output, "shape", ())) == 4]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160].rstrip(" .") or type(error).__name__
