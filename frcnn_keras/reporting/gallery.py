"""The pictures worth looking at: the worst of each kind of error, and what went well."""

import base64
import dataclasses
import io
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from frcnn_keras.errors import InputError
from frcnn_keras.reporting import errors_by_kind as kinds
from frcnn_keras.reporting.errors_by_kind import Kinds
from frcnn_keras.reporting.matching import Matched
from frcnn_keras.runs.evaluated import Evaluated, EvaluatedImage

SHOWN, OF_AN_IMAGE = 12, 2  # of a kind at most, of one image's at most
SIDE, QUALITY = 300, 72  # longest side of an inlined picture, its JPEG quality: about 12 kB
_AROUND, _LEAST = 0.75, 96  # of the box's longer side on each side of it; pixels of the part that is shown at least
Decoded = Callable[[EvaluatedImage], np.ndarray]  # (H, W, 3) uint8 of a picture; InputError where it has none
TITLES = {
    kinds.MISSED: ("Missed", "labelled objects that no detection has to do with, the largest first"),
    kinds.BACKGROUND: ("False alarms", "detections where nothing is labelled, the surest first; where one is right, a "
                                       "label is missing"),
    kinds.CLASSIFICATION: ("Wrong class", "right place, other class, the surest first"),
    kinds.LOCALISATION: ("Badly placed", "right class, box overlaps the object by less than half, the surest first; "
                                        "where it lies well on a neighbour, that one's label may be missing"),
    kinds.RIGHT: ("Found well", "right class, the largest overlap first"),
}


@dataclasses.dataclass(frozen=True)
class Box:
    """What is drawn: in pixels of the part that is shown."""

    x: float
    y: float
    width: float
    height: float
    role: str  # "label", "found"; "other" of what is not the point
    title: str


@dataclasses.dataclass(frozen=True)
class Shown:
    """One picture of the gallery."""

    file: str
    caption: str
    classes: tuple[str, ...]  # those that it is about
    width: float  # of the part that is shown, in pixels
    height: float
    boxes: tuple[Box, ...]
    picture: str  # a data: address; "" where the picture is not at hand
    why: str  # why it is not


@dataclasses.dataclass(frozen=True)
class Finding:
    """An object or a detection that is worth a picture."""

    picture: EvaluatedImage
    rank: float  # the largest first
    detection: int  # -1 none
    object: int  # -1 none

    @property
    def place(self) -> np.ndarray:
        """(4,) around both boxes."""
        boxes = [self.picture.detected.boxes[self.detection]] if self.detection >= 0 else []
        boxes += [self.picture.boxes[self.object]] if self.object >= 0 else []
        return np.array([*np.min(boxes, axis=0)[:2], *np.max(boxes, axis=0)[2:]])


def findings(found: Evaluated, matched: Sequence[Matched], sorted_: Sequence[Kinds], thresholds: Sequence[float]
             ) -> dict[str, list[Finding]]:
    """The worst of each kind of TITLES; RIGHT has the best. thresholds: (C,) the score that a detection of each class
    has at least."""
    every: dict[str, list[Finding]] = {kind: [] for kind in TITLES}
    for picture, match, own in zip(found.images, matched, sorted_, strict=True):
        for place in np.flatnonzero(own.missed).tolist():
            x1, y1, x2, y2 = picture.boxes[place]
            every[kinds.MISSED].append(Finding(picture, (x2 - x1) * (y2 - y1), -1, place))
        for place, (kind, object_) in enumerate(zip(own.kinds, own.objects.tolist(), strict=True)):
            score, label = picture.detected.scores[place], picture.detected.labels[place]
            if kind in every and score >= thresholds[label - 1]:
                rank = match.overlaps[place, object_] if kind == kinds.RIGHT else score
                every[kind].append(Finding(picture, float(rank), place, object_))
    return {kind: _first(some) for kind, some in every.items()}


def _first(some: list[Finding]) -> list[Finding]:
    """The first of them, few of each image."""
    chosen: list[Finding] = []
    held: Counter[int] = Counter()
    for one in sorted(some, key=lambda one: (-one.rank, one.picture.number)):
        if held[one.picture.number] < OF_AN_IMAGE:
            held[one.picture.number] += 1
            chosen.append(one)
        if len(chosen) == SHOWN:
            break
    return chosen


def show(one: Finding, class_names: Sequence[str], decoded: Decoded) -> Shown:
    """Cuts the part out and says what is seen."""
    picture = one.picture
    part = part_around(one.place, picture)
    encoded, why = cut_out(picture, part, decoded)
    name = class_names[picture.labels[one.object] - 1] if one.object >= 0 else ""
    given = class_names[picture.detected.labels[one.detection] - 1] if one.detection >= 0 else ""
    words = [f"labelled {name}"] if name else []
    words += [f"found {given} {picture.detected.scores[one.detection]:.2f}"] if given else []
    return Shown(picture.file, ", ".join(words), tuple(sorted({name, given} - {""})), part[2] - part[0],
                 part[3] - part[1], tuple(_drawn(one, class_names, part)), encoded, why)


def cut_out(picture: EvaluatedImage, part: tuple[int, int, int, int], decoded: Decoded) -> tuple[str, str]:
    """A part of a picture as a data: address, and ""; else "", and why there is none."""
    x1, y1, x2, y2 = part
    try:
        pixels = decoded(picture)
        if pixels.shape[:2] != (picture.height, picture.width):
            raise InputError(f"{picture.file}: is {pixels.shape[1]} x {pixels.shape[0]} pixels, was "
                             f"{picture.width} x {picture.height} when it was scored")
        return _inlined(pixels[y1:y2, x1:x2]), ""
    except InputError as error:
        return "", str(error)


def part_around(place: np.ndarray, picture: EvaluatedImage) -> tuple[int, int, int, int]:
    """What is shown: the boxes and what is around them, inside the picture."""
    centre, sides = (place[:2] + place[2:]) / 2, place[2:] - place[:2]
    half = max(float(sides.max()) * (0.5 + _AROUND), _LEAST / 2)
    low = np.clip(np.floor(centre - half), 0, [picture.width - 1, picture.height - 1]).astype(int)
    high = np.clip(np.ceil(centre + half), low + 1, [picture.width, picture.height]).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _drawn(one: Finding, class_names: Sequence[str], part: tuple[int, int, int, int]) -> list[Box]:
    """Other labels first, so that the point lies on top."""
    picture = one.picture
    boxes = [box_in(box, "other", class_names[label - 1], part) for place, (box, label) in
             enumerate(zip(picture.boxes, picture.labels, strict=True)) if place != one.object]
    if one.object >= 0:
        name = class_names[picture.labels[one.object] - 1]
        boxes.append(box_in(picture.boxes[one.object], "label", f"labelled {name}", part))
    if one.detection >= 0:
        found = picture.detected
        title = f"found {class_names[found.labels[one.detection] - 1]} {found.scores[one.detection]:.2f}"
        boxes.append(box_in(found.boxes[one.detection], "found", title, part))
    width, height = part[2] - part[0], part[3] - part[1]
    return [box for box in boxes if box.x < width and box.y < height and box.x + box.width > 0
            and box.y + box.height > 0]


def box_in(box: np.ndarray, role: str, title: str, part: tuple[int, int, int, int]) -> Box:
    """A box of the whole picture as it lies in a part of it."""
    x1, y1, x2, y2 = (round(float(edge), 1) for edge in box)
    return Box(round(x1 - part[0], 1), round(y1 - part[1], 1), round(x2 - x1, 1), round(y2 - y1, 1), role, title)


def _inlined(pixels: np.ndarray) -> str:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
