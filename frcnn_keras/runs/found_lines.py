"""What was found as lines of JSON, each whole in itself, and what is made of them: COCO's results, labels."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from frcnn_keras.data.growing_folder import Stamp
from frcnn_keras.data.image_paths import valid
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.label_files import Labelled

if TYPE_CHECKING:
    from frcnn_keras.runs.looking import Seen  # brings TensorFlow, which --help does without

Line = dict[str, Any]


def line_of(seen: "Seen", picture: str = "") -> Line:
    """One picture or frame: file, frame and seconds of a video's, width, height, detections; what else is known of it.

    picture: where the frame itself was written.
    """
    shot = seen.shot
    known = {"number": shot.number, "frame": shot.frame, "seconds": shot.seconds, "picture": picture or None,
             **(shot.stamp._asdict() if shot.stamp else {})}
    return {"file": shot.file, **{name: value for name, value in known.items() if value is not None},
            "width": int(seen.size[1]), "height": int(seen.size[0]), "detections": detections_of(seen.found)}


def detections_of(found: Detections | None) -> list[dict[str, Any]]:
    """Each with category_id, name, score and bbox [x, y, width, height], as COCO has them."""
    return [{"category_id": int(one.category_id), "name": one.name, "score": one.score,
             "bbox": [float(one.box[0]), float(one.box[1]), float(one.box[2] - one.box[0]),
                      float(one.box[3] - one.box[1])]} for one in found or ()]


def coco_results(lines: Iterable[Line]) -> Iterator[dict[str, Any]]:
    """COCO's results of pictures, with the file and the class's name."""
    for line in lines:
        for one in line["detections"]:
            yield {"image_id": line["number"], "file": line["file"], "category_id": one["category_id"],
                   "name": one["name"], "score": one["score"], "bbox": one["bbox"]}


def records_of(path: Path, number: int, found: Detections, category_ids: Sequence[int]) -> list[dict[str, Any]]:
    """COCO results of one picture. category_ids: of labels 1..C."""
    ids = [int(category_ids[label - 1]) for label in found.labels]
    return list(coco_results([{"number": number, "file": valid(str(path)), "detections": [
        {**one, "category_id": id} for one, id in zip(detections_of(found), ids, strict=True)]}]))


def stamps_of(lines: Iterable[Line], folder: Path) -> dict[str, Stamp]:
    """What was taken of a folder that is watched, by the files' names; the last of each."""
    return {Path(line["file"]).name: Stamp(int(line["bytes"]), float(line["modified"])) for line in lines
            if "modified" in line and Path(line["file"]).parent == folder}


def labelled(line: Line, number: int, file: str, first: int, labels: dict[int, int]) -> Labelled:
    """The picture of a line. number, file: as label files call it; first: the id of its first label; labels: by
    category id."""
    found = line["detections"]
    sides = np.array([one["bbox"] for one in found], np.float64).reshape(-1, 4)
    return Labelled(number, file, line["width"], line["height"], np.hstack([sides[:, :2], sides[:, :2] + sides[:, 2:]]),
                    np.array([labels[one["category_id"]] for one in found], np.int64),
                    range(first, first + len(found)), scores=np.array([one["score"] for one in found]))
