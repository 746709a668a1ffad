"""The shapes of a labelme file, and the box about each."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from frcnn_keras.errors import InputError
from frcnn_keras.readers.coco_values import flag, number, received
from frcnn_keras.readers.validation import RawObject

_POINTS = {"rectangle": 2, "polygon": 3, "circle": 2, "mask": 2, "rotation": 3}  # how many each needs at least
_PARTS = ("polygon", "mask")  # of which several can be one object's, where something stands in front of it
_LEFT_OUT = ("point", "points", "line", "linestrip")  # have no area: keypoints and marks
MOST_POINTS = 1_000_000


class Shapes(NamedTuple):
    objects: list[RawObject]  # boxes x1, y1, x2, y2 in pixels
    faults: list[tuple[str, str]]  # item and what is wrong with it
    left_out: int  # points and lines
    joined: int  # polygons and masks that are parts of one object with another
    apart: int  # other shapes of one group_id with another, each an object


def objects_of(shapes: Sequence[Any]) -> Shapes:
    """The objects. Polygons and masks of one group_id and label are one object's parts, as labelme's own converters
    have it; rectangles and circles are whole objects, whatever else their group says (a herd, a track, a page)."""
    found = Shapes([], [], 0, 0, 0)
    groups: dict[tuple[str, str], int] = {}  # where an object of parts is, by label and group
    whole: set[tuple[str, str]] = set()  # groups of other shapes
    left_out = joined = apart = 0
    for place, shape in enumerate(shapes, start=1):
        item = f"shape {place}"
        try:
            if not isinstance(shape, dict):
                raise InputError(f"it must be an object with label and points; received: {received(shape)}")
            label = shape.get("label")
            if not isinstance(label, str):
                raise InputError(f"its label must be a text; received: {received(label)}")
            item = f"shape {place} ({label.strip():.100})"
            if shape.get("shape_type") in _LEFT_OUT:
                left_out += 1
                continue
            raw = RawObject(label.strip(), _box(shape), item, _difficult(shape))
        except InputError as error:
            found.faults.append((item, str(error)))
            continue
        group = shape.get("group_id")
        key = (raw.name, received(group))
        in_parts = shape.get("shape_type", "polygon") in _PARTS
        if group is not None and not in_parts:
            apart += key in whole
            whole.add(key)
        if group is not None and in_parts:
            if key in groups:
                joined += 1
                found.objects[groups[key]] = _with(found.objects[groups[key]], raw)
                continue
            groups[key] = len(found.objects)
        found.objects.append(raw)
    return found._replace(left_out=left_out, joined=joined, apart=apart)


def _box(shape: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """The box about a shape's points; a circle's are its centre and a point of its edge, a mask's the corners of its
    box."""
    kind = shape.get("shape_type", "polygon")  # the first versions drew polygons alone, and did not say so
    if not isinstance(kind, str) or kind not in _POINTS:
        raise InputError(f"its shape_type must be {', '.join(_POINTS)}; received: {received(kind)}")
    points = shape.get("points")
    if not isinstance(points, list) or len(points) > MOST_POINTS:
        raise InputError(f"its points must be a list of [x, y]; received: {received(points)}")
    numbers = [_point(point) for point in points]
    if len(numbers) < _POINTS[kind]:
        raise InputError(f"a {kind} needs {_POINTS[kind]} points or more; it has {len(numbers)}")
    if kind == "circle":
        (x, y), edge = numbers[:2]
        radius = math.dist((x, y), edge)
        return x - radius, y - radius, x + radius, y + radius
    xs, ys = zip(*numbers, strict=True)
    if not all(map(math.isfinite, (*xs, *ys))):  # min() and max() would pass a NaN over
        return math.nan, math.nan, math.nan, math.nan
    return min(xs), min(ys), max(xs), max(ys)


def _point(point: Any) -> tuple[float, float]:
    values = [number(value) for value in point] if isinstance(point, list) and len(point) == 2 else [None]
    x, y = values[0], values[-1]
    if x is None or y is None:
        raise InputError(f"its points must be [x, y] of numbers; received: {received(point)}")
    return x, y


def _difficult(shape: Mapping[str, Any]) -> bool:
    """`difficult` of the shape itself, or of its flags, as a checkbox of that name sets it."""
    flags = shape.get("flags")
    value = shape.get("difficult", flags.get("difficult") if isinstance(flags, dict) else None)
    told = flag(value)
    if told is None:
        raise InputError(f"its difficult must be true or false; received: {received(value)}")
    return told


def _with(first: RawObject, other: RawObject) -> RawObject:
    """One object of two parts."""
    low = (min(pair) for pair in zip(first.box[:2], other.box[:2], strict=True))
    high = (max(pair) for pair in zip(first.box[2:], other.box[2:], strict=True))
    return first._replace(box=(*low, *high), difficult=first.difficult and other.difficult)
