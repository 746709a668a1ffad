"""The picture that a training ends with: some of the images, with what the detector finds in them."""

from collections.abc import Sequence

import numpy as np

from frcnn_keras.data.decoding import decode
from frcnn_keras.data.example import Example
from frcnn_keras.pictures.contact_sheet import contact_sheet, fit
from frcnn_keras.pictures.drawing import draw_detections
from frcnn_keras.runs.detections import Detections

CELL = (480, 360)  # pixels, of an image
SHOWN, SURE = 12, 0.5  # images; the score that a drawn detection has at least


def detections_sheet(examples: Sequence[Example], detections: Sequence[Detections], class_names: Sequence[str]
                     ) -> np.ndarray:
    """Images spread evenly over all, their detections drawn: (H, W, 3) uint8 RGB."""
    places = np.unique(np.linspace(0, len(examples) - 1, min(SHOWN, len(examples))).round().astype(int))
    drawn = []
    for place in places:
        example, found = examples[place], detections[place]
        image, scale = fit(decode(example.read(), example.file).numpy(), *CELL)
        sure = found.scores >= SURE
        drawn.append(draw_detections(image, found.boxes[sure] * scale, found.labels[sure], found.scores[sure],
                                     class_names))
    cell = max(image.shape[1] for image in drawn), max(image.shape[0] for image in drawn)  # small ones waste no room
    return contact_sheet(drawn, columns=3, cell_size=cell, titles=[examples[place].caption for place in places])
