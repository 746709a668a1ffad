"""Boxes as Label Studio's regions, and the labelling interface that they fit."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

PREFIX = "/data/local-files/?d="  # how Label Studio calls files of its local storage


def region(id: str, box: Sequence[float], name: str, width: int, height: int) -> dict[str, Any]:
    """A rectangle in per cent of the picture. box: x1, y1, x2, y2 in pixels of one of width and height."""
    x1, y1, x2, y2 = map(float, box)
    return {"id": id, "type": "rectanglelabels", "from_name": "label", "to_name": "image",
            "original_width": width, "original_height": height, "image_rotation": 0,
            "value": {"x": 100 * x1 / width, "y": 100 * y1 / height, "width": 100 * (x2 - x1) / width,
                      "height": 100 * (y2 - y1) / height, "rotation": 0, "rectanglelabels": [name]}}


def image_address(file: str) -> str:
    """What a task calls a picture of the local storage."""
    return PREFIX + quote(file, errors="surrogateescape")


def labelling_config(class_names: Sequence[str]) -> str:
    """The project's labelling interface that the tasks fit."""
    labels = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in class_names)
    return ('<View>\n  <Image name="image" value="$image"/>\n  <RectangleLabels name="label" toName="image">\n'
            f"{labels}  </RectangleLabels>\n</View>\n")
