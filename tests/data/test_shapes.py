
import cv2
import numpy as np

from frcnn_keras.data.image_header import check_complete, image_header
from frcnn_keras.data.shapes import CLASS_NAMES, Shape, _owners, _visible_boxes, draw_crop, draw_image, shapes_dataset
from frcnn_keras.readers.validation import settle
from tests.work import calls_of


def test_the_data_set():
    dataset = shapes_dataset(300, seed=3)
    assert dataset.class_names == CLASS_NAMES and not dataset.problems
    settle(dataset)
    assert len({example.id for example in dataset.examples}) == 300
    counts = [len(example.boxes) for example in dataset.examples]
    assert max(counts) == 5 and 3 <= counts.count(0) <= 35  # about 5 %
    labels = np.concatenate([example.labels for example in dataset.examples])
    assert set(labels.tolist()) == {1, 2, 3, 4} and np.bincount(labels)[1:].min() > len(labels) / 8
    boxes = np.concatenate([example.boxes for example in dataset.examples])
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2] <= 320).all() and (boxes[:, 3] <= 240).all()
    np.testing.assert_array_equal(boxes, np.round(boxes))
    sides = boxes[:, 2:] - boxes[:, :2]
    assert sides.min() >= 16 and sides.max() > 120  # part of a small one may be hidden; turned squares are wider


def test_images_are_png_of_the_size_said_and_always_the_same():
    example = shapes_dataset(4, seed=1, height=120, width=100).examples[3]
    encoded = example.read()
    check_complete(encoded)
    assert image_header(encoded).size == (120, 100) == (example.height, example.width)
    decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(decoded, draw_image(1, 3, 120, 100))
    again = shapes_dataset(5, seed=1, height=120, width=100).examples[3]  # no matter how many others there are
    np.testing.assert_array_equal(again.boxes, example.boxes)
    assert again.read() == encoded
    assert (draw_image(2, 3, 120, 100) != decoded).any() and (draw_image(1, 2, 120, 100) != decoded).any()


def test_boxes_are_the_extent_of_the_pixels_drawn(monkeypatch):
    # Each object's own pixels: what changes in the picture when its colours do, everything else being the same.
    import frcnn_keras.data.shapes as shapes

    original = shapes._colour
    examples = shapes_dataset(12, seed=5).examples
    for index, example in enumerate(examples):
        plain = draw_image(5, index).astype(int)
        for number, box in enumerate(example.boxes.astype(int)):
            calls = []

            def other(generator, mean, calls=calls, number=number):
                calls.append(None)
                colour = original(generator, mean)
                return (colour + 128) % 256 if (len(calls) - 1) // 2 == number else colour  # fill and edge

            monkeypatch.setattr(shapes, "_colour", other)
            rows, columns = np.nonzero(np.abs(draw_image(5, index) - plain).sum(axis=2))
            monkeypatch.setattr(shapes, "_colour", original)
            assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == box.tolist()


def test_a_hidden_part_does_not_count():
    def square(x1, y1, x2, y2):
        return Shape(3, np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], np.float64), (x1, y1, x2, y2))

    shapes = [square(10, 10, 29, 29), square(25, 5, 50, 40)]  # the second covers the first from column 25 on
    np.testing.assert_array_equal(_visible_boxes(_owners(shapes, 60, 60), 2), [[10, 10, 25, 30], [25, 5, 51, 41]])


def test_objects_overlap_little():
    for example in shapes_dataset(60, seed=7).examples:
        boxes = example.boxes
        for i in range(len(boxes)):
            for j in range(i):
                low, high = np.maximum(boxes[i, :2], boxes[j, :2]), np.minimum(boxes[i, 2:], boxes[j, 2:])
                common = np.prod(np.maximum(high - low, 0))
                areas = [np.prod(box[2:] - box[:2]) for box in (boxes[i], boxes[j])]
                assert common / (sum(areas) - common) < 0.2


def test_crops():
    crops = [draw_crop(0, index, 48) for index in range(200)]
    assert all(image.shape == (48, 48, 3) and image.dtype == np.uint8 for image, _ in crops)
    assert np.bincount([label for _, label in crops], minlength=5).min() > 20
    image, label = draw_crop(0, 17, 48)
    np.testing.assert_array_equal(image, crops[17][0])
    assert label == crops[17][1]


def test_small_images_can_be_drawn():
    for example in shapes_dataset(20, height=40, width=64).examples:
        assert image_header(example.read()).size == (40, 64)
        assert (example.boxes[:, 2:] - example.boxes[:, :2] >= 2).all()


def test_drawing_is_little_work():
    """Done by arrays and OpenCV, not pixel by pixel."""
    calls = calls_of(lambda: [draw_image(0, index) for index in range(40)])
    assert calls / 40 < 5000  # about 600; an image has 76800 pixels
