"""Programs written for models of the TF Object Detection API, against those of `export --signatures od-api:...`.

Each client stands for a kind that is found in public repositories: REST in rows and columns, with and without names, a
reader of the metadata, protobuf bodies as Java's, Go's and C++'s builders make them, and the loaders in a process.
"""

import base64
import contextlib
import json
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data.shapes import draw_image
from frcnn_keras.readers.label_map import read_label_map
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.saved_model import write_saved_model
from tests.bright_pictures import encoded
from tests.detectors import small_detector
from tests.rest_server import Model, rest_server

pytestmark = pytest.mark.slow

KINDS = {"pixels": "od-api:image_tensor", "encoded": "od-api:encoded_image", "records": "od-api:tf_example"}
SIZE = (70, 90)
IMAGES = [draw_image(4, index, *SIZE) for index in range(2)]
OUTPUTS = {"detection_anchor_indices": (20,), "detection_boxes": (20, 4), "detection_classes": (20,),
           "detection_multiclass_scores": (20, 4), "detection_scores": (20,), "num_detections": (),
           "raw_detection_boxes": (30, 4), "raw_detection_scores": (30, 4)}


@pytest.fixture(scope="module")
def detector():
    return Detector(small_detector())


@pytest.fixture(scope="module")
def folders(detector, tmp_path_factory):
    """Version 3 of a model of each kind, by the name that a server gives it."""
    made = {}
    for name, kind in KINDS.items():
        made[name] = tmp_path_factory.mktemp(name) / "3"
        made[name].mkdir()
        write_saved_model(detector, made[name], kinds=[kind])
    return made


@pytest.fixture(scope="module")
def server(folders):
    with rest_server(folders) as address:
        yield f"{address}/v1/models"


def post(url, body):
    request = urllib.request.Request(f"{url}:predict", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def refused(url, body):
    """(code, message) of a request that fails."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(url, body)
    return caught.value.code, json.load(caught.value)["error"]


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


def example(content):
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))
    more = tf.train.Feature(int64_list=tf.train.Int64List(value=[SIZE[0]]))
    return tf.train.Example(features=tf.train.Features(
        feature={"image/height": more, "image/encoded": feature})).SerializeToString()


def check(found, detector, image):
    """One image's outputs are predict's detections, and all there is of them has its shape."""
    (wanted,) = detector.predict([image])
    assert {name: np.shape(value) for name, value in found.items()} == OUTPUTS
    count = int(found["num_detections"])
    assert count == len(wanted) > 3
    height, width = image.shape[:2]
    boxes = np.array(found["detection_boxes"], np.float32)[:count, [1, 0, 3, 2]] * [width, height, width, height]
    np.testing.assert_allclose(boxes, wanted.boxes, atol=1e-3)
    np.testing.assert_array_equal(np.array(found["detection_scores"], np.float32)[:count], wanted.scores)
    np.testing.assert_array_equal(np.array(found["detection_classes"])[:count], wanted.labels)


def test_pixels_as_nested_lists_in_rows(server, detector):
    """The kind that posts an array without a name, takes the first prediction and looks its classes up."""
    (found,) = post(f"{server}/pixels", {"instances": [IMAGES[0].tolist()]})["predictions"]
    check(found, detector, IMAGES[0])
    (named,) = post(f"{server}/pixels/versions/3", {"signature_name": "serving_default", "instances": [
        {"input_tensor": IMAGES[0].tolist()}]})["predictions"]
    assert named == found


def test_pixels_in_columns(server, detector):
    for inputs in ({"input_tensor": [IMAGES[1].tolist()]}, [IMAGES[1].tolist()]):
        outputs = post(f"{server}/pixels", {"inputs": inputs})["outputs"]
        check({name: value[0] for name, value in outputs.items()}, detector, IMAGES[1])


@pytest.mark.parametrize("model, wrap", [("encoded", bytes), ("records", example)])
def test_strings_in_rows_and_columns(model, wrap, server, detector):
    """JPEG and PNG, as base64, with and without the input's name, and several at once."""
    contents = [encoded(IMAGES[0]), encoded(IMAGES[1])]
    strings = [b64(wrap(content)) for content in contents]
    bodies = [{"instances": strings}, {"instances": [{"input_tensor": string} for string in strings]}]
    answers = [post(f"{server}/{model}", body)["predictions"] for body in bodies]
    columns = [{"inputs": {"input_tensor": strings}}, {"inputs": strings}]
    for outputs in (post(f"{server}/{model}", body)["outputs"] for body in columns):
        answers.append([{name: value[index] for name, value in outputs.items()} for index in range(2)])
    for answer in answers:
        assert answer == answers[0]
    for found, image in zip(answers[0], IMAGES, strict=True):
        check(found, detector, image)


def test_a_client_that_draws(server, folders, detector):
    """Scores above a half, labels of the label map, pixels of the photograph: as such programs have it."""
    content = cv2.imencode(".jpg", IMAGES[0][..., ::-1])[1].tobytes()
    names = read_label_map(folders["encoded"] / "assets.extra/label_map.pbtxt")
    output = post(f"{server}/encoded", {"instances": [b64(content)]})["predictions"][0]
    lines = []
    for box, score, label in zip(output["detection_boxes"], output["detection_scores"], output["detection_classes"],
                                 strict=True):
        if score >= 0.5:
            top, left, bottom, right = (round(side * scale) for side, scale in zip(box, SIZE * 2, strict=True))
            lines.append((names[int(label)], left, top, right, bottom))
    (wanted,) = detector.predict([content])
    assert lines == [(name, *(round(float(side)) for side in box)) for name, score, box in zip(
        wanted.names, wanted.scores, wanted.boxes, strict=True) if score >= 0.5] and lines


@pytest.mark.parametrize("image, words", [
    (np.dstack([IMAGES[0], IMAGES[0][..., 0]])[None], "a shape of [1 70 90 4] was sent: drop the alpha channel"),
    (IMAGES[0], "a shape of [70 90 3] was sent: a batch of images has four dimensions"),
    (IMAGES[0][..., 0][None], "a shape of [1 70 90] was sent: a batch"),
    (IMAGES[0][None, ..., :1], "a shape of [1 70 90 1] was sent: three channels"),
    (np.stack(IMAGES), "a shape of [2 70 90 3] was sent: send one image a request")])
def test_pixels_of_a_wrong_shape(image, words, server, detector):
    for body in ({"instances": image.tolist()}, {"inputs": {"input_tensor": image.tolist()}}):
        code, message = refused(f"{server}/pixels", body)
        assert code == 400 and f"input_tensor is [1, height, width, 3], and {words}" in message
    check(post(f"{server}/pixels", {"instances": [IMAGES[0].tolist()]})["predictions"][0], detector, IMAGES[0])


@pytest.mark.parametrize("model, wrap", [("encoded", bytes), ("records", example)])
def test_one_corrupt_image_among_several(model, wrap, server):
    good = b64(wrap(encoded(IMAGES[0])))
    code, message = refused(f"{server}/{model}", {"instances": [good, good, b64(wrap(encoded(IMAGES[1])[:90]))]})
    assert code == 400 and "image 2 of the request (counted from 0) cannot be decoded" in message
    assert len(post(f"{server}/{model}", {"instances": [good, good]})["predictions"]) == 2


def test_what_does_not_fit_the_signature(server):
    assert refused(f"{server}/encoded", {"instances": [{"inputs": b64(b"x")}]}) == (400, (
        "input tensor alias not found in signature: inputs. Inputs expected to be in the set {input_tensor}."))
    assert refused(f"{server}/cats", {"instances": [b64(b"x")]})[0] == 404
    assert refused(f"{server}/encoded", {"signature_name": "detect", "instances": [b64(b"x")]})[0] == 400


def test_a_client_that_reads_the_metadata_first(server):
    """The kind that asks a server for the input's name and shape; they are those of the other exporter."""
    shapes = {"pixels": ("DT_UINT8", [1, -1, -1, 3]), "encoded": ("DT_STRING", [-1]), "records": ("DT_STRING", [-1])}
    for model, wanted in shapes.items():
        with urllib.request.urlopen(f"{server}/{model}/metadata", timeout=60) as answer:
            said = json.load(answer)["metadata"]["signature_def"]["signature_def"]
        assert list(said) == ["serving_default"]
        (name, given), = said["serving_default"]["inputs"].items()
        assert name == "input_tensor"
        assert (given["dtype"], [int(side["size"]) for side in given["tensor_shape"]["dim"]]) == wanted
        outputs = said["serving_default"]["outputs"]
        assert {key: (value["dtype"], [int(side["size"]) for side in value["tensor_shape"].get("dim", ())])
                for key, value in outputs.items()} == {
                    key: ("DT_FLOAT", [wanted[1][0], *shape]) for key, shape in OUTPUTS.items()}
        assert said["serving_default"]["method_name"] == "tensorflow/serving/predict"


def dims(*sizes):
    return tf.TensorShape(sizes).as_proto()


def test_protobuf_bodies(folders, detector):
    """TensorProtos as builders of each language fill them, read by TensorFlow's own parser, as a server reads them."""
    proto = tf.make_tensor_proto([0]).__class__
    image, content = IMAGES[0], encoded(IMAGES[0])
    bodies = {
        ("pixels", "android"): proto(dtype=tf.uint8.as_datatype_enum, tensor_shape=dims(1, *image.shape),
                                     int_val=image.ravel().tolist()),  # a pixel a number
        ("pixels", "c++"): proto(dtype=tf.uint8.as_datatype_enum, tensor_shape=dims(1, *image.shape),
                                 tensor_content=image.tobytes()),
        ("encoded", "go"): proto(dtype=tf.string.as_datatype_enum, tensor_shape=dims(1), string_val=[content]),
        ("records", "java"): proto(dtype=tf.string.as_datatype_enum, tensor_shape=dims(1),
                                   string_val=[example(content)])}
    for (model, language), body in bodies.items():
        kind = tf.dtypes.as_dtype(body.dtype)
        sent = tf.io.parse_tensor(body.SerializeToString(), kind).numpy()
        with contextlib.ExitStack() as stack:
            outputs = Model(folders[model], stack).run("serving_default", {"input_tensor": sent})
        assert language and all(value.dtype == np.float32 for value in outputs.values())  # float_val, to a client
        check({name: value[0] for name, value in outputs.items()}, detector, image)


def test_a_loaded_model_called_as_a_function(folders, detector):
    """`detect_fn = tf.saved_model.load(folder)`, an array with a batch dimension, outputs cut to num_detections."""
    detect = tf.saved_model.load(str(folders["pixels"]))
    given = tf.convert_to_tensor(IMAGES[0])[tf.newaxis, ...]
    check({name: value[0].numpy() for name, value in detect(given).items()}, detector, IMAGES[0])
    detections = detect(given)
    count = int(detections.pop("num_detections")[0])
    cut = {name: value[0, :count].numpy() for name, value in detections.items()}
    assert len(cut) == 7 and all(len(value) == count for value in cut.values())
    assert cut["detection_classes"].astype(np.int64).min() >= 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="input_tensor is .* put one of 1 in front"):
        detect(tf.convert_to_tensor(IMAGES[0]))


def test_the_default_signature_of_a_loaded_model(folders, detector):
    strings = tf.constant([encoded(IMAGES[0])])
    model = tf.saved_model.load(str(folders["encoded"]))
    for call in (model.signatures["serving_default"], model,
                 lambda strings: model.signatures["serving_default"](input_tensor=strings)):
        check({name: value[0].numpy() for name, value in call(strings).items()}, detector, IMAGES[0])


@pytest.mark.parametrize("model, sent", [("pixels", IMAGES[0][None]), ("encoded", [encoded(IMAGES[0])])])
def test_tensors_by_the_names_in_the_graph(model, sent, folders, detector):
    """The kind, in C++, Java and JavaScript, that writes down what saved_model_cli once showed."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folders[model]))
        values = session.run([f"StatefulPartitionedCall:{place}" for place in range(8)],
                             {"serving_default_input_tensor:0": sent})
    check({name: value[0] for name, value in zip(sorted(OUTPUTS), values, strict=True)}, detector, IMAGES[0])
