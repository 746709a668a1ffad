import os

import cv2
import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.pictures import fonts
from frcnn_keras.pictures.drawing import (
    class_colour,
    draw_boxes,
    draw_detections,
    encoded_image,
    save_image,
)

RED, GREEN = (255, 0, 0), (0, 255, 0)


def grey(height, width):
    return np.full((height, width, 3), 128, np.uint8)


def coloured(image, colour):
    return (image == np.array(colour, np.uint8)).all(axis=-1)


def test_frame_lies_on_the_edge_and_nowhere_else():
    image = grey(60, 80)
    drawn = draw_boxes(image, np.array([[10, 20, 50, 40]]), [RED], line_width=1)
    expected = np.zeros((60, 80), bool)
    expected[20:40, 10:50] = True  # columns 10 to 49, rows 20 to 39: edges are continuous
    expected[21:39, 11:49] = False
    np.testing.assert_array_equal(coloured(drawn, RED), expected)
    assert (drawn[~expected] == 128).all()
    assert (image == 128).all(), "the image given was changed"


def test_wide_frame_is_centred_on_the_edge():
    red = coloured(draw_boxes(grey(100, 100), np.array([[20, 20, 80, 80]]), [RED], line_width=4), RED)
    assert np.flatnonzero(red[50]).tolist() == [18, 19, 20, 21, 78, 79, 80, 81]
    assert np.flatnonzero(red[:, 50]).tolist() == [18, 19, 20, 21, 78, 79, 80, 81]


def test_small_box_keeps_its_inside_visible():
    drawn = draw_boxes(grey(60, 60), np.array([[20, 20, 23, 23]]), [RED], line_width=2)
    assert (drawn[20:23, 20:23] == 128).all()
    assert coloured(drawn, RED)[18:25, 18:25].sum() == 7 * 7 - 3 * 3


def test_frame_at_the_border_is_seen_on_all_sides():
    red = coloured(draw_boxes(grey(50, 40), np.array([[-5, -5, 99, 99]]), [RED], line_width=2), RED)
    for side in (red[:2], red[-2:], red[:, :2], red[:, -2:]):
        assert side.all()
    assert not red[2:-2, 2:-2].any()


@pytest.mark.parametrize(
    "box", [[np.nan, 0, 5, 5], [0, 0, np.inf, 5], [-20, 0, -10, 5], [0, 70, 5, 90], [1e30, 1e30, 2e30, 2e30]]
)
def test_what_is_not_in_the_image_is_not_drawn(box):
    image = grey(60, 60)
    np.testing.assert_array_equal(draw_boxes(image, np.array([box]), [RED]), image)
    np.testing.assert_array_equal(draw_detections(image, np.array([box]), [1], [0.5], ["a"]), image)


@pytest.mark.parametrize("box", [[30, 30, 30, 30], [59.9, 59.9, 60, 60], [60, 60, 60, 60], [0, 0, 0.2, 0.2]])
def test_box_without_area_is_drawn(box):
    assert coloured(draw_boxes(grey(60, 60), np.array([box]), [RED]), RED).any()


def test_later_boxes_lie_over_earlier_ones():
    drawn = draw_boxes(grey(50, 50), np.array([[10, 10, 40, 40], [10, 10, 40, 40]]), [RED, GREEN])
    assert not coloured(drawn, RED).any() and coloured(drawn, GREEN).any()


@pytest.mark.parametrize("size", [(64, 64), (80, 100), (480, 640), (3000, 4000), (20, 200), (1, 1), (7, 3)])
@pytest.mark.parametrize("scores", [True, False])
def test_detections_at_any_size(size, scores):
    height, width = size
    image = grey(height, width)
    relative = np.array([[0, 0, 1, 1], [0.5, 0.5, 0.9, 0.95], [0.1, 0.6, 0.3, 0.9]])
    boxes = relative * [width, height, width, height]
    given = np.array([0.3, 0.9, 0.6]) if scores else None
    drawn = draw_detections(image, boxes, np.array([1, 2, 1]), given, ["a very long name of a class" * 5, "b"])
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert (image == 128).all()
    assert (drawn != image).any()
    if min(size) >= 20:
        assert coloured(drawn, class_colour(1)).any() and coloured(drawn, class_colour(2)).any()


def test_label_stands_above_its_box_and_nothing_else_changes():
    box = np.array([[200, 200, 400, 300]])
    image = grey(480, 640)
    changed = (draw_detections(image, box, [1], [0.987], ["RBC"]) != image).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert (rows.max(), columns.max()) == (300, 400)  # a frame of two pixels is centred on the edge
    assert columns.min() == 199 and 170 < rows.min() < 190
    assert changed[rows.min() : 200, 200 : 200 + 60].all()  # the label's ground
    assert not changed[rows.min() : 198, 330:].any()  # above the rest of the box nothing
    assert not changed[202:298, 202:398].any()


def test_label_is_moved_inside_at_the_borders():
    for box in ([0, 0, 50, 50], [600, 0, 640, 40], [600, 450, 640, 480], [0, 0, 640, 480]):
        drawn = draw_detections(grey(480, 640), np.array([box]), [1], [0.5], ["platelets"])
        label = coloured(drawn, class_colour(1))
        frame = coloured(draw_boxes(grey(480, 640), np.array([box]), [class_colour(1)]), class_colour(1))
        assert (label & ~frame).sum() > 60 * 8  # most of a label's ground, whole


def test_labels_do_not_cover_each_other():
    box, image = [200, 200, 400, 300], grey(480, 640)

    def ground(boxes, label):
        drawn = draw_detections(image, np.array(boxes), [1, 2][: len(boxes)], [0.9, 0.8][: len(boxes)], ["abc", "abc"])
        return coloured(drawn, class_colour(label)).sum()

    alone = ground([box], 1)
    assert ground([box, box], 1) >= alone - 2 * 60  # at most the two rows of its frame that the other label touches
    frame = coloured(draw_boxes(image, np.array([box]), [RED]), RED).sum()
    assert ground([box, box], 2) > 0.8 * (alone - frame) > 400  # its frame lies under the first one's; its label shows


def test_crowded_image_keeps_most_of_itself():
    corners = np.stack(np.meshgrid(np.arange(0, 100, 20), np.arange(0, 100, 20)), axis=-1).reshape(-1, 2)
    boxes = np.concatenate([corners, corners + 1], axis=1)
    image = grey(100, 100)
    drawn = draw_detections(image, boxes, np.ones(len(boxes), int), np.linspace(0.9, 0.1, len(boxes)), ["x"])
    frames = draw_boxes(image, boxes, [class_colour(1)] * len(boxes))
    assert 0.2 < (drawn != frames).any(axis=-1).mean() < 0.5


def test_best_score_lies_on_top():
    box = [10, 10, 40, 40]
    drawn = draw_detections(grey(50, 50), np.array([box, box]), [1, 2], [0.2, 0.9], ["a", "b"])
    assert (drawn[25, 10] == class_colour(2)).all()


def test_names_of_any_script_are_written(monkeypatch):
    """In an image of its own each: pictures differ by their labels alone."""
    def drawn(name):
        return draw_detections(grey(100, 300), np.array([[20, 40, 200, 90]]), [1], [0.5], [name])

    names = ["cat", "Katze ß", "кошка", "猫", "고양이", "قطة", "חתול"]
    assert len({drawn(name).tobytes() for name in names}) == len(names)
    monkeypatch.setattr(fonts, "font_of", lambda char: fonts.NOWHERE)
    np.testing.assert_array_equal(drawn("猫"), drawn("class 1"))


def test_a_text_height_that_is_given_is_kept():
    """Twelve boxes in a small picture: labels of 14 pixels, as many as find room; by themselves they would be of 7."""
    boxes = np.array([[x, y, x + 40, y + 30] for x in range(5, 190, 60) for y in range(30, 150, 45)])
    image, labels, scores = grey(160, 240), np.ones(len(boxes), int), np.linspace(0.9, 0.1, len(boxes))
    frames = draw_boxes(image, boxes, [class_colour(1)] * len(boxes))

    def rows(**given):
        changed = (draw_detections(image, boxes, labels, scores, ["ant"], **given) != frames).any(axis=-1)
        return np.diff(np.flatnonzero(np.diff(np.pad(changed[:, :20].any(axis=1), 1)))).tolist()

    assert 14 + 4 + 2 * 3 in rows(text_height=14) and 7 + 2 + 2 * 1 in rows() and 24 not in rows()


def test_no_detections():
    image = grey(30, 30)
    np.testing.assert_array_equal(draw_detections(image, np.zeros((0, 4)), np.zeros(0, int), None, ["a"]), image)


def test_class_colours_are_far_apart_and_fixed():
    # CIE Lab: a difference of about 2 is just noticeable; neighbours in a legend want ten times that.
    colours = np.array([class_colour(label) for label in range(1, 21)], np.float32)
    lab = cv2.cvtColor(colours[None] / 255, cv2.COLOR_RGB2LAB)[0]
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 1e3 * np.eye(20)
    assert distances[:10, :10].min() > 30
    assert distances.min() > 15
    assert class_colour(3) == class_colour(3)
    assert all(0 <= c <= 255 for label in range(0, 200) for c in class_colour(label))


@pytest.mark.parametrize("name", ["a.png", "b.jpg", "c.JPEG", "d.PNG"])
def test_saved_image_reads_back(tmp_path, name):
    image = grey(40, 50)
    image[:, 25:] = (200, 30, 60)
    save_image(tmp_path / name, image)
    read = cv2.cvtColor(cv2.imread(str(tmp_path / name)), cv2.COLOR_BGR2RGB)
    assert np.abs(read[:, [5, 45]].astype(int) - image[:, [5, 45]]).max() <= (0 if "png" in name.lower() else 6)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_spent_image_is_the_same_file(name):
    image = np.random.default_rng(0).integers(0, 256, (150, 40, 3), np.uint8)
    wanted = encoded_image(name, image)
    assert encoded_image(name, image.copy(), spend=True) == wanted == encoded_image(name, image)


def test_saving_fails_with_one_line(tmp_path):
    with pytest.raises(InputError, match="a.bmp: pictures are written as"):
        save_image(tmp_path / "a.bmp", grey(4, 4))
    with pytest.raises(InputError, match=r"absent/a.png: cannot be written \(No such file"):
        save_image(tmp_path / "absent" / "a.png", grey(4, 4))
    with pytest.raises(InputError, match="long.jpg: OpenCV cannot write 70000 x 1 pixels"):
        save_image(tmp_path / "long.jpg", grey(1, 70000))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_other_arrays_are_refused(image):
    with pytest.raises(ValueError, match="must be .* uint8 RGB. Received"):
        draw_boxes(image, np.zeros((0, 4)), [])
