"""Asks a TensorFlow Serving over gRPC what is in some images.

    pip install grpcio tensorflow-serving-api
    python examples/client_grpc.py localhost:8500 cells photo.jpg other.png

Prints one JSON object an image, as client_rest.py does.
"""

import argparse
import json
import sys
from pathlib import Path


def detect(address: str, model: str, images: list[bytes], timeout: float = 60) -> list[dict]:
    """The server's answer for each encoded image: detection_boxes and the other outputs as NumPy arrays, by name."""
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(images, tf.string))
    size = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]  # photographs pass 4 MB
    with grpc.insecure_channel(address, size) as channel:
        outputs = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout).outputs
    arrays = {name: tf.make_ndarray(tensor) for name, tensor in outputs.items()}
    return [{name: array[index] for name, array in arrays.items()} for index in range(len(images))]


def objects(answer: dict, score: float = 0.5) -> list[dict]:
    """Detections that score at least so much; box: xmin, ymin, xmax, ymax in pixels of the upright image."""
    height, width = (int(side) for side in answer["image_size"])
    found = []
    for index in range(int(answer["num_detections"])):
        if answer["detection_scores"][index] >= score:
            ymin, xmin, ymax, xmax = (float(side) for side in answer["detection_boxes"][index])
            found.append({"name": answer["detection_class_names"][index].decode(),
                          "class": int(answer["detection_classes"][index]),
                          "score": float(answer["detection_scores"][index]),
                          "box": [xmin * width, ymin * height, xmax * width, ymax * height]})
    return found


def main(argv=None) -> int:
    """Asks the server, prints what it finds; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="HOST:8500")
    parser.add_argument("model", help="the model's name on the server")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    parser.add_argument("--score", type=float, default=0.5, help="leave out what scores less (default %(default)s)")
    args = parser.parse_args(argv)
    try:
        import grpc
        import tensorflow_serving.apis  # noqa: F401  detect needs it
    except ImportError as error:
        print(f"client_grpc: error: {error.name} is not installed; pip install grpcio tensorflow-serving-api",
              file=sys.stderr)
        return 1
    try:
        answers = detect(args.address, args.model, [path.read_bytes() for path in args.images])
    except grpc.RpcError as error:
        print(f"client_grpc: error: {args.address}: {error.details()}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"client_grpc: error: {error}", file=sys.stderr)
        return 1
    for path, answer in zip(args.images, answers, strict=True):
        print(json.dumps({"file": str(path), "image_size": [int(side) for side in answer["image_size"]],
                          "objects": objects(answer, args.score)}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
