"""Feature maps as they are stored."""

import numpy as np

FLOAT16_MAX = 65504.0


def as_float16(maps) -> tuple[np.ndarray, ...]:
    """Maps as they are stored; values beyond float16 become its largest."""
    return tuple(np.clip(level, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16) for level in maps)
