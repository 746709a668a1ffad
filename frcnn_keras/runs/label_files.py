"""One picture's labels in the forms that the readers read: of corrected data sets, and of what was found."""

import csv
import dataclasses
import io
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.files import to_json

CSV_HEADER = ("path", "width", "height", "x1", "y1", "x2", "y2", "class", "score")


@dataclasses.dataclass(frozen=True)
class Labelled:
    """One picture with its labels."""

    number: int  # COCO's image id
    file: str  # below the folder of pictures, with "/"
    width: int
    height: int
    boxes: np.ndarray  # (G, 4) float64: x1, y1, x2, y2
    labels: np.ndarray  # (G,) int64, 1..C
    ids: Sequence[int]  # COCO's annotation ids
    ignored: np.ndarray | None = None  # (G,) bool: difficult or crowd; None for none
    scores: np.ndarray | None = None  # (G,): of what was found

    @property
    def flags(self) -> Sequence[bool]:
        """`ignored` of each."""
        return [False] * len(self.boxes) if self.ignored is None else self.ignored.tolist()


def coco_image(one: Labelled) -> dict[str, Any]:
    return {"id": one.number, "file_name": one.file, "height": one.height, "width": one.width}


def coco_annotations(one: Labelled, category_ids: Sequence[int]) -> list[dict[str, Any]]:
    """With `score`, where there are scores; other programs pass over it."""
    annotations: list[dict[str, Any]] = []
    for place, (id, box, label, ignored) in enumerate(zip(one.ids, one.boxes, one.labels, one.flags, strict=True)):
        x1, y1, x2, y2 = (plain(edge) for edge in box)
        width, height = round(x2 - x1, 4), round(y2 - y1, 4)
        annotations.append({"id": int(id), "image_id": one.number, "category_id": category_ids[label - 1],
                            "bbox": [x1, y1, width, height], "area": width * height, "iscrowd": int(ignored)})
        if one.scores is not None:
            annotations[-1]["score"] = float(one.scores[place])
    return annotations


def coco_categories(category_ids: Sequence[int], class_names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"id": id, "name": name} for id, name in zip(category_ids, class_names, strict=True)]


def voc_xml(one: Labelled, class_names: Sequence[str]) -> bytes:
    """VOC counts pixels from 1 and names the last one inside: xmin = x1 + 1, xmax = x2. What is ignored is difficult
    there."""
    objects = [f"""  <object>
    <name>{_text(class_names[label - 1])}</name>
    <difficult>{int(ignored)}</difficult>
    <bndbox><xmin>{x1 + 1:.9g}</xmin><ymin>{y1 + 1:.9g}</ymin><xmax>{x2:.9g}</xmax><ymax>{y2:.9g}</ymax></bndbox>
  </object>
""" for (x1, y1, x2, y2), label, ignored in zip(np.round(one.boxes, 2), one.labels, one.flags, strict=True)]
    path = PurePosixPath(one.file)
    folder = f"  <folder>{_text(path.parent.as_posix())}</folder>\n" if len(path.parts) > 1 else ""
    return f"""<annotation>
{folder}  <filename>{_text(path.name)}</filename>
  <size><width>{one.width}</width><height>{one.height}</height><depth>3</depth></size>
{"".join(objects)}</annotation>
""".encode()


def yolo_lines(one: Labelled) -> bytes:
    """Class from 0, middle and sides as fractions; what is ignored is left out, for which YOLO's form has no word."""
    size = np.tile((one.width, one.height), 2)
    middles, sides = (one.boxes[:, :2] + one.boxes[:, 2:]) / 2, one.boxes[:, 2:] - one.boxes[:, :2]
    values = np.concatenate([middles, sides], axis=1) / size  # (G, 4)
    lines = [f"{label - 1} " + " ".join(f"{value:.8g}" for value in row) + "\n" for label, row, ignored in
             zip(one.labels, values, one.flags, strict=True) if not ignored]
    return "".join(lines).encode()


def yolo_names(class_names: Sequence[str]) -> bytes:
    """data.yaml."""
    names = "".join(f"  {number}: {to_json(name)}\n" for number, name in enumerate(class_names))
    return f"path: .\ntrain: images\nval: images\nnames:\n{names}".encode()


def csv_lines(one: Labelled, class_names: Sequence[str]) -> bytes:
    """CSV_HEADER's columns, a line an object; one with an empty box for a picture without any."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = one.file, one.width, one.height
    for place, (box, label) in enumerate(zip(one.boxes, one.labels, strict=True)):
        score = "" if one.scores is None else f"{float(one.scores[place]):.6g}"
        writer.writerow((*head, *(f"{plain(edge):.10g}" for edge in box), class_names[label - 1], score))
    if not len(one.boxes):
        writer.writerow((*head, *[""] * (len(CSV_HEADER) - 3)))
    return text.getvalue().encode()


class LabelNames:
    """The name of each picture's own file of labels in a form, `voc` or `yolo`."""

    def __init__(self, form: str):
        self.form = form
        self._taken: dict[str, str] = {}

    def of(self, file: str) -> str:
        """InputError: two pictures would share a file, or it would lie outside."""
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"{file}: is no path below a folder of pictures, so its labels have no place; write the "
                             "form coco")
        stem = path.with_suffix("").as_posix() if path.suffix else path.as_posix()
        name = f"Annotations/{stem}.xml" if self.form == "voc" else _yolo_name(stem)
        if name in self._taken:
            raise InputError(f"{file}: its labels would stand in {name}, those of {self._taken[name]} too; write the "
                             "form coco, or rename one picture")
        self._taken[name] = file
        return name


def _yolo_name(stem: str) -> str:
    """train/images/a -> labels/train/a.txt: labels/ stands in place of images/."""
    parts = list(PurePosixPath(stem).parts)
    if "images" in parts[:-1]:
        parts.remove("images")
    return f"labels/{'/'.join(parts)}.txt"


def plain(value: float) -> float:
    """Without the digits that come of calculating."""
    return round(float(value), 4)


def _text(text: str) -> str:
    """XML's text: of characters that it cannot hold, an escape is left."""
    allowed = (char if char in "\t\n\r" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char > "\uffff"
               else char.encode("unicode_escape").decode() for char in text)
    return escape("".join(allowed))
