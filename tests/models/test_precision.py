import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.precision import computing_in, multiplies_bfloat16, set_precision, warn_if_slower
from frcnn_keras.models.saving import save_model
from frcnn_keras.runs.detector import load
from tests.closeness import close
from tests.detectors import images_of, random_detector, uneven_detector


def policies(model):
    return {layer.path: layer.dtype_policy.name for part in (model.extractor, model.rpn, model.rcnn)
            for layer in part._flatten_layers()}


def outputs(model, image):
    levels = model.features(image)
    logits, deltas = model.rpn(levels)
    pooled = model.pool(levels, tf.constant([[[4.0, 4, 30, 28], [0, 0, 50, 40]]]))
    classes, boxes = model.rcnn(pooled[0])
    return levels[0], logits[0], deltas[0], classes, boxes


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(1, 48, 64, 3)).astype(np.float32)


@pytest.mark.parametrize("precision, coarse", [("bfloat16", 0.05), ("float16", 0.005)])
def test_products_are_coarser_and_the_answers_float32(precision, coarse, image):
    model = uneven_detector()
    exact = outputs(model, image)
    with computing_in(model, precision):
        rounded = outputs(model, image)
        assert all(variable.dtype == "float32" for variable in model.variables)
    assert rounded[0].dtype == precision
    for one, other in zip(exact[1:], rounded[1:], strict=True):
        assert other.dtype == tf.float32
        error = np.abs(one - other).max() / np.abs(one).max()
        assert 1e-6 < error < coarse
    for one, other in zip(exact, outputs(model, image), strict=True):
        assert np.array_equal(one, other)  # as before


def test_policies_come_back_also_after_an_error_and_from_inside_another(image):
    model = uneven_detector()
    before = policies(model)
    with pytest.raises(RuntimeError), computing_in(model, "bfloat16"):
        inside = policies(model)
        with computing_in(model, "float32"):
            assert policies(model) == before
        assert policies(model) == inside
        raise RuntimeError
    assert policies(model) == before
    assert {path.split("/")[-1] for path, name in inside.items() if name == "float32"} == {
        "objectness", "deltas", "class_logits"}


def test_the_backbone_may_stay_out_of_it(image):
    model = uneven_detector()
    with computing_in(model, "bfloat16", trunk=False):
        assert {layer.dtype_policy.name for layer in model.extractor._flatten_layers()} == {"float32"}
        assert model.features(image)[0].dtype == tf.float32
        assert model.rpn.convolution.compute_dtype == model.rcnn.trunk.get_layer("fc1").compute_dtype == "bfloat16"


def test_a_graph_keeps_the_precision_it_was_traced_in(image):
    model = uneven_detector()
    graph = tf.function(lambda x: model.rpn(model.features(x))[0][0])
    exact = graph(image)
    with computing_in(model, "bfloat16"):
        assert np.array_equal(graph(image), exact)
        assert not np.array_equal(model.rpn(model.features(image))[0][0], exact)


def test_a_detector_trained_so_is_saved_as_float32(image, tmp_path):
    model = uneven_detector()
    with computing_in(model, "bfloat16"):
        pass
    model.extractor.save(tmp_path / "extractor.keras")
    again = keras.saving.load_model(tmp_path / "extractor.keras")
    assert {layer.dtype_policy.name for layer in again._flatten_layers()} == {"float32"}


@pytest.fixture
def whole(tiny_run):
    """A detector with a neck, loaded."""
    return load(tiny_run).model


def test_prediction_multiplies_bfloat16_and_answers_float32(whole):
    """Against products of inputs rounded by hand to bfloat16's 8 bits."""
    set_precision(whole, "bfloat16")
    layer = whole.rcnn.trunk.get_layer("fc1")
    rows = np.random.default_rng(0).normal(size=(5, layer.kernel.shape[0])).astype(np.float32)

    def rounded(values):
        return tf.cast(tf.cast(values, tf.bfloat16), tf.float32).numpy().astype(np.float64)

    wanted = np.maximum(rounded(rows) @ rounded(layer.kernel.value) + rounded(layer.bias.value), 0)
    found = layer(rows)
    assert found.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(found, tf.float32), wanted, rtol=0.02, atol=0.02)
    answer = whole.detect_image(tf.constant(np.random.default_rng(1).integers(0, 256, (90, 120, 3)), tf.uint8))
    assert answer.boxes.dtype == answer.scores.dtype == tf.float32
    assert all(level.dtype == tf.float32 for level in whole.features(tf.zeros((1, 96, 96, 3))))
    assert {variable.dtype for variable in whole.variables} == {"float32"}


def test_neck_and_last_layers_keep_float32(whole):
    set_precision(whole, "bfloat16")
    exact = {path.split("/")[-1] for path, name in policies(whole).items() if name == "float32"}
    assert exact == {"neck", "objectness", "deltas", "class_logits"}
    set_precision(whole, "float32")
    assert set(policies(whole).values()) == {"float32"}
    with pytest.raises(InputError, match="float16"):
        set_precision(whole, "float16")


def test_beside_depthwise_convolutions_only_products_are_lowered(whole):
    """What bfloat16 makes slower stays as it is, and so does what lies between."""
    image = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(4, 3, name="plain")(image)
    maps = keras.layers.BatchNormalization(name="norm")(keras.layers.DepthwiseConv2D(3, name="depthwise")(maps))
    whole.extractor.trunk = keras.Model(image, keras.layers.ReLU(name="relu")(maps))
    set_precision(whole, "bfloat16")
    found = {layer.name: layer.compute_dtype for layer in whole.extractor.trunk.layers}
    assert found["plain"] == "bfloat16"
    assert found["depthwise"] == found["norm"] == found["relu"] == "float32"


def test_prediction_in_bfloat16_and_back():
    detector, images, sizes = random_detector(), images_of(1), np.array([[64, 80]])
    exact_logits, exact = detector.rpn(detector.features(images))[0][0], detector(images, sizes)
    weights = [weight.numpy() for weight in detector.weights]
    set_precision(detector, "bfloat16")
    levels = detector.features(images)
    assert levels[0].dtype == tf.bfloat16
    logits = detector.rpn(levels)[0][0]
    assert logits.dtype == tf.float32 and 0 < np.abs(logits - exact_logits).max() < 0.05
    found = detector(images, sizes)
    assert found.boxes.dtype == found.scores.dtype == tf.float32 and found.valid.numpy().any()
    assert all(np.array_equal(weight, old) for weight, old in zip(detector.weights, weights, strict=True))
    set_precision(detector, "float32")
    close(detector(images, sizes), exact)


def test_loaded_in_another_precision(tmp_path):
    save_model(random_detector(), tmp_path / "detector.keras")
    assert load(tmp_path).model.features(images_of(1))[0].dtype == tf.float32
    detector = load(tmp_path, precision="bfloat16")
    assert detector.model.features(images_of(1))[0].dtype == tf.bfloat16
    image = np.random.default_rng(5).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    assert len(detector.predict(image)[0]) > 0


@pytest.mark.parametrize("flags, wanted", [
    ("flags : fpu sse2 avx512_bf16 amx_tile", True), ("flags : amx_bf16", True), ("flags : avx512f avx2", False),
    (None, False)])
def test_what_the_processor_says_of_itself(flags, wanted, monkeypatch):
    def read(self, **kind):
        if flags is None:
            raise FileNotFoundError(self)
        assert str(self) == "/proc/cpuinfo"
        return f"processor : 0\n{flags}\n"

    monkeypatch.setattr("pathlib.Path.read_text", read)
    assert multiplies_bfloat16() is wanted


@pytest.mark.parametrize("precision, has_it, gpus, lines", [
    ("bfloat16", False, [], 1), ("bfloat16", True, [], 0), ("bfloat16", False, ["one"], 0), ("float32", False, [], 0),
    ("float16", False, [], 0), (None, False, [], 0), ("auto", False, [], 0)])
def test_bfloat16_that_is_slower_here_gets_a_line(precision, has_it, gpus, lines, monkeypatch, capsys):
    monkeypatch.setattr("frcnn_keras.models.precision.multiplies_bfloat16", lambda: has_it)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: gpus if kind == "GPU" else ["cpu"])
    warn_if_slower(precision)
    found = capsys.readouterr()
    assert not found.out and found.err.count("\n") == lines
    if lines:
        assert "bfloat16" in found.err and "1.04 to 1.8 times" in found.err and "--precision float32" in found.err


def test_once_a_detector_not_an_image(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("frcnn_keras.models.precision.multiplies_bfloat16", lambda: False)
    save_model(random_detector(), tmp_path / "detector.keras")
    detector = load(tmp_path, precision="bfloat16")
    detector.predict([np.zeros((40, 50, 3), np.uint8)] * 3)
    assert capsys.readouterr().err.count("does not multiply bfloat16") == 1
    load(tmp_path, precision="float32")
    load(tmp_path)
    assert not capsys.readouterr().err
