"""Products in bfloat16 for a trained detector; sums, weights, boxes and scores stay float32."""

import keras

from frcnn_keras.models.detector import FasterRCNN

# BatchNorm and depthwise convolutions are slower in bfloat16 on CPUs (MobileNetV2: 108 ms an image for 65)
_LOWERED = (keras.layers.Conv2D, keras.layers.Dense, keras.layers.MaxPooling2D)


def use_bfloat16(model: FasterRCNN) -> list[str]:
    """Makes the backbone's and the head's convolutions and dense layers multiply in bfloat16; returns their names.

    Before the model is traced. The neck keeps float32: it subtracts means from features that may be far from 0, and
    of bfloat16's 8 bits little would be left. So do RPN and the head's last layers.
    """
    lowered = []
    for part in (model.extractor, model.rcnn.trunk):
        neck = getattr(part, "neck", None)
        for layer in part._flatten_layers():
            if type(layer) in _LOWERED and layer is not neck:
                layer.dtype_policy = "mixed_bfloat16"
                lowered.append(layer.name)
    return lowered
