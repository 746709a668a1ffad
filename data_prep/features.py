"""An image -> the feature maps of a frozen backbone, through the fitted neck."""

import numpy as np

from frcnn_keras.neck_fitting import image_maps as image_maps  # the drivers take these from here
from frcnn_keras.neck_fitting import map_function as map_function

FLOAT16_MAX = 65504.0


def as_float16(maps) -> tuple[np.ndarray, ...]:
    """Maps as they are stored; values beyond float16 become its largest."""
    return tuple(np.clip(level, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16) for level in maps)
