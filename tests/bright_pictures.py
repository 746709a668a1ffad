"""Pictures with one bright block, and where detectors.hand_made finds it."""

import cv2
import numpy as np

WANTED = [19.6, 9.2, 35.6, 25.2]  # the box in picture(); it moves with `left`


def bright(height, width, top, left, size=4):
    """A black image with one red block."""
    image = np.zeros((height, width, 3), np.uint8)
    image[top:top + size, left:left + size, 0] = 250
    return image


def picture(left=24):
    """48 x 64, one red block; see tests/models/test_detector.py for what is found."""
    return bright(48, 64, 16, left)


def encoded(image, suffix=".png"):
    """The bytes of an image file."""
    return cv2.imencode(suffix, image[..., ::-1])[1].tobytes()
