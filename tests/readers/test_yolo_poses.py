import numpy as np
import pytest

from frcnn_keras.readers.validation import settle
from frcnn_keras.readers.yolo import read_yolo
from frcnn_keras.readers.yolo_lines import Line
from frcnn_keras.readers.yolo_poses import are_poses, spread_of
from tests.yolo_files import fatal, flat, notes, text

FORMS = 0.02, 0.1, 0.3, 0.6  # sizes of objects, in images


def lines(rows):
    return [Line(number, 0, (0, 0, 1, 1), tuple(row)) for number, row in enumerate(rows)]


def poses(count, points, visible, size, seed=0):
    """Boxes with keypoints scattered in them, one in five not seen."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        centre, sides = random.uniform(size / 2, 1 - size / 2, 2), random.uniform(0.5, 1, 2) * size
        row = [*centre, *sides]
        for _ in range(points):
            seen = random.random() < 0.8
            row += [*(centre + random.uniform(-0.5, 0.5, 2) * sides) * seen, *([float(seen)] if visible else [])]
        yield row


def outlines(count, points, size, seed=0):
    """Polygons around centres, from any of their points on; of four points they are oriented boxes."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        angles = random.uniform(0, 2 * np.pi) + np.arange(points) * 2 * np.pi / points
        centre = random.uniform(size / 2, 1 - size / 2, 2)
        yield (centre + size / 2 * np.stack([np.cos(angles), np.sin(angles)], 1)).ravel().tolist()


@pytest.mark.parametrize("size", FORMS)
@pytest.mark.parametrize("points, visible", [(2, False), (5, False), (17, False), (2, True), (4, True), (16, True)])
def test_boxes_with_keypoints(points, visible, size):
    values = points * (3 if visible else 2)
    assert are_poses(lines(poses(30, points, visible, size))) == values


@pytest.mark.parametrize("size", FORMS)
@pytest.mark.parametrize("points", [4, 6, 12])
@pytest.mark.parametrize("seed", range(5))
def test_polygons_and_oriented_boxes(points, size, seed):
    assert are_poses(lines(outlines(30, points, size, seed))) == 0


def test_small_objects_of_one_picture():
    """Outlines lie within what their first two points would be as a box, and fill little of it."""
    row = next(outlines(1, 4, 0.02, 1))
    assert spread_of(row) < 0.3 and are_poses(lines([row])) == 0


def test_what_points_span():
    assert spread_of([0.5, 0.5, 0.2, 0.4, 0.4, 0.5, 0.5, 0.6]) == pytest.approx(0.5)
    assert spread_of([0.5, 0.5, 0.2, 0.4, 0.4, 0.5, 0, 0]) == 0  # the second is not in the picture
    assert spread_of([0.5, 0.5, 0.2, 0.4, 0.4, 0.5, 0.9, 0.6]) is None
    assert spread_of([0.5, 0.5, 0, 0.4, 0.5, 0.5, 0.5, 0.6]) is None
    assert spread_of([0.5, 0.5, 0.2, 0.4, 0.45, 0.5, 1, 0.55, 0.6, 0]) == pytest.approx(0.5)
    mixed = [*poses(9, 4, False, 0.3), *poses(1, 5, False, 0.3)]
    assert are_poses(lines(mixed)) == 0 and are_poses([]) == 0


def test_a_pose_data_set_that_does_not_say_so(tmp_path):
    row = "0 0.5 0.5 0.5 0.5 0.3 0.3 0.7 0.7 0.4 0.6 0.6 0.4\n"
    flat(tmp_path, (row, row + "1 0.5 0.5 0.5 0.4\n"))
    dataset = read_yolo(tmp_path)
    (line,) = fatal(dataset)
    assert "as boxes with 8 values of keypoints inside" in line and "kpt_shape" in line
    assert len(settle(dataset, skip_bad=True).examples) == 2
    text(tmp_path / "data.yaml", "train: images\nnames: [cat, dog]\nkpt_shape: [4, 2]\n")
    dataset = read_yolo(tmp_path / "data.yaml")
    assert not fatal(dataset) and not notes(dataset)
    assert dataset.examples[0].boxes.tolist() == [[50, 25, 150, 75]]
