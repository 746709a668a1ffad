import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.models.precision import computing_in
from tests.test_joint_losses import detector


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


@pytest.mark.parametrize("precision, coarse", [("mixed_bfloat16", 0.05), ("mixed_float16", 0.005)])
def test_products_are_coarser_and_the_answers_float32(precision, coarse, image):
    model = detector()
    exact = outputs(model, image)
    with computing_in(model, precision):
        rounded = outputs(model, image)
        assert all(variable.dtype == "float32" for variable in model.variables)
    assert rounded[0].dtype == precision.removeprefix("mixed_")
    for one, other in zip(exact[1:], rounded[1:], strict=True):
        assert other.dtype == tf.float32
        error = np.abs(one - other).max() / np.abs(one).max()
        assert 1e-6 < error < coarse
    for one, other in zip(exact, outputs(model, image), strict=True):
        assert np.array_equal(one, other)  # as before


def test_policies_come_back_also_after_an_error_and_from_inside_another(image):
    model = detector()
    before = policies(model)
    with pytest.raises(RuntimeError), computing_in(model, "mixed_bfloat16"):
        inside = policies(model)
        with computing_in(model, "float32"):
            assert policies(model) == before
        assert policies(model) == inside
        raise RuntimeError
    assert policies(model) == before
    assert {path.split("/")[-1] for path, name in inside.items() if name == "float32"} == {
        "objectness", "deltas", "class_logits"}


def test_the_backbone_may_stay_out_of_it(image):
    model = detector()
    with computing_in(model, "mixed_bfloat16", trunk=False):
        assert {layer.dtype_policy.name for layer in model.extractor._flatten_layers()} == {"float32"}
        assert model.features(image)[0].dtype == tf.float32
        assert model.rpn.convolution.compute_dtype == model.rcnn.trunk.get_layer("fc1").compute_dtype == "bfloat16"


def test_a_graph_keeps_the_precision_it_was_traced_in(image):
    model = detector()
    graph = tf.function(lambda x: model.rpn(model.features(x))[0][0])
    exact = graph(image)
    with computing_in(model, "mixed_bfloat16"):
        assert np.array_equal(graph(image), exact)
        assert not np.array_equal(model.rpn(model.features(image))[0][0], exact)


def test_a_detector_trained_so_is_saved_as_float32(image, tmp_path):
    model = detector()
    with computing_in(model, "mixed_bfloat16"):
        pass
    model.extractor.save(tmp_path / "extractor.keras")
    again = keras.saving.load_model(tmp_path / "extractor.keras")
    assert {layer.dtype_policy.name for layer in again._flatten_layers()} == {"float32"}
