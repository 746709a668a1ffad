"""The example clients, against small servers that answer with an exported model's own outputs."""

import base64
import http.server
import importlib.util
import json
import subprocess
import sys
import threading
from concurrent import futures
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.serving.drawn_pictures import drawn_images
from frcnn_keras.serving.session import serving_session

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load_example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rest, grpc_client = load_example("client_rest"), load_example("client_grpc")


@pytest.fixture(scope="module")
def call(exported):
    with serving_session(exported[1]) as session:
        yield session


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "a.jpg", tmp_path / "b.png"]
    for path, image in zip(paths, drawn_images(), strict=False):
        path.write_bytes(image)
    return paths


def rows(outputs):
    """Outputs in TensorFlow Serving's row format: an object an instance, strings as text."""
    count = len(outputs["num_detections"])
    lists = {name: [[word.decode() for word in row] for row in value] if value.dtype == object else value.tolist()
             for name, value in outputs.items()}
    return [{name: value[index] for name, value in lists.items()} for index in range(count)]


@pytest.fixture
def url(call):
    """http://.../v1/models/shapes of a server that speaks TensorFlow Serving's REST."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                assert self.path == "/v1/models/shapes:predict"
                images = [base64.b64decode(one["image_bytes"]["b64"], validate=True) for one in body["instances"]]
                code, answer = 200, {"predictions": rows(call("serving_default",
                                                              {"image_bytes": np.array(images, object)}))}
            except tf.errors.InvalidArgumentError as error:
                code, answer = 400, {"error": error.message}
            except AssertionError:
                code, answer = 404, {"error": "Servable not found"}
            content = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/models/shapes"
        server.shutdown()
        thread.join()


def wanted(detector, paths, score):
    """What the clients should print, from `predict`."""
    return [[{"name": name, "class": int(label), "score": float(value), "box": box.tolist()}
             for name, label, value, box in zip(found.names, found.labels, found.scores, found.boxes, strict=True)
             if value >= score] for found in detector.predict(paths)]


def check(printed, detector, paths, score):
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line["file"] for line in lines] == list(map(str, paths))
    assert [line["image_size"] for line in lines] == [[480, 640], [320, 240]]
    for line, objects in zip(lines, wanted(detector, paths, score), strict=True):
        assert len(line["objects"]) == len(objects) > 3
        for one, other in zip(line["objects"], objects, strict=True):
            assert (one["name"], one["class"]) == (other["name"], other["class"])
            np.testing.assert_allclose(one["score"], other["score"], atol=1e-5)
            np.testing.assert_allclose(one["box"], other["box"], atol=0.02)


def test_rest(url, exported, files, tmp_path, capsys):
    assert rest.main([url, *map(str, files), "--score", "0.1", "--draw", str(tmp_path / "drawn")]) == 0
    check(capsys.readouterr().out, exported[0], files, 0.1)
    for path in files:
        drawn, image = cv2.imread(str(tmp_path / "drawn" / f"{path.stem}.png")), cv2.imread(str(path))
        assert drawn.shape == image.shape and (drawn != image).any()


def test_rest_needs_the_standard_library_alone(url, files):
    """In a Python that sees no installed package."""
    done = subprocess.run([sys.executable, "-I", "-S", EXAMPLES / "client_rest.py", url, files[1]],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["image_size"] == [320, 240]


def test_rest_says_what_the_server_says(url, files, tmp_path, capsys):
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    assert rest.main([url, str(files[0]), str(tmp_path / "bad.jpg")]) == 1
    text = capsys.readouterr().err
    assert "image 1 of the request" in text and "Traceback" not in text
    assert rest.main([url.replace("shapes", "cats"), str(files[0])]) == 1
    assert "Servable not found" in capsys.readouterr().err
    assert rest.main([url, str(tmp_path / "absent.jpg")]) == 1
    assert "absent.jpg" in capsys.readouterr().err
    assert rest.main(["http://127.0.0.1:9/v1/models/x", str(files[0])]) == 1
    assert "127.0.0.1:9" in capsys.readouterr().err


@pytest.fixture
def address(call):
    """host:port of a server that speaks TensorFlow Serving's gRPC."""
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
    predict_pb2 = pytest.importorskip("tensorflow_serving.apis.predict_pb2",
                                      reason="tensorflow-serving-api is not installed")
    from tensorflow_serving.apis import prediction_service_pb2_grpc as service

    class Servicer(service.PredictionServiceServicer):
        def Predict(self, request, context):
            if request.model_spec.name != "shapes":
                context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found")
            inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
            try:
                outputs = call("serving_default", inputs)
            except tf.errors.InvalidArgumentError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
            return predict_pb2.PredictResponse(outputs={name: tf.make_tensor_proto(value)
                                                        for name, value in outputs.items()})

    server = grpc.server(futures.ThreadPoolExecutor(2))
    service.add_PredictionServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def test_grpc(address, exported, files, tmp_path, capsys):
    assert grpc_client.main([address, "shapes", *map(str, files), "--score", "0.1"]) == 0
    check(capsys.readouterr().out, exported[0], files, 0.1)
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    assert grpc_client.main([address, "shapes", str(files[0]), str(tmp_path / "bad.jpg")]) == 1
    assert "image 1 of the request" in capsys.readouterr().err
    assert grpc_client.main([address, "cats", str(files[0])]) == 1
    assert "Servable not found" in capsys.readouterr().err


def test_grpc_without_its_packages_is_one_line(files, tmp_path):
    done = subprocess.run([sys.executable, "-I", "-S", EXAMPLES / "client_grpc.py", "localhost:1", "x", files[0]],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install grpcio tensorflow-serving-api" in done.stderr and done.stderr.count("\n") == 1
