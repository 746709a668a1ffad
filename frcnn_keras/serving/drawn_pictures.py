"""The pictures that every exported file is compared on, whatever its format."""

import cv2
import numpy as np

SIZES = ((480, 640), (320, 240), (96, 333), (60, 48))  # height and width: wide, tall, flat, small
CORNERS = (40, 4, 3)  # of discs, squares and triangles
SHAPES = 8


def drawn_pictures(size: tuple[int, int] | None = None) -> list[np.ndarray]:
    """Four pictures (H, W, 3) uint8 RGB, the same every time; of unlike sizes, or all of `size` (height, width).

    Shapes with hard edges, for a trained detector to find, on soft structure, and noise over all: no two places are
    alike, for where scores tie, runtimes may choose differently.
    """
    rng = np.random.default_rng(1)
    return [_picture(rng, height, width) for height, width in ([size] * len(SIZES) if size else SIZES)]


def drawn_images() -> list[bytes]:
    """The same pictures as files: a JPEG, a PNG, a grey JPEG and a BMP."""
    wide, tall, flat, small = (np.ascontiguousarray(picture[..., ::-1]) for picture in drawn_pictures())
    kinds = ((".jpg", wide), (".png", tall), (".jpg", cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY)), (".bmp", small))
    return [cv2.imencode(suffix, image)[1].tobytes() for suffix, image in kinds]


def _picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    soft = rng.uniform(0, 255, (-(-height // 24), -(-width // 24), 3)).astype(np.float32)
    picture = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, 3)
    for number in range(SHAPES):
        corners = CORNERS[number % len(CORNERS)]
        turns = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, np.pi)
        radius = 2 + min(height, width) * rng.uniform(0.02, 0.2)
        outline = rng.uniform(0, (width, height)) + radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        cv2.fillPoly(picture, [np.rint(outline * 16).astype(np.int32)], rng.uniform(30, 225, 3).tolist(),
                     shift=4)  # in sixteenths of a pixel
    return np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)
