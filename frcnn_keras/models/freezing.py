"""Which layers of a detector train: a backbone's stages, from its image on, stay as they are."""

import itertools
import math

import keras

from frcnn_keras.errors import InputError
from frcnn_keras.models.keras_internals import flatten_layers, is_graph, run_through_graph

_SIDE = 512  # pixels of the image that strides are read from: every usual stride divides it


def backbone_stages(trunk: keras.Model) -> list[list[keras.layers.Layer]]:
    """The layers with kernels that train, in stages from the image on: a new one begins where the stride doubles.

    For ResNet50 these are torchvision's conv1 (stride 2), layer1 (stride 4), layer2, layer3. A layer belongs to the
    coarsest map on its way from the image, so that what follows an enlargement never precedes it. A model inside the
    model counts as its layers. Strides are taken from the sizes of the maps of an image of 512 x 512.
    """
    return _Walk().stages(trunk)


class _Walk:
    """One walk through a trunk's graph, on shapes alone."""

    def __init__(self):
        self.groups: dict[int, list] = {}
        self.depths: dict[int, int] = {}  # of each tensor, by its id: log2 of the coarsest stride on its way
        self.tensors: list = []  # kept, so that no other tensor takes an id

    def stages(self, trunk: keras.Model) -> list[list[keras.layers.Layer]]:
        image = keras.KerasTensor((1, _SIDE, _SIDE, trunk.inputs[0].shape[-1]))
        run_through_graph(trunk, image, self._call)
        return [self.groups[depth] for depth in sorted(self.groups)]

    def _call(self, operation, *args, **kwargs):
        """What the operation gives; notes how deep it lies, and a layer's place."""
        if is_graph(operation):
            return run_through_graph(operation, args[0], self._call)
        inputs = [tensor for tensor in keras.tree.flatten((args, kwargs)) if isinstance(tensor, keras.KerasTensor)]
        before = max(self.depths.get(id(tensor), 0) for tensor in inputs)
        result = operation.compute_output_spec(*args, **kwargs)
        for tensor in keras.tree.flatten(result):
            self.depths[id(tensor)] = max(before, _depth(tensor.shape, before))
            self.tensors.append(tensor)
        if _trains(operation) and operation not in itertools.chain(*self.groups.values()):  # called twice: the first
            self.groups.setdefault(self.depths[id(self.tensors[-1])], []).append(operation)
        return result


def _depth(shape, before: int) -> int:
    """log2 of the stride of a map (1, rows, columns, C); what is no map, or an image's mean (squeeze and excitation),
    has that of what comes before it."""
    return round(math.log2(_SIDE / shape[1])) if len(shape) == 4 and shape[1] > 1 else before


def _trains(operation) -> bool:
    """Whether an operation has weights that may train: BatchNorm's never do."""
    return (isinstance(operation, keras.layers.Layer) and bool(operation.weights)
            and not isinstance(operation, (keras.layers.BatchNormalization, keras.layers.Normalization)))


def trunk_of(detector) -> keras.Model:
    """The backbone of a detector, without neck or pyramid; its whole extractor where that has no such part."""
    return getattr(detector.extractor, "trunk", detector.extractor)


def unfreeze(detector, frozen_stages: int) -> None:
    """Sets what of a detector trains: RPN, head, neck or pyramid, and the trunk but for its first stages.

    BatchNorm of the trunk keeps its statistics, scale and offset; a stage's other layers train whole.

    Raises:
        InputError: the backbone has fewer stages.
    """
    for layer in flatten_layers(detector):  # one by one: Keras passes nothing on from a model that trains already
        layer.trainable = True
    trunk = getattr(detector.extractor, "trunk", None)
    if trunk is not None:
        _freeze_first(trunk, frozen_stages)
    for layer in flatten_layers(detector):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _freeze_first(trunk: keras.Model, frozen_stages: int) -> None:
    """Lets the stages behind the first ones train; BatchNorm is seen to by `unfreeze`."""
    stages = backbone_stages(trunk)
    if not 0 <= frozen_stages <= len(stages):
        raise InputError(f"--freeze-stages must be 0 to {len(stages)}, the stages of this backbone; received: "
                         f"{frozen_stages}")
    chosen = {id(layer) for stage in stages[frozen_stages:] for layer in stage}
    for layer in flatten_layers(trunk, include_self=False):
        if not isinstance(layer, keras.Model):
            layer.trainable = id(layer) in chosen


def unsafe_layer(detector) -> str | None:
    """The first trainable 1x1 convolution with a stride and fewer than 16 channels, or None.

    TensorFlow 2.21 on CPU corrupts the heap in its gradient by the input.
    """
    for layer in flatten_layers(detector):
        if (isinstance(layer, keras.layers.Conv2D) and layer.trainable and max(layer.kernel_size) == 1
                and max(layer.strides) > 1 and layer.kernel.shape[2] < 16):
            return layer.name
    return None
