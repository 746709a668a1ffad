"""Photographs that their EXIF orientation turns, from the annotation to the server: the same boxes on every way."""

import json

import numpy as np
import pytest
from PIL import Image

from frcnn_keras.__main__ import main as frcnn
from frcnn_keras.data import records
from frcnn_keras.data.prepared import open_prepared
from frcnn_keras.ops.boxes import turn
from frcnn_keras.readers.voc import read_voc
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.export import export
from frcnn_keras.serving.session import serving_session
from tests.detectors import small_detector

SIZE = (96, 128)  # height, width as stored
BOX = (20, 10, 61, 52)  # as stored
ORIENTATIONS = range(1, 9)


def stored_pixels(orientation):
    """Noise, and a bright rectangle at BOX."""
    image = np.random.default_rng(orientation).integers(0, 90, (*SIZE, 3), np.uint8)
    image[BOX[1]:BOX[3], BOX[0]:BOX[2]] = (40, 200, 240)
    return Image.fromarray(image)


def photograph(path, orientation, form):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored_pixels(orientation).save(path, form, exif=exif, **({"quality": 95} if form == "JPEG" else {}))


def annotate(path, name, size, box):
    x1, y1, x2, y2 = box
    path.write_text(
        f"<annotation><filename>{name}</filename><size><width>{size[1]}</width><height>{size[0]}</height></size>"
        f"<object><name>a</name><bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
        "</bndbox></object></annotation>")


def upright_box(orientation):
    return turn(np.array(BOX), orientation, *SIZE).tolist()


@pytest.fixture(scope="module", params=["JPEG", "PNG"])
def photographs(tmp_path_factory, request):
    """Folders `upright` and `stored`: eight photographs each, annotated in the one frame and in the other."""
    root = tmp_path_factory.mktemp("photographs")
    for frame in ("upright", "stored"):
        (root / frame).mkdir()
        for orientation in ORIENTATIONS:
            name = f"{orientation}.{'jpg' if request.param == 'JPEG' else 'png'}"
            photograph(root / frame / name, orientation, request.param)
            # where turning keeps the size, a stated size cannot tell the frames apart: boxes are upright
            turned = frame == "stored" and orientation >= 5
            size = SIZE if turned or orientation < 5 else SIZE[::-1]
            annotate(root / frame / f"{orientation}.xml", name, size, BOX if turned else upright_box(orientation))
    return root


def test_readers_give_upright_boxes(photographs):
    upright, stored = read_voc(photographs / "upright"), read_voc(photographs / "stored")
    for dataset in (upright, stored):
        assert [example.boxes.tolist() for example in dataset.examples] == [[upright_box(o)] for o in ORIENTATIONS]
        assert [(example.height, example.width) for example in dataset.examples] == [
            SIZE if orientation < 5 else SIZE[::-1] for orientation in ORIENTATIONS]
        assert not [problem for problem in dataset.problems if problem.fatal]
    (note,) = stored.problems
    assert "4 images" in note.message and not upright.problems


@pytest.mark.parametrize("frame", ["upright", "stored"])
def test_check_draws_boxes_on_the_objects(photographs, tmp_path, frame, capsys):
    assert frcnn(["check", "--voc", str(photographs / frame), "--sheet", str(tmp_path / "sheet.png"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == [] or frame == "stored"


def test_training_targets_are_the_same(photographs, tmp_path, tiny_backbone):
    boxes = {}
    for frame in ("upright", "stored"):
        assert frcnn(["prep", "--voc", str(photographs / frame), "--out", str(tmp_path / frame), "--backbone",
                      str(tiny_backbone), "--feature-layer", "features", "--preprocess", "tf", "--shorter", "96",
                      "--longer", "160", "--neck-channels", "0", "--anchor-sizes", "16,32,64", "--samples", "32"]) == 0
        prepared = open_prepared(tmp_path / frame)
        boxes[frame] = [records.parse_features(span.read(), prepared.channels) for span in prepared.feature_spans]
    for one, other in zip(boxes["upright"], boxes["stored"], strict=True):
        assert np.array_equal(one["boxes"], other["boxes"]) and np.array_equal(one["maps"][0], other["maps"][0])
    by_id = {(record["id"].numpy().decode().split(".")[0], int(record["mirror"])): record["boxes"].numpy()
             for record in boxes["stored"]}
    for orientation in ORIENTATIONS:  # 96 is the shorter side as it is: pixels stay
        assert np.allclose(by_id[str(orientation), 0], [upright_box(orientation)])


def test_served_as_predicted_as_upright_pixels(photographs, tmp_path):
    detector = Detector(small_detector())
    files = sorted((photographs / "upright").glob("*.[jp][pn]g"))
    turned = [upright_pixels(path, orientation) for path, orientation in zip(files, ORIENTATIONS, strict=True)]
    wanted = detector.predict(turned)
    assert all(len(found) for found in wanted)
    for found in (detector.predict(files), detector.predict([path.read_bytes() for path in files])):
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-4)
    exported = export(detector, tmp_path / "served")
    with serving_session(exported.path) as call:
        answer = call("serving_default", {"image_bytes": np.array([path.read_bytes() for path in files], object)})
    for row, (found, image) in enumerate(zip(wanted, turned, strict=True)):
        height, width = image.shape[:2]
        assert answer["image_size"][row].tolist() == [height, width]
        boxes = answer["detection_boxes"][row][:int(answer["num_detections"][row])] * [height, width, height, width]
        np.testing.assert_allclose(boxes[:, [1, 0, 3, 2]], found.boxes, atol=1e-4 * max(height, width))


def upright_pixels(path, orientation):
    """The picture's pixels without its EXIF, turned by Pillow."""
    ways = {2: (0,), 3: (3,), 4: (1,), 5: (5,), 6: (4,), 7: (6,), 8: (2,)}
    image = Image.open(path)
    pixels = Image.fromarray(np.asarray(image))
    for way in ways.get(orientation, ()):
        pixels = pixels.transpose(Image.Transpose(way))
    return np.ascontiguousarray(np.asarray(pixels))
