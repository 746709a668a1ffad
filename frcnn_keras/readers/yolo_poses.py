"""Whether YOLO's polygons are poses whose data.yaml does not say so: a box, and keypoints as x, y or x, y, v.

An even number of values behind a box is an odd number in a line, as a polygon's. The first two points of one would be a
box's centre and size then: about the outline's first point, as wide as its second one is far from the image's edge, so
that of a small object's polygon it holds the others but is far larger than they lie apart.
"""

from collections.abc import Iterable, Sequence

from frcnn_keras.readers.yolo_lines import Line

_BOX = 4
_LEAST = 8  # fractions of a line: a box and two points
_OVER = 0.1  # of a side by which a keypoint may lie outside its box
_MOST = 0.9  # share of lines that read as poses
_SPREAD = 0.4  # of the box's wider-filled side, that keypoints span in a quarter of the lines; outlines of objects a
# tenth of an image wide span 0.2


def are_poses(lines: Iterable[Line]) -> int:
    """How many values of keypoints the lines have behind a box, if that is what they seem to be; else 0.

    All polygons have the same number of points then, nine in ten read as poses, and in a quarter of them the points
    fill much of the box.
    """
    polygons = [line.values for line in lines if len(line.values) >= _LEAST]
    counts = {len(values) for values in polygons}
    if len(counts) != 1:
        return 0
    spreads = sorted(spread for values in polygons if (spread := spread_of(values)) is not None)
    enough = len(spreads) >= _MOST * len(polygons) and spreads[3 * len(spreads) // 4] >= _SPREAD
    return counts.pop() - _BOX if enough else 0


def spread_of(values: Sequence[float]) -> float | None:
    """Which share of a box's sides, the greater of both, the points behind it span; None where they lie outside, or
    the box has no area. Points 0, 0 are those that are not in the picture."""
    x, y, width, height = values[:_BOX]
    if width <= 0 or height <= 0:
        return None
    for step in (2, 3):
        points = [values[place : place + step] for place in range(_BOX, len(values), step)]
        if len(points[-1]) < step or any(point[2] not in (0, 1) for point in points if step == 3):
            continue
        seen = [point for point in points if point[0] or point[1]]
        if not seen:
            return 0.0
        if all(abs(point[0] - x) <= (0.5 + _OVER) * width and abs(point[1] - y) <= (0.5 + _OVER) * height
                        for point in seen):
            xs, ys = [point[0] for point in seen], [point[1] for point in seen]
            return max((max(xs) - min(xs)) / width, (max(ys) - min(ys)) / height)
    return None
