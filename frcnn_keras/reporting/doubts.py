"""What `audit` doubts of the labels: its audit.json, the first of it with pictures."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from frcnn_keras.errors import InputError, command
from frcnn_keras.files import read_json
from frcnn_keras.reporting.gallery import Decoded, Shown, box_in, cut_out, part_around
from frcnn_keras.runs.evaluated import EvaluatedImage

NAME, SHOWN = "audit.json", 24
WORDS = {"missing": "no label", "wrong_class": "wrong class", "shifted": "loose or shifted box",
         "spurious": "no object there", "duplicate": "labelled twice"}
_FOUND = ("missing", "shifted")  # whose box is the detection's


@dataclasses.dataclass(frozen=True)
class Doubt:
    """One finding."""

    kind: str
    image: str  # its id, or its number
    file: str
    box: tuple[float, ...]  # x1, y1, x2, y2
    label: str  # "" where nothing is labelled
    suggested: str  # "" for none
    score: float


def read_doubts(path: Path) -> tuple[Doubt, ...]:
    """Of audit.json, or of the folder that it is in; best first.

    Raises:
        InputError: it is not there, or not as `audit` writes it.
    """
    path = path / NAME if path.is_dir() else path
    if not path.exists():
        raise InputError(f"{path}: not found; {command('audit')} --run RUN --out DIR writes it; then give DIR")
    entries = read_json(path)
    try:
        doubts = [Doubt(str(one["kind"]), str(one["image"]), str(one["file"]), tuple(map(float, one["box"])),
                        str(one["label"] or ""), str(one["suggested"] or ""), float(one["score"])) for one in entries]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is not as audit writes it ({type(error).__name__}: {error})") from error
    if any(len(one.box) != 4 for one in doubts):
        raise InputError(f"{path}: a box has other than four numbers")
    return tuple(doubts)


def show_doubts(doubts: Sequence[Doubt], pictures: Sequence[EvaluatedImage], decoded: Decoded) -> list[Shown]:
    """The first of them, each cut out of its picture, with its number as `audit --accept` takes it; those of images
    that were not scored are left out."""
    known = {str(picture.id): picture for picture in pictures} | {picture.file: picture for picture in pictures}
    shown = []
    for number, one in enumerate(doubts, 1):
        picture = known.get(one.file) or known.get(one.image)
        if picture is None or len(shown) == SHOWN:
            continue
        box = np.array(one.box)
        part = part_around(box, picture)
        encoded, why = cut_out(picture, part, decoded)
        words = [f"{number}: {one.score:.2f} {WORDS.get(one.kind, one.kind)}",
                 *([f"labelled {one.label}"] if one.label else []),
                 *([f"suggested {one.suggested}"] if one.suggested and one.suggested != one.label else [])]
        role = "found" if one.kind in _FOUND else "label"
        meant = _meant(one, box, picture)
        drawn = [box_in(other, "label" if place in meant else "other", "a label", part)
                 for place, other in enumerate(picture.boxes) if place in meant or np.abs(other - box).max() >= 1]
        shown.append(Shown(picture.file, ", ".join(words), tuple(sorted({one.label, one.suggested} - {""})),
                           part[2] - part[0], part[3] - part[1], (*drawn, box_in(box, role, words[0], part)), encoded,
                           why))
    return shown


def _meant(one: Doubt, box: np.ndarray, picture: EvaluatedImage) -> list[int]:
    """Labels that a finding is about beside its box: the one that was placed badly, or is there twice."""
    if one.kind not in ("shifted", "duplicate") or not len(picture.boxes):
        return []
    nearest = np.argsort(np.abs(picture.boxes - box).sum(axis=1), kind="stable")
    return nearest[:1 if one.kind == "shifted" else 2].tolist()
