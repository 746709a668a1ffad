"""Which layers of a detector train: a backbone's stages, from its image on, stay as they are."""

import math

import keras

from frcnn_keras.errors import InputError

_SIDE = 512  # pixels of the image that strides are read from: every usual stride divides it


def backbone_stages(trunk: keras.Model) -> list[list[keras.layers.Layer]]:
    """The layers with kernels that train, in stages from the image on: a new one begins where the stride doubles.

    For ResNet50 these are torchvision's conv1 (stride 2), layer1 (stride 4), layer2, layer3. A layer belongs to the
    coarsest map on its way from the image, so that what follows an enlargement never precedes it. A model inside the
    model counts as its layers. Strides are taken from the sizes of the maps of an image of 512 x 512.
    """
    groups: dict[int, list] = {}
    _walk(trunk, [0], (1, _SIDE, _SIDE, trunk.inputs[0].shape[-1]), groups)
    return [groups[depth] for depth in sorted(groups)]


def _walk(model, begin: list[int], shape, groups: dict[int, list]) -> int:
    """Puts a functional model's layers into groups by depth (log2 of the coarsest stride on the way); returns the
    depth behind its last layer. begin: depths of its inputs."""
    shapes = _output_shapes(model, shape)
    depths = {id(tensor._keras_history.operation): max(begin) for tensor in model.inputs}
    for operation in model.operations:  # sorted: what an operation takes comes before it
        if id(operation) in depths:
            continue
        tensors = keras.tree.flatten(operation.input)
        before = max(depths.get(id(tensor._keras_history.operation), max(begin)) for tensor in tensors)
        if _is_graph(operation):
            inside = shapes[tensors[0]._keras_history.operation.name]
            depths[id(operation)] = _walk(operation, [before], inside, groups)
            continue
        depths[id(operation)] = max(before, _depth(shapes[operation.name], before))
        if _trains(operation):
            groups.setdefault(depths[id(operation)], []).append(operation)
    return max(depths.values())


def _depth(shape, before: int) -> int:
    """log2 of the stride of a map (1, rows, columns, C); what is no map, or an image's mean (squeeze and excitation),
    has that of what comes before it."""
    return round(math.log2(_SIDE / shape[1])) if len(shape) == 4 and shape[1] > 1 else before


def _output_shapes(model, shape) -> dict[str, tuple]:
    """Shape of each operation's first output for images of a shape."""
    firsts = {operation.name: keras.tree.flatten(operation.output)[0] for operation in model.operations}
    probe = keras.Model(model.inputs, list(firsts.values()))
    found = keras.tree.flatten(probe.compute_output_spec(keras.KerasTensor(shape)))
    return {name: tuple(spec.shape) for name, spec in zip(firsts, found, strict=True)}


def _is_graph(operation) -> bool:
    return isinstance(operation, keras.Model) and hasattr(operation, "operations") and len(operation.inputs) == 1


def _trains(operation) -> bool:
    """Whether an operation has weights that may train: BatchNorm's never do."""
    return (isinstance(operation, keras.layers.Layer) and bool(operation.weights)
            and not isinstance(operation, (keras.layers.BatchNormalization, keras.layers.Normalization)))


def unfreeze(detector, frozen_stages: int) -> None:
    """Sets what of a detector trains: RPN, head, neck or pyramid, and the trunk but for its first stages.

    BatchNorm of the trunk keeps its statistics, scale and offset; a stage's other layers train whole.

    Raises:
        InputError: the backbone has fewer stages.
    """
    detector.trainable = True
    trunk = getattr(detector.extractor, "trunk", None)
    if trunk is None:
        return
    stages = backbone_stages(trunk)
    if not 0 <= frozen_stages <= len(stages):
        raise InputError(f"--freeze-stages must be 0 to {len(stages)}, the stages of this backbone; received: "
                         f"{frozen_stages}")
    chosen = {id(layer) for stage in stages[frozen_stages:] for layer in stage}
    for layer in trunk._flatten_layers(include_self=False):
        if not isinstance(layer, keras.Model):
            layer.trainable = id(layer) in chosen
    for layer in detector._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
