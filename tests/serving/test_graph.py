import io

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from frcnn_keras.data.given_images import pixels
from frcnn_keras.data.image_header import check_complete
from frcnn_keras.data.shapes import draw_image
from frcnn_keras.errors import InputError
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.comparison import compare_all
from frcnn_keras.serving.drawn_pictures import drawn_images
from frcnn_keras.serving.graph import ServingModule, served
from frcnn_keras.serving.layout_graph import bmp
from tests.bright_pictures import WANTED, encoded, picture
from tests.encoded_pictures import turned

pytestmark = pytest.mark.slow

KEYS = {"detection_boxes", "detection_scores", "detection_classes", "num_detections", "detection_class_names",
        "image_size"}


def signatures_of(model, folder):
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in model.class_names))
    module = ServingModule(model, folder / "labels.txt")
    return module, module.signatures()


@pytest.fixture(scope="module")
def kept():
    """What the tests of this module need only once."""
    return {}


@pytest.fixture
def by_hand(hand_detector, kept, tmp_path_factory):
    """Module and signatures of the detector whose answers follow by hand. Not to be changed."""
    if not kept:
        kept["made"] = signatures_of(hand_detector, tmp_path_factory.mktemp("labels"))
    return kept["made"]


@pytest.fixture(scope="module")
def real(exported, tmp_path_factory):
    """(detector, module and signatures) of a trained one."""
    return exported[0], signatures_of(exported[0].model, tmp_path_factory.mktemp("labels"))


def ask(signatures, name, values):
    key = {"serving_default": "image_bytes", "image_tensor": "image_tensor", "tf_example": "examples"}[name]
    return {key: value.numpy() for key, value in signatures[name](**{key: tf.constant(values)}).items()}


def example(content):
    """A serialized Example as the TF Object Detection API's users have them, with more than is needed."""
    return tf.train.Example(features=tf.train.Features(feature={
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[content])),
        "image/height": tf.train.Feature(int64_list=tf.train.Int64List(value=[48]))})).SerializeToString()


def requests(images):
    """The same images for every signature: arrays of one size."""
    content = [encoded(image) for image in images]
    return {"serving_default": content, "image_tensor": np.stack(images), "tf_example": list(map(example, content))}


@pytest.mark.parametrize("name", ["serving_default", "image_tensor", "tf_example"])
def test_what_follows_by_hand(by_hand, name):
    """See hand_detector: one detection of class `two`; the second image has its block 16 pixels further right."""
    found = ask(by_hand[1], name, requests([picture(24), picture(40)])[name])
    assert found.keys() == KEYS
    kinds = {key: (value.shape, value.dtype) for key, value in found.items()}
    assert kinds == {"detection_boxes": ((2, 3, 4), np.float32), "detection_scores": ((2, 3), np.float32),
                     "detection_classes": ((2, 3), np.float32), "num_detections": ((2,), np.float32),
                     "detection_class_names": ((2, 3), object), "image_size": ((2, 2), np.int32)}
    assert found["num_detections"].tolist() == [1, 1] and found["image_size"].tolist() == [[48, 64]] * 2
    x1, y1, x2, y2 = WANTED
    for row, shift in ((0, 0), (1, 16)):
        wanted = [y1 / 48, (x1 + shift) / 64, y2 / 48, (x2 + shift) / 64]
        np.testing.assert_allclose(found["detection_boxes"][row, 0], wanted, atol=2e-5)
    assert found["detection_classes"].tolist() == [[2, 0, 0]] * 2
    assert found["detection_class_names"].tolist() == [[b"two", b"", b""]] * 2
    assert (found["detection_scores"][:, 0] > 0.9).all() and not found["detection_scores"][:, 1:].any()
    assert not found["detection_boxes"][:, 1:].any()


def test_an_image_without_objects_is_all_zeros(hand_detector, tmp_path):
    hand_detector.rcnn.class_logits.bias.assign([9.0, -9.0, 0.0])  # all is background
    signatures = signatures_of(hand_detector, tmp_path)[1]
    found = ask(signatures, "serving_default", [encoded(np.zeros((30, 20, 3), np.uint8))])
    assert found["num_detections"].tolist() == [0] and found["image_size"].tolist() == [[30, 20]]
    assert not any(found[key].any() for key in ("detection_boxes", "detection_scores", "detection_classes"))
    assert set(found["detection_class_names"].ravel()) == {b""}


@pytest.mark.parametrize("name", ["serving_default", "image_tensor", "tf_example"])
def test_a_request_without_images(by_hand, name):
    empty = np.zeros((0, 8, 8, 3), np.uint8) if name == "image_tensor" else np.zeros(0, object)
    values = tf.zeros([0], tf.string) if name != "image_tensor" else empty
    found = ask(by_hand[1], name, values)
    assert found["detection_boxes"].shape == (0, 3, 4) and found["detection_class_names"].shape == (0, 3)


def test_images_without_pixels_are_refused(by_hand):
    with pytest.raises(tf.errors.InvalidArgumentError, match="no pixels"):
        ask(by_hand[1], "image_tensor", np.zeros((1, 0, 8, 3), np.uint8))


def test_pixels_of_a_wrong_shape_are_refused_in_words(by_hand):
    """What is sent, and not what the signature says: servers do not compare them."""
    function = by_hand[1]["image_tensor"]
    assert function.structured_input_signature[0][0].shape.as_list() == [None, None, None, 3]
    inner = tf.function(by_hand[0].image_tensor).get_concrete_function(tf.TensorSpec(None, tf.uint8))
    for shape, words in (((1, 48, 64, 4), "drop the alpha channel"), ((48, 64, 3), "put one of 1 in front")):
        said = " ".join(map(str, shape))
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            inner(tf.zeros(shape, tf.uint8))
        assert f"image_tensor is [N, height, width, 3], and a shape of [{said}] was sent: " in str(caught.value)
        assert words in str(caught.value)


def eight_images():
    """Eight files of unlike sizes and formats."""
    images = drawn_images()
    images.append(cv2.imencode(".gif", draw_image(3, 0, 90, 120))[1].tobytes())
    images.append(cv2.imencode(".png", draw_image(3, 1, 150, 70).astype(np.uint16) * 257)[1].tobytes())
    images.append(cv2.imencode(".jpg", draw_image(3, 2, 33, 200))[1].tobytes())
    images.append(cv2.imencode(".png", draw_image(3, 3, 64, 64)[..., 0])[1].tobytes())
    return images


def test_a_batch_of_eight_is_eight_single_requests(real):
    detector, (_, signatures) = real
    images = eight_images()
    together = ask(signatures, "serving_default", images)
    for index, image in enumerate(images):
        alone = ask(signatures, "serving_default", [image])
        for key in KEYS:
            np.testing.assert_array_equal(together[key][index], alone[key][0], err_msg=f"{key} of image {index}")
    answers = [{key: together[key][index] for key in KEYS} for index in range(8)]
    found = compare_all("batch", answers, detector.predict(images), [pixels(image).shape[:2] for image in images])
    assert found.close and found.detections > 20


def test_every_signature_answers_as_predict(real):
    detector, (_, signatures) = real
    images = [draw_image(5, index, 120, 156) for index in range(3)]
    for name, values in requests(images).items():
        found = ask(signatures, name, values)
        answers = [{key: found[key][index] for key in KEYS} for index in range(3)]
        result = compare_all(name, answers, detector.predict(images), [(120, 156)] * 3)
        assert result.close and result.detections > 5, name


@pytest.mark.parametrize("bad", [b"", b"no image", encoded(picture())[:60], encoded(picture(), ".jpg")[:300],
                                 b"BM", b"BM" + b"\0" * 60, b"RIFF0000WEBPVP8 "])
@pytest.mark.parametrize("name", ["serving_default", "tf_example"])
def test_a_corrupt_image_is_named_by_its_index_and_the_next_request_works(by_hand, name, bad):
    wrap = example if name == "tf_example" else bytes
    good = wrap(encoded(picture()))
    for index in (0, 2):
        batch = [good] * 3
        batch[index] = wrap(bad)
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"image {index} of the request"):
            ask(by_hand[1], name, batch)
    assert ask(by_hand[1], name, [good])["num_detections"].tolist() == [1]


@pytest.mark.parametrize("bad", [b"no example", tf.train.Example().SerializeToString()])
def test_a_bad_example_is_named_by_its_index(by_hand, bad):
    with pytest.raises(tf.errors.InvalidArgumentError, match="image 1 of the request"):
        ask(by_hand[1], "tf_example", [example(encoded(picture())), bad])


def bmp8(palette):
    """A BMP of 8 bits, 8 x 6 pixels, with that palette (256, 3) uint8."""
    image = cv2.imencode(".bmp", np.arange(48, dtype=np.uint8).reshape(6, 8))[1].tobytes()
    table = np.concatenate([palette, np.zeros((256, 1), np.uint8)], 1).astype(np.uint8).tobytes()
    assert image[28] == 8 and image[14] == 40
    return image[:54] + table + image[54 + 1024:]


def test_a_bmp_with_a_colour_palette_is_refused_as_predict_refuses_it(by_hand):
    grey = np.arange(256)[:, None].repeat(3, 1)
    colour = grey.copy()
    colour[7] = 250, 3, 9
    check_complete(bmp8(grey))
    with pytest.raises(InputError, match="palette"):
        check_complete(bmp8(colour))
    assert bmp(np.frombuffer(bmp8(grey), np.uint8)).fine and not bmp(np.frombuffer(bmp8(colour), np.uint8)).fine
    assert ask(by_hand[1], "serving_default", [bmp8(grey)])["image_size"].tolist() == [[6, 8]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="image 1 of the request"):
        ask(by_hand[1], "serving_default", [encoded(picture()), bmp8(colour)])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_upright_as_predict_has_them(real, orientation):
    """JPEG, PNG and WebP of each EXIF orientation: predict from bytes and from upright pixels, and both signatures."""
    detector, (_, signatures) = real
    picture = draw_image(5, 1, 120, 156)
    images = [turned(kind, orientation, picture) for kind in ("JPEG", "PNG", "WEBP")]
    upright = [np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(image)))) for image in images]
    size = (156, 120) if orientation >= 5 else (120, 156)
    wanted = detector.predict(upright)
    for one, other in zip(detector.predict(images), wanted, strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-4)
    for name, values in (("serving_default", images), ("tf_example", list(map(example, images)))):
        found = ask(signatures, name, values)
        assert found["image_size"].tolist() == [list(size)] * 3
        answers = [{key: found[key][index] for key in KEYS} for index in range(3)]
        result = compare_all(name, answers, wanted, [size] * 3)
        assert result.close and result.detections > 5 and result.box < 1e-4


def test_too_many_pixels_are_refused_by_index_and_reason(hand_detector, tmp_path):
    (tmp_path / "labels.txt").write_text("one\ntwo\n")
    module = ServingModule(hand_detector, tmp_path / "labels.txt", max_pixels=48 * 64)
    signatures = module.signatures()
    good, large = encoded(picture()), encoded(np.zeros((48, 65, 3), np.uint8))
    assert ask(signatures, "serving_default", [good])["num_detections"].tolist() == [1]
    for name, wrap in (("serving_default", bytes), ("tf_example", example)):
        with pytest.raises(tf.errors.InvalidArgumentError,
                           match="image 1 of the request .*65 x 48 pixels, more than the 3072 that this model takes"):
            ask(signatures, name, [wrap(good), wrap(large)])


def test_sizes_from_16x16_to_4000x3000_trace_nothing_anew(hand_detector, tmp_path):
    traces = []
    detect = hand_detector.detect_image
    hand_detector.detect_image = lambda image: traces.append(1) or detect(image)
    module, signatures = signatures_of(hand_detector, tmp_path)
    made = len(traces)
    for width, height in ((16, 16), (4000, 3000), (16, 900), (1300, 17), (333, 251)):
        found = ask(signatures, "serving_default", [encoded(np.full((height, width, 3), 90, np.uint8), ".jpg")])
        assert found["image_size"].tolist() == [[height, width]]
    assert made == len(traces) > 0


def test_boxes_stay_within_the_image(hand_detector):
    found = hand_detector.detect_image(tf.constant(picture(40)))
    outside = found._replace(boxes=tf.constant([[-1e-3, 0, 64.001, 48.001]] * 3))
    boxes = served(outside, tf.constant([48, 64]))["detection_boxes"].numpy()
    assert boxes[0].tolist() == [0, 0, 1, 1] and not boxes[1:].any()


def test_predict_and_signatures_share_the_weights(hand_detector, tmp_path):
    """A signature reads the detector's own variables: nothing is copied before it is saved."""
    signatures = signatures_of(hand_detector, tmp_path)
    before = ask(signatures[1], "serving_default", [encoded(picture())])
    hand_detector.rcnn.class_logits.bias.assign([9.0, -9.0, 0.0])
    after = ask(signatures[1], "serving_default", [encoded(picture())])
    assert before["num_detections"] == 1 and after["num_detections"] == 0
    assert not len(Detector(hand_detector).predict(picture())[0])
