"""The exported folder in programs that are not Python: TensorFlow's C++ loader, and TensorFlow Serving itself."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data.given_images import pixels
from frcnn_keras.data.shapes import draw_image
from frcnn_keras.serving.comparison import compare_all
from frcnn_keras.serving.drawn_pictures import drawn_images
from tests.bright_pictures import encoded

ROOT = Path(__file__).resolve().parents[2]
SERVER = shutil.which("tensorflow_model_server")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """examples/detect.cc, built by the lines that stand in it."""
    folder = Path(tf.sysconfig.get_lib())
    if not shutil.which("g++") or not (folder / "libtensorflow_cc.so.2").exists():
        pytest.skip("needs g++ and libtensorflow_cc.so.2 of TensorFlow's package for Linux")
    made = tmp_path_factory.mktemp("program") / "detect"
    lines = (ROOT / "examples/detect.cc").read_text().split("//     g++ ")[1].split("#include")[0]
    command = "g++ " + lines.replace("\\\n//", " ").strip()
    command = command.replace("examples/detect.cc -o detect", f"{ROOT}/examples/detect.cc -o {made}")
    done = subprocess.run(command, shell=True, env={"TF": str(folder), "PATH": "/usr/bin:/bin:/usr/local/bin"},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return made


def run(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)


def answers_of(text):
    """What examples/detect.cc prints -> outputs of each image."""
    answers = []
    for words in map(str.split, text.splitlines()):
        if words[0] == "image":
            answers.append({"image_size": [int(words[1]), int(words[2])], "num_detections": int(words[3]),
                            "detection_classes": [], "detection_scores": [], "detection_boxes": [],
                            "detection_class_names": []})
        else:
            last = answers[-1]
            last["detection_classes"].append(float(words[0]))
            last["detection_scores"].append(float(words[1]))
            last["detection_boxes"].append([float(word) for word in words[2:6]])
            last["detection_class_names"].append(" ".join(words[6:]).encode())
    return [{name: np.array(value) for name, value in answer.items()} for answer in answers]


def test_the_cpp_loader_answers_as_predict(program, exported, tmp_path):
    detector, folder = exported
    images, paths = drawn_images(), []
    for index, image in enumerate(images):
        paths.append(tmp_path / str(index))
        paths[-1].write_bytes(image)
    done = run(program, folder, *paths)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = answers_of(done.stdout)
    found = compare_all("C++", answers, detector.predict(images), [pixels(image).shape[:2] for image in images])
    assert found.close and found.detections > 10
    assert [answer["image_size"].tolist() for answer in answers] == [list(pixels(image).shape[:2]) for image in images]


def test_the_cpp_loader_names_a_corrupt_image(program, exported, tmp_path):
    (tmp_path / "good").write_bytes(drawn_images()[1])
    (tmp_path / "bad").write_bytes(b"no image")
    done = run(program, exported[1], tmp_path / "good", tmp_path / "bad")
    assert done.returncode == 1 and "image 1 of the request" in done.stderr
    assert run(program, exported[1], tmp_path / "absent").returncode == 2


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def server(exported):
    """(REST port, gRPC port) of a TensorFlow Serving that serves the exported folder with the shipped batching."""
    if not SERVER:
        pytest.skip("no tensorflow_model_server on the PATH")
    rest, grpc = free_port(), free_port()
    process = subprocess.Popen(
        [SERVER, f"--port={grpc}", f"--rest_api_port={rest}", "--model_name=shapes", "--enable_batching=true",
         f"--model_base_path={exported[1].parent}", f"--batching_parameters_file={ROOT / 'docs/batching.config'}"])
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{rest}/v1/models/shapes", timeout=5).read()
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, f"tensorflow_model_server ended with {process.returncode}"
                time.sleep(0.25)
        yield rest, grpc
    finally:
        process.terminate()
        process.wait(30)


def requested():
    return [encoded(draw_image(9, index, 100 + 20 * index, 150)) for index in range(3)]


def test_tensorflow_serving_rest(server, exported):
    body = {"instances": [{"image_bytes": {"b64": base64.b64encode(image).decode()}} for image in requested()]}
    request = urllib.request.Request(f"http://127.0.0.1:{server[0]}/v1/models/shapes:predict",
                                     json.dumps(body).encode(), {"Content-Type": "application/json"})
    answers = json.load(urllib.request.urlopen(request, timeout=120))["predictions"]
    for answer in answers:
        answer["detection_class_names"] = [name.encode() for name in answer["detection_class_names"]]
    found = compare_all("server", answers, exported[0].predict(requested()),
                        [pixels(image).shape[:2] for image in requested()])
    assert found.close and found.detections > 5


def test_tensorflow_serving_grpc(server, exported):
    grpc = pytest.importorskip("grpc")
    predict_pb2 = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    service = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc")
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "shapes"
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(requested()))
    with grpc.insecure_channel(f"127.0.0.1:{server[1]}") as channel:
        outputs = service.PredictionServiceStub(channel).Predict(request, timeout=120).outputs
    arrays = {name: tf.make_ndarray(tensor) for name, tensor in outputs.items()}
    answers = [{name: value[index] for name, value in arrays.items()} for index in range(3)]
    found = compare_all("server", answers, exported[0].predict(requested()),
                        [pixels(image).shape[:2] for image in requested()])
    assert found.close and found.detections > 5
