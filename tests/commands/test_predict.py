from pathlib import Path

import numpy as np
import pytest

from frcnn_keras.commands.predict import build_parser, output_names, records_of
from frcnn_keras.runs.detections import Detections


@pytest.mark.parametrize("paths, names", [
    (["a.jpg", "b.PNG", "c.jpeg"], ["a.jpg", "b.PNG", "c.jpeg"]),
    (["a.webp", "b.tiff", "c"], ["a.png", "b.png", "c.png"]),  # what can be drawn on and written
    (["x/a.jpg", "y/a.jpg", "z/a.jpg"], ["a.jpg", "a-2.jpg", "a-3.jpg"]),
    (["x/a.jpg", "y/A.JPG"], ["a.jpg", "A-2.JPG"]),  # the same file where names have no case
    (["x/a.webp", "y/a.png"], ["a.png", "a-2.png"]), (["a.jpg", "a.png"], ["a.jpg", "a.png"]),
    (["x/a.jpg", "a-2.jpg", "y/a.jpg"], ["a.jpg", "a-2.jpg", "a-3.jpg"]), ([], [])])
def test_every_image_has_a_name_of_its_own(paths, names):
    assert output_names([Path(path) for path in paths]) == names


def test_results_are_cocos():
    found = Detections.of(np.float32([[1, 2, 11, 22], [0, 0, 5, 4]]), np.float32([0.75, 0.5]), np.int32([2, 1]),
                          ("ant", "bee"))
    assert records_of(Path("there/a.jpg"), 7, found, (18, 44)) == [
        {"image_id": 7, "file": "there/a.jpg", "category_id": 44, "name": "bee", "score": 0.75, "bbox": [1, 2, 10, 20]},
        {"image_id": 7, "file": "there/a.jpg", "category_id": 18, "name": "ant", "score": 0.5, "bbox": [0, 0, 5, 4]}]


def test_pictures_show_what_is_likely():
    """Other than evaluate, which needs the unlikely ones too."""
    from frcnn_keras.commands import evaluate

    args = build_parser().parse_args(["--run", "r", "--images", "a", "b", "--out", "o"])
    assert args.score_threshold == 0.5 and args.images == ["a", "b"]
    assert evaluate.build_parser().parse_args(["--run", "r", "--shapes", "3"]).score_threshold is None
