import os

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

import frcnn_keras
from frcnn_keras.data.given_images import pixels
from frcnn_keras.errors import InputError
from frcnn_keras.models.saving import save_model
from frcnn_keras.models.settings import Detecting
from frcnn_keras.runs.detector import Detector, load
from tests.bright_pictures import WANTED, encoded, picture
from tests.encoded_pictures import turned
from tests.tiny_videos import write_video


@pytest.fixture
def detector(hand_detector):
    return Detector(hand_detector)


@pytest.fixture
def run(hand_detector, tmp_path):
    """A run folder with a finished detector."""
    save_model(hand_detector, tmp_path / "detector.keras")
    return tmp_path


def check(found, box=WANTED):
    assert len(found) == 1 and found.names == ("two",) and found.labels.tolist() == [2]
    assert found.boxes.dtype == found.scores.dtype == np.float32 and found.scores[0] > 0.9
    np.testing.assert_allclose(found.boxes, [box], atol=1e-3)


def test_an_image_in_every_form_alone_or_in_a_list(detector, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture()))
    for image in (picture(), encoded(picture()), path, str(path)):
        for given in (image, [image], (image,), iter([image])):
            (found,) = detector.predict(given)
            check(found)


def test_many_images_keep_their_order(detector):
    lefts = [24, 32, 40, 24, 16, 32, 40]
    found = detector.predict([picture(left) for left in lefts])
    for left, one in zip(lefts, found, strict=True):
        check(one, [WANTED[0] + left - 24, WANTED[1], WANTED[2] + left - 24, WANTED[3]])
    assert detector.predict([]) == []
    stacked = detector.predict(np.stack([picture(24), picture(32)]))
    assert len(stacked) == 2
    check(stacked[0])


def test_a_stream_is_read_little_by_little(detector):
    taken = []

    def images():
        for number in range(60):
            taken.append(number)
            yield picture()

    stream = detector.stream(images())
    check(next(stream))
    assert len(taken) < 30
    stream.close()


@pytest.mark.parametrize("image", [
    np.zeros((48, 64, 3), np.float32), np.zeros((48, 64, 3), np.uint16), np.zeros((48, 64, 2), np.uint8),
    np.zeros((48, 64), np.float64)])
def test_an_array_of_another_kind_is_a_value_error_that_says_what_came(detector, image):
    for given in (image, [picture(), image]):
        with pytest.raises(ValueError, match=f"uint8 RGB.*Received.*{image.dtype}") as caught:
            detector.predict(given)
        assert not isinstance(caught.value, InputError)


def test_other_arrays_and_pillow_images_are_found_in_alike(detector):
    """In grey, in RGBA, as Pillow has it: red is all the light there is, so grey's red is that of the colours."""
    colour, grey = picture(), picture()[..., 0]
    alpha = np.dstack([colour, np.full((48, 64), 7, np.uint8)])
    for image in (grey, grey[..., None], alpha, Image.fromarray(colour), Image.fromarray(grey), Image.fromarray(alpha)):
        for given in (image, [image], iter([image])):
            check(detector.predict(given)[0])
    for batch in (np.stack([grey[..., None]] * 2), np.stack([alpha] * 2), tf.constant(np.stack([colour] * 2))):
        assert len(detector.predict(batch)) == 2


def test_what_was_given_is_kept_unless_images_come_one_by_one(detector, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture()))
    image, pillow = picture(), Image.fromarray(picture())
    for given in (image, [image], path, [str(path)], encoded(picture()), pillow, (pillow,)):
        wanted = given[0] if isinstance(given, (list, tuple)) else given
        assert detector.predict(given)[0].image is wanted
    for stream in (detector.predict(iter([image])), detector.stream([image]), detector.stream([pillow])):
        assert [found.image for found in stream] == [None]
    assert next(iter(detector.stream(iter([path])))).image is path
    batch = np.stack([image, image[:, ::-1]])
    assert [np.array_equal(found.image, one) for found, one in zip(detector.predict(batch), batch, strict=True)]


def test_it_tells_of_itself(detector):
    assert repr(detector).startswith("Detector(2 classes: one, two; images resized to 96 pixels, 200 at most; maps of "
                                     "stride 8; ") and "above 0.5)" in repr(detector) and len(repr(detector)) < 200


def test_files_of_every_kind(detector, tmp_path):
    """Grey, RGBA, 16-bit and palette-like pictures are read; red is a third of grey's light."""
    colour = picture()
    alpha = np.concatenate([colour, np.full((48, 64, 1), 7, np.uint8)], axis=2)
    kinds = {"a.PNG": encoded(colour), "a.bmp": encoded(colour, ".bmp"),
             "alpha.png": cv2.imencode(".png", cv2.cvtColor(alpha, cv2.COLOR_RGBA2BGRA))[1].tobytes(),
             "deep.png": cv2.imencode(".png", colour[..., ::-1].astype(np.uint16) * 257)[1].tobytes(),
             "grey.png": cv2.imencode(".png", colour[..., 0])[1].tobytes(),
             "grey16.png": cv2.imencode(".png", colour[..., 0].astype(np.uint16) * 257)[1].tobytes(),
             "grey.jpg": cv2.imencode(".jpg", colour[..., 0], [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()}
    for name, content in kinds.items():
        (tmp_path / name).write_bytes(content)
        check(detector.predict(tmp_path / name)[0])
        check(detector.predict(content)[0])


def test_cmyk_jpeg(tmp_path):
    Image.fromarray(np.full((16, 24, 3), (200, 30, 30), np.uint8)).convert("CMYK").save(tmp_path / "a.jpg")
    found = np.asarray(pixels(tmp_path / "a.jpg"))
    assert found.shape == (16, 24, 3) and found.dtype == np.uint8


@pytest.mark.parametrize("content", [b"", b"no image", encoded(picture())[:60], encoded(picture(), ".jpg")[:300],
                                     b"\xff\xd8\xff\xe0" + b"\0" * 50, b"RIFF0000WEBPVP8 "])
def test_a_corrupt_image_is_one_line_that_names_it(detector, content, tmp_path):
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match="bad.jpg") as caught:
        detector.predict([picture(), path])
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="encoded image"):
        detector.predict(content)


def test_a_missing_file(detector, tmp_path):
    with pytest.raises(InputError, match="absent.jpg"):
        detector.predict(tmp_path / "absent.jpg")
    with pytest.raises(InputError, match=os.path.basename(tmp_path)):
        detector.predict(tmp_path)


def test_load_from_a_folder_or_a_file(run):
    for path in (run, str(run), run / "detector.keras"):
        detector = frcnn_keras.load(path)
        assert detector.class_names == ("one", "two")
        check(detector.predict(picture())[0])


def test_overrides_reach_the_detector(run):
    assert len(load(run, score_threshold=0.999).predict(picture())[0]) == 0
    assert load(run, limit=7, nms=0.2).model.detecting == Detecting(0.5, iou_threshold=0.2, limit=7)
    check(load(run, limit=7).predict(picture())[0])


def test_no_detector_there(tmp_path):
    with pytest.raises(InputError, match="train-rcnn"):
        load(tmp_path)
    with pytest.raises(InputError, match="train-rcnn"):
        load(tmp_path / "absent")
    with pytest.raises(InputError, match="a.keras"):
        load(tmp_path / "a.keras")


def test_another_model_is_refused(tmp_path, hand_detector):
    save_model(hand_detector.rpn, tmp_path / "detector.keras")
    with pytest.raises(InputError, match="RPN, not a detector"):
        load(tmp_path)


def test_category_ids_are_kept_and_written(hand_detector, tmp_path):
    from frcnn_keras.runs.found_lines import records_of

    assert Detector(hand_detector).category_ids == (1, 2)
    hand_detector.category_ids = (18, 44)
    save_model(hand_detector, tmp_path / "detector.keras")
    detector = load(tmp_path)
    assert detector.category_ids == (18, 44)
    (record,) = records_of("a.png", 3, detector.predict(picture())[0], detector.category_ids)
    assert record["category_id"] == 44 and record["name"] == "two" and record["image_id"] == 3


def test_photographs_are_upright_whatever_they_come_as(hand_detector, tmp_path):
    """From a file, from bytes and as a tensor: the same picture, and the same detections, as of the upright array."""
    encoded = turned("JPEG", 6)
    (tmp_path / "a.png").write_bytes(encoded)  # the content decides, not the suffix
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")))
    assert upright.shape == (53, 37, 3)
    for image in (tmp_path / "a.png", encoded, tf.constant(upright)):
        np.testing.assert_array_equal(pixels(image), upright)
    found = Detector(hand_detector).predict([tmp_path / "a.png", encoded, tf.constant(upright), upright])
    for one in (*found[:3], *Detector(hand_detector).predict(tf.constant(upright))):
        np.testing.assert_array_equal(one.boxes, found[3].boxes)
        np.testing.assert_array_equal(one.scores, found[3].scores)


def test_examined_it_gives_its_proposals_too(detector):
    """The same detections; proposals of an image twice as large lie at twice the places."""
    plain = picture(32)
    large = np.repeat(np.repeat(plain, 2, axis=0), 2, axis=1)
    for image in (plain, large):
        (found, proposals), = detector.examine([image])
        (wanted,) = detector.predict(image)
        np.testing.assert_array_equal(found.boxes, wanted.boxes)
        np.testing.assert_array_equal(found.scores, wanted.scores)
        assert proposals.ndim == 2 and len(proposals) and proposals.max() <= image.shape[1]
        near = np.abs(proposals - wanted.boxes[0]).max(axis=1).min()
        assert near < 0.1 * image.shape[1]


def test_frames_of_a_video(hand_detector, tmp_path):
    """Each as `predict` has it of the same array; numbers count all frames."""
    detector = Detector(hand_detector)
    path = write_video(tmp_path / "a.avi", [picture(20 + 2 * number) for number in range(5)])
    found = list(detector.frames(path, every=2, keep=True))
    assert [(number, seconds) for number, seconds, _ in found] == [(0, 0.0), (2, 0.2), (4, 0.4)]
    for *_, detections in found:
        (expected,) = detector.predict(detections.image)
        np.testing.assert_array_equal(detections.boxes, expected.boxes)
        assert len(detections) == 1 and detections.plot().size[0] >= 64
    assert all(detections.image is None for *_, detections in detector.frames(str(path)))


def test_frames_that_break_off(hand_detector, tmp_path):
    path = write_video(tmp_path / "a.mkv", 20)
    path.write_bytes(path.read_bytes()[:-500])
    numbers = []
    with pytest.raises(InputError, match="a.mkv: broke off"):
        for number, _, _ in Detector(hand_detector).frames(path):
            numbers.append(number)
    assert numbers == list(range(len(numbers))) and 0 < len(numbers) < 20
    with pytest.raises(InputError, match="no such video"):
        Detector(hand_detector).frames(tmp_path / "absent.mp4")
