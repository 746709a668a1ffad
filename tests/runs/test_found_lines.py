import json
from pathlib import Path

import numpy as np

from frcnn_keras.data.growing_folder import Stamp
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.found_lines import coco_results, labelled, line_of, records_of, stamps_of
from frcnn_keras.runs.looking import Seen
from frcnn_keras.runs.shots import Shot

FOUND = Detections.of(np.float32([[1, 2, 11, 22], [0, 0, 5, 4]]), np.float32([0.75, 0.5]), np.int32([2, 1]),
                      ("ant", "bee"), (18, 44))


def test_results_are_cocos():
    assert records_of(Path("there/a.jpg"), 7, FOUND, (18, 44)) == [
        {"image_id": 7, "file": "there/a.jpg", "category_id": 44, "name": "bee", "score": 0.75, "bbox": [1, 2, 10, 20]},
        {"image_id": 7, "file": "there/a.jpg", "category_id": 18, "name": "ant", "score": 0.5, "bbox": [0, 0, 5, 4]}]


def test_a_line_by_hand():
    shot = Shot("a.mp4", None, "a-000004.jpg", frame=4, seconds=0.16)
    line = json.loads(json.dumps(line_of(Seen(shot, FOUND[:1], (48, 64)), "images/a-000004.jpg")))
    assert line == {"file": "a.mp4", "frame": 4, "seconds": 0.16, "picture": "images/a-000004.jpg", "width": 64,
                    "height": 48, "detections": [{"category_id": 44, "name": "bee", "score": 0.75,
                                                  "bbox": [1, 2, 10, 20]}]}
    empty = line_of(Seen(Shot("a.jpg", None, "a.jpg", 3), FOUND[:0], (48, 64)))
    assert empty == {"file": "a.jpg", "number": 3, "width": 64, "height": 48, "detections": []}
    assert list(coco_results([empty])) == []


def test_what_was_taken_of_a_folder_is_known_again():
    stamp = Stamp(1234, 1732759268.123456)
    lines = [json.loads(json.dumps(line_of(Seen(Shot(f"/in/{name}", None, "x.png", stamp=stamp), FOUND, (4, 5)))))
             for name in ("a.jpg", "b.jpg")]
    lines += [{**lines[0], "bytes": 9}, {**lines[0], "file": "/other/c.jpg"}, {"file": "/in/d.jpg", "detections": []}]
    assert stamps_of(lines, Path("/in")) == {"a.jpg": Stamp(9, stamp.modified), "b.jpg": stamp}


def test_lines_as_labels():
    line = line_of(Seen(Shot("a.jpg", None, "a.jpg", 3), FOUND, (48, 64)))
    one = labelled(line, 5, "x/a.jpg", 11, {18: 1, 44: 2})
    assert (one.number, one.file, one.width, one.height, list(one.ids)) == (5, "x/a.jpg", 64, 48, [11, 12])
    np.testing.assert_array_equal(one.boxes, FOUND.boxes)
    np.testing.assert_array_equal(one.labels, FOUND.labels)
    np.testing.assert_array_equal(one.scores, [0.75, 0.5])
