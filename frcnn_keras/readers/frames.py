"""Which picture boxes are of: the upright one, the one as stored, or one of another size.

EXIF orientation says how a stored image is to be turned; everything works on the upright picture. Annotation tools
differ in which one they show: the size that the annotation states tells it.
"""

from typing import NamedTuple

import numpy as np

from frcnn_keras.data.image_header import ImageHeader
from frcnn_keras.errors import InputError
from frcnn_keras.readers.box_forms import OVER

Size = tuple[int, int]  # height, width


class Resized(InputError):
    """The picture was resized after it was annotated, or the annotation is another picture's: the user knows which."""


class Framed(NamedTuple):
    boxes: np.ndarray  # (G, 4) pixels of the upright picture
    turned: bool  # whether they were of the stored one
    scaled: bool  # whether they were of one of the stated size
    misfit: bool  # whether pixels lie far outside the picture that they should be of, and inside it as it is otherwise


def to_upright(boxes: np.ndarray, header: ImageHeader, stated: Size = (0, 0), *, scale: bool = False,
               fractions: bool = False) -> Framed:
    """Boxes of one image, x1, y1, x2, y2, as pixels of the upright picture.

    stated: the size that the annotation says; 0 in it where it says none. fractions: the boxes are fractions of that
    picture, else its pixels. scale: whether boxes of a picture of another size, but the same shape, are to be scaled.

    Raises:
        InputError: the stated size is neither that of the upright picture nor of the stored one; Resized where it has
            the same shape.
    """
    upright, stored = header.size, header.stored
    unknown = 0 in stated or stated in (upright, stored)
    fits_upright, fits_stored = ((same_shape(stated, size) for size in (upright, stored)) if not unknown else (0, 0))
    if not unknown and not ((fits_upright or fits_stored) and (scale or fractions)):
        raise _neither(stated, header, bool(fits_upright or fits_stored))
    turned = stated == stored != upright or bool(not unknown and fits_stored and not fits_upright)
    frame, other = (stored, upright) if turned else (upright, stored)
    unit = (1, 1) if fractions else frame if unknown else stated
    pixels = boxes * np.array([frame[1] / unit[1], frame[0] / unit[0]] * 2)
    misfit = not fractions and frame != other and _reaches_over(pixels, frame) and not _reaches_over(pixels, other)
    if turned:
        from frcnn_keras.ops.boxes import turn  # here, not above: --help answers without TensorFlow

        pixels = turn(pixels, header.orientation, *stored)
    return Framed(pixels, turned, not (unknown or fractions), misfit)


def same_shape(size: Size, other: Size) -> bool:
    """Whether one picture can be the other one resized: one side to what was wanted, the other rounded to a pixel."""
    return any(abs(to[side] - of[side] * to[1 - side] / of[1 - side]) < 1
               for of, to in ((size, other), (other, size)) for side in (0, 1))


def _neither(stated: Size, header: ImageHeader, resized: bool) -> InputError:
    height, width = header.size
    turned = f" (stored {header.stored[1]} x {header.stored[0]})" if header.stored != header.size else ""
    if resized:
        advice = "the picture was resized: if the boxes are of the stated size, --scale-boxes scales them"
    elif stated == (width, height):
        advice = "width and height are exchanged: correct the size, or turn the picture"
    else:
        advice = "it is another picture, or a part of it: correct the size or the image"
    kind = Resized if resized else InputError
    return kind(f"the annotation says {stated[1]} x {stated[0]}, the image has {width} x {height} pixels{turned}; "
                f"{advice}")


def _reaches_over(boxes: np.ndarray, size: Size) -> bool:
    """Whether any box reaches far over the edge of a picture of that size."""
    return bool((boxes[:, 2:] > np.array([size[1], size[0]]) * (1 + OVER)).any())
