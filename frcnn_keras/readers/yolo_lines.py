"""The lines of one YOLO label file: `class cx cy w h`, or `class x1 y1 x2 y2 x3 y3 ...`, as fractions of the image."""

import math
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.data.image_paths import shown
from frcnn_keras.errors import InputError

LARGEST = 50_000_000  # bytes of a label file; crowded pictures full of polygons have one million
MOST_OBJECTS = 100_000  # of one image
OVER = 0.01  # by which a value may lie outside 0 to 1: rounding, and polygons drawn along the edge
_BOX, _CONFIDENCE = 5, 6  # values of a line that is a box; of one that a detector wrote, with its confidence


class Line(NamedTuple):
    """One object."""

    number: int  # from 1
    class_index: int  # from 0
    box: tuple[float, float, float, float]  # x1, y1, x2, y2 as fractions of the image
    values: tuple[float, ...] = ()  # x, y of a polygon's points; empty where the line is a box


class Labels(NamedTuple):
    """What a label file says."""

    lines: list[Line]
    faults: list[tuple[int, str]]  # line and what is wrong with it
    confidences: bool  # whether every line has a confidence, which is passed over
    polygons: int  # lines whose box is that of their points


def read_labels(path: Path, keypoints: int = 0) -> Labels:
    """One label file; empty ones stand for an image without objects.

    keypoints: the values behind each box of a pose data set (kpt_shape's product); 0 where it is none. Five values are
    a box; seven and more, an odd number, are a polygon, the four corners of an oriented box too. Six are a box and a
    confidence where every line of the file has six, and the last lies within 0 and 1.

    Raises:
        InputError: the file cannot be read or is no text; without its name.
    """
    rows = [(number, line.split()) for number, line in enumerate(_text(path).splitlines(), start=1) if line.strip()]
    if len(rows) > MOST_OBJECTS:
        raise InputError(f"it has {len(rows)} lines; an image may have {MOST_OBJECTS} objects")
    labels = Labels([], [], bool(rows) and all(len(words) == _CONFIDENCE for _, words in rows), 0)
    polygons = 0
    for number, words in rows:
        try:
            index, values = _index(words[0]), _values(words, keypoints, labels.confidences)
        except InputError as error:
            labels.faults.append((number, str(error)))
            continue
        polygons += len(values) > 4
        labels.lines.append(Line(number, index, _box(values), tuple(values) if len(values) > 4 else ()))
    return labels._replace(polygons=polygons)


def _text(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise InputError(f"over {LARGEST:,} bytes are no label file")
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeError as error:
        raise InputError("it is no text file; YOLO's lines are: class cx cy w h") from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})") from error


def _index(word: str) -> int:
    """The class: a whole number, which some programs write as 3.0."""
    value = _number(word)
    if value is None or not 0 <= value < 2**31 or value != int(value):
        raise InputError(f"the first value is the class, a whole number from 0; received: {shown(word, 40)}")
    return int(value)


def _values(words: list[str], keypoints: int, confidences: bool) -> list[float]:
    """The fractions of a line: four of a box, or two for each point of a polygon."""
    count, pose = len(words), _BOX + keypoints
    if count in (_BOX, pose) or (confidences and count == _CONFIDENCE):
        if count == _CONFIDENCE and pose != count:
            _check_confidence(words[-1])
        used = words[1:_BOX]
    elif count >= 7 and count % 2 and not keypoints:
        used = words[1:]
    else:
        forms = f"class cx cy w h and {keypoints} values of keypoints" if keypoints else \
            "class cx cy w h, or class x1 y1 x2 y2 x3 y3 ..."
        advice = "" if keypoints or count < pose else "; those of a pose data set need kpt_shape in its data.yaml"
        raise InputError(f"a line is {forms}; received {count} value{'s' * (count != 1)}{advice}")
    values = []
    for word in used:
        value = _number(word)
        if value is None or not math.isfinite(value):
            raise InputError(f"its values must be numbers; received: {shown(word, 40)}")
        if not -OVER <= value <= 1 + OVER:
            pose = value == 2 and (count - _BOX) % 3 == 0
            advice = ("pixels must be divided by the image's width and height" if value > 2 else
                      "where it says that a keypoint is seen, data.yaml needs kpt_shape" if pose else
                      "correct or remove it")
            raise InputError(f"values must be fractions of the image, 0 to 1; received: {shown(word, 40)}; {advice}")
        values.append(value)
    return values


def _check_confidence(word: str) -> None:
    value = _number(word)
    if value is None or not 0 <= value <= 1:
        raise InputError(f"of six values the last is a confidence, 0 to 1; received: {shown(word, 40)} (an angle? a "
                         "track id?); remove it, or write an oriented box as its four corners")


def _box(values: list[float]) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of a box about its centre, or of a polygon's points."""
    if len(values) == 4:
        x, y, width, height = values
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])


def _number(word: str) -> float | None:
    try:
        return float(word) if "_" not in word else None
    except ValueError:
        return None
