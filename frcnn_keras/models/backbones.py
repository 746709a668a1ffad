"""Backbones: keras.applications networks or a user's own, cut at their feature layers and frozen."""

import dataclasses
import difflib
import os
from collections.abc import Sequence

import keras
import numpy as np

from frcnn_keras.errors import InputError, one_line
from frcnn_keras.models import receptive_field
from frcnn_keras.models.applications import (
    BACKBONES,
    DEFAULT_LAYERS,
    GEOMETRY,
    PREPROCESS_OF,
    PYRAMID_LAYERS,
    load_weights,
)
from frcnn_keras.models.map_mean import with_map_means
from frcnn_keras.models.precision import in_float32, policy_of
from frcnn_keras.models.weight_bounds import check_weights_file
from frcnn_keras.ops.images import NORMALISATIONS


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

    def padding(self, stride_rule: str, pyramid: bool = False) -> int:
        """What images are padded to a multiple of for anchors of this rule (ops.pyramid.level_strides): by `fraction`
        the map of the image as it is counts, which is then not padded.

        Raises:
            InputError: several layers of one grid, whose cells agree on padded images alone.
        """
        if stride_rule != "fraction":
            return self.pad_multiple
        if len(self.layers) > 1 and not pyramid:
            raise InputError(f"--anchor-stride fraction takes images without padding, and so one layer's map; give one "
                             f"of {', '.join(self.layers)} as --feature-layers")
        return 1

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
        default_layers = (PYRAMID_LAYERS if pyramid else DEFAULT_LAYERS).get(name)
        if not (layers or default_layers):
            raise InputError(f"{name}: no usual pyramid; name its layers with --feature-layers, finest first")
        full = in_float32(BACKBONES[name](weights))
        layers = tuple(layers or default_layers)
        preprocess = preprocess or PREPROCESS_OF[name]
    else:
        full = _load_own(name, weights)
        if not layers or preprocess is None:
            raise InputError(
                f"{name}: name a feature layer (--feature-layer) and the preprocessing (--preprocess, one of "
                f"{', '.join(NORMALISATIONS)}); its last layers are {', '.join(_map_layers(full)[-6:])}"
            )
    full = with_map_means(full)
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
    return _part(model.inputs[0], [model.get_layer(layer).output for layer in layers], "trunk")


def _part(start, ends, name: str) -> keras.Model:
    """What lies between tensors of a network; a policy of its own, as the global one is the caller's.

    ValueError where a branch goes round `start`: before 3.14 Keras makes a model of it, with the image as a second
    input.
    """
    part = keras.Model(start, ends, name=name)
    if sum(isinstance(layer, keras.layers.InputLayer) for layer in part.layers) > 1:
        raise ValueError("a branch goes round the first tensor")
    part.dtype_policy = policy_of("float32")
    return part


def top_model(model: keras.Model, layer: str) -> keras.Model:
    """The rest of `model` behind `layer`: pooled maps (R, h, w, C) as that layer gives them -> `model`'s output.

    Weights are shared with `model`. Raises InputError where nothing follows, or where a branch goes round the layer.
    """
    start = cut(model, [layer]).outputs[0]
    if start is model.outputs[0]:
        raise InputError(f"{model.name} ends with layer {layer!r}: nothing is left for a head; use an earlier layer")
    try:
        return _part(start, model.outputs[0], "backbone_top")
    except ValueError as error:
        raise InputError(
            f"{model.name} cannot be continued from layer {layer!r} alone, as another branch goes round it; use the "
            "last layer of a block"
        ) from error


def _load_own(path: str, weights: str | None) -> keras.Model:
    """A user's saved model, for images of any size."""
    if not os.path.isfile(path):
        near = difflib.get_close_matches(path, BACKBONES, 1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(BACKBONES)}"
        raise InputError(f"unknown backbone {path!r}, and no such file; {hint}")
    try:
        check_weights_file(path)
        model = keras.models.load_model(path, compile=False)
        shape = model.inputs[0].shape
        if None not in shape[1:] and len(shape) == 4:  # made for one size: the same layers for any
            fixed, model = model, keras.models.clone_model(model, input_tensors=keras.Input((None, None, shape[3])))
            model.set_weights(fixed.get_weights())
    # an arbitrary file fails in arbitrary ways: zip, JSON, an unknown layer, a layer that needs its fixed size
    except Exception as error:
        raise InputError(f"{path}: cannot be used as a backbone ({one_line(error, 160)}); save it as .keras") from error
    if len(model.inputs) != 1 or len(shape) != 4 or shape[-1] != 3:
        raise InputError(f"{path}: a backbone takes one image (batch, height, width, 3), not {tuple(shape)}")
    if weights not in (None, "none", "imagenet"):
        load_weights(model, weights)
    return model


def _map_layers(model: keras.Model) -> list[str]:
    """Names of the layers that give maps."""
    return [layer.name for layer in model.layers if len(getattr(layer.output, "shape", ())) == 4]
