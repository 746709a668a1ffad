"""Requests that TensorFlow Serving sends to a model of its own before anyone else may (assets.extra)."""

from pathlib import Path

from frcnn_keras.data import records

FILE = "tf_serving_warmup_requests"


def write_warmup(folder: Path, requests: list[tuple[str, str, object]]) -> None:
    """Writes the file into `folder`; requests: (signature, input's name, its value as a NumPy array)."""
    records.write_shard(folder / FILE, (prediction_log(*request) for request in requests))


def prediction_log(signature: str, name: str, value) -> bytes:
    """A serialized tensorflow.serving.PredictionLog of one predict request.

    Encoded here: the package with these classes, tensorflow-serving-api, is for clients. Fields: PredictionLog
    predict_log = 6; PredictLog request = 1; PredictRequest model_spec = 1, inputs = 2 (map: key = 1, value = 2);
    ModelSpec signature_name = 3.
    """
    import tensorflow as tf

    tensor = tf.make_tensor_proto(value).SerializeToString(deterministic=True)
    entry = field(1, name.encode()) + field(2, tensor)
    request = field(1, field(3, signature.encode())) + field(2, entry)
    return field(6, field(1, request))


def field(number: int, payload: bytes) -> bytes:
    """A field of Protocol Buffers' wire type 2: tag, length, payload."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    """A whole number of 0 or more, 7 bits a byte, the lowest first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
