import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from frcnn_keras.serving.warmup import FILE, field, prediction_log, varint, write_warmup

IMAGE = np.array([b"\xff\xd8\xff image", b""], object)


@pytest.mark.parametrize("value, wanted", [(0, b"\0"), (1, b"\1"), (127, b"\x7f"), (128, b"\x80\1"), (300, b"\xac\2"),
                                           (2**32, b"\x80\x80\x80\x80\x10")])
def test_varint(value, wanted):
    """300 is the example of Protocol Buffers' own description of its encoding."""
    assert varint(value) == wanted


def test_field():
    """`testing` as field 2, again from that description."""
    assert field(2, b"testing") == bytes.fromhex("120774657374696e67")


@given(st.binary(max_size=300), st.integers(1, 3))
def test_a_field_is_read_as_protobuf_reads_it(payload, number):
    """tf.train.BytesList has its values as field 1; other numbers are unknown to it, and passed over."""
    found = list(tf.train.BytesList.FromString(field(number, payload)).value)
    assert found == ([payload] if number == 1 else [])


def test_a_record_is_what_tensorflow_servings_own_classes_write():
    log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2",
                                  reason="compares with the classes of tensorflow-serving-api, which is not installed")
    for signature, name, value in (("serving_default", "image_bytes", IMAGE),
                                   ("image_tensor", "image_tensor", np.zeros((1, 40, 30, 3), np.uint8))):
        log = log_pb2.PredictionLog()
        request = log.predict_log.request
        request.model_spec.signature_name = signature
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        assert prediction_log(signature, name, value) == log.SerializeToString(deterministic=True)


def test_the_file_is_a_tfrecord_of_the_records_in_order(tmp_path):
    write_warmup(tmp_path, [("serving_default", "image_bytes", IMAGE), ("tf_example", "examples", IMAGE)])
    found = [record.numpy() for record in tf.data.TFRecordDataset(str(tmp_path / FILE))]
    assert found == [prediction_log("serving_default", "image_bytes", IMAGE),
                     prediction_log("tf_example", "examples", IMAGE)]
    assert [path.name for path in tmp_path.iterdir()] == ["tf_serving_warmup_requests"]
