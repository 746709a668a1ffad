"""Images as programs give them: paths, encoded bytes, arrays, tensors, Pillow's; one or many."""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from frcnn_keras.data.decoding import decode
from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.tiff import as_rgb
from frcnn_keras.errors import InputError, one_line

FORMS = "(H, W, 3), grey of (H, W) or (H, W, 1), or RGBA of (H, W, 4)"
_ENCODED = (bytes, bytearray, memoryview)


def many(images: Any) -> tuple[Iterable, bool]:
    """What was given as one image or many -> the images, and whether whoever gave them holds them all anyway (one
    image, a list, a batch), or they come one by one.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(images, (str, os.PathLike, Image.Image, *_ENCODED)):
        return [images], True
    axes = getattr(images, "ndim", None)  # NumPy's, TensorFlow's, torch's, pandas' alike
    if isinstance(axes, int):
        if axes in (2, 3):
            return [images], True
        if axes not in (1, 4):
            raise ValueError(f"images must be one of {FORMS}, or a batch of (N, H, W, 3). Received: shape "
                             f"{tuple(images.shape)}")
    if not isinstance(images, Iterable):
        raise ValueError(f"images must be a path, bytes, an array, a Pillow image, or an iterable of them. Received: "
                         f"{type(images).__name__}")
    return images, isinstance(images, (list, tuple)) or axes is not None


def loaded(image: Any) -> Any:
    """A Pillow image as the array that it is now: what an iterator over frames hands out is the same object each time,
    and no two threads may load one. Anything else as it is."""
    return _of_pillow(image) if isinstance(image, Image.Image) else image


def pixels(image: Any) -> Any:
    """A path, encoded bytes, an array, a tensor or a Pillow image -> (H, W, 3) uint8 RGB.

    What is encoded, and what Pillow opened, is turned upright by its EXIF orientation. Grey becomes three equal
    channels and alpha is dropped, as where the same picture comes from a file.

    Raises:
        InputError: a file that is missing or cannot be decoded.
        ValueError: an array of another shape or dtype; says how to convert it.
    """
    if isinstance(image, (str, os.PathLike)):
        return decode(read_file(image), str(image))
    if isinstance(image, _ENCODED):
        return decode(bytes(image), "encoded image")
    if isinstance(image, Image.Image):
        return _of_pillow(image)
    image = image if tf.is_tensor(image) else np.asarray(image)  # a large tensor is not copied
    shape = tuple(image.shape)
    if image.dtype != np.uint8 or not (len(shape) == 2 or len(shape) == 3 and shape[-1] in (1, 3, 4)) or 0 in shape:
        name = getattr(image.dtype, "name", str(image.dtype))
        raise ValueError(f"an image must be uint8 RGB of shape {FORMS}. Received: {name} of shape {shape}"
                         f"{_advice(name, shape)}")
    if shape[2:] == (3,):
        return image
    image = np.asarray(image)
    return image[..., :3] if shape[2:] == (4,) else np.repeat(image.reshape(*shape[:2], 1), 3, axis=2)


def _advice(dtype: str, shape: tuple) -> str:
    """What makes an image of such an array."""
    if len(shape) not in (2, 3) or 0 in shape:
        return ""
    if len(shape) == 3 and shape[-1] not in (1, 3, 4):
        return ("; channels stand last: image.transpose(1, 2, 0)" if shape[0] in (1, 3, 4) and min(shape[1:]) > 4
                else "")
    if "float" in dtype:
        return ("; values from 0 to 1 become an image by (image * 255).round().astype('uint8'), values from 0 to 255 "
                "by image.round().astype('uint8')")
    if dtype == "uint16":
        return "; 16 bits become 8 by (image >> 8).astype('uint8')"
    if dtype == "bool":
        return "; image.astype('uint8') * 255"
    return "; values from 0 to 255 become an image by image.astype('uint8')" if "int" in dtype else ""


def _of_pillow(image: Image.Image) -> np.ndarray:
    """(H, W, 3) uint8 RGB, upright."""
    try:
        found = as_rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # Pillow raises whatever a damaged file leads it to
        name = getattr(image, "filename", "") or "Pillow image"
        raise InputError(f"{name}: the image cannot be decoded ({one_line(error, 160)}); replace it") from error
    if found is None:
        raise ValueError(f"a Pillow image of mode {image.mode} holds no colours of 8 bits; scale its values to 0..255 "
                         "and convert it to mode L or RGB")
    return found
