"""Small detectors with random weights that find something in any picture."""

import numpy as np

SIZES = {"shorter": 96, "longer": 160, "preprocessing": "torch"}


def small_detector(levels: int = 1, op: str = "align"):
    """A FasterRCNN of three classes on `levels` feature levels from stride 8."""
    import keras

    from frcnn_keras.models.detector import FasterRCNN
    from frcnn_keras.models.rcnn import RCNN, two_fc
    from frcnn_keras.models.rpn import RPN

    image = keras.Input((None, None, 3))
    features, maps = image, []
    for number in range(2 + levels):
        features = keras.layers.Conv2D(8, 3, 2, padding="same", activation="tanh", name=f"stage{number}")(features)
        maps.append(features)
    extractor = keras.Model(image, maps[2:], name="extractor")
    rpn, rcnn = RPN(3, 16, name="rpn"), RCNN(two_fc(4, 8, 32), 4, name="rcnn")
    rpn.build((None, None, None, 8))
    rcnn.build((None, 4, 4, 8))
    rng = np.random.default_rng(0)
    for weight in [*extractor.weights, *rpn.weights, *rcnn.weights]:
        if len(weight.shape) > 1:
            gain = 0.3 if "deltas" in weight.path else 2.0
            weight.assign(rng.normal(0, gain / np.sqrt(np.prod(weight.shape[:-1])), weight.shape))
    strides = [8.0 * 2**level for level in range(levels)]
    return FasterRCNN(
        extractor, rpn, rcnn, class_names=("ant", "bee", "käfer"),
        geometry={"strides": strides, "offsets": [stride / 2 for stride in strides],
                  "anchor_sizes": [4 * stride for stride in strides], "anchor_ratios": [0.5, 1.0, 2.0]},
        preparing={**SIZES, "pad_multiple": int(strides[-1])},
        proposing={"before": 200, "after": 30, "iou_threshold": 0.7, "min_size": 1.0},
        pooling={"op": op, "size": 4}, detecting={"score_threshold": 0.3, "iou_threshold": 0.5, "limit": 20})


def spoil(monkeypatch, exporter, output: str, factor: float) -> np.ndarray:
    """Multiplies an output on its way into the file that a module `exporter` writes; returns an image that shows it."""
    outputs_of = exporter.detection_outputs

    def spoilt(model, image_tensor):
        outputs = outputs_of(model, image_tensor)
        return {**outputs, output: outputs[output] * factor}

    monkeypatch.setattr(exporter, "detection_outputs", spoilt)
    image = np.zeros((48, 64, 3), np.uint8)
    image[16:20, 24:28, 0] = 250
    return image
