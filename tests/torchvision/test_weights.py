import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.torchvision.detectors import MODELS, build_detector
from frcnn_keras.torchvision.weights import assign_weights, entries, guess_model, modern_names
from tests.rule_weights import random_weights, reference, weights_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["fasterrcnn_resnet50_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn"])
def small(request):
    """A detector of two classes and weights for it."""
    detector = build_detector(request.param, ["thing"], classes=2)
    return detector, random_weights(detector)


def values(detector):
    return [weight.numpy() for weight in detector.weights]


def test_every_weight_is_replaced(small):
    detector, tensors = small
    places = {id(entry.variable) for entry in entries(detector)}
    assert places == {id(weight) for weight in detector.weights} and len(places) == len(tensors)
    assign_weights(detector, tensors, "a.pth")
    assert all(np.asarray(weight).min() >= 0.1 for weight in detector.weights)  # nothing is left at its start


@pytest.mark.parametrize("model", [name for name in MODELS if "320" not in name])
def test_names_and_shapes_are_torchvisions(model):
    tensors = weights_of(reference(model))
    detector = build_detector(model, ["a"] * 90, classes=91)
    assert {entry.name for entry in entries(detector)} == tensors.keys()
    assign_weights(detector, tensors, model)
    assert guess_model(tensors) == model


def test_layouts_by_hand(small):
    detector, tensors = small
    assign_weights(detector, tensors, "a.pth")
    fc6 = tensors["roi_heads.box_head.fc6.weight"].reshape(1024, 256, 7, 7)
    kernel = np.asarray(detector.rcnn.trunk.get_layer("fc1").kernel).reshape(7, 7, 256, 1024)
    assert kernel[2, 5, 77, 9] == fc6[9, 77, 2, 5] and kernel[6, 0, 255, 1023] == fc6[1023, 255, 6, 0]
    conv = tensors["rpn.head.conv.0.0.weight"]
    assert detector.rpn.convolution.kernel[0, 2, 7, 11] == conv[11, 7, 0, 2]
    predictor = tensors["roi_heads.box_predictor.bbox_pred.weight"]
    assert detector.rcnn.deltas.kernel[1023, 5] == predictor[5, 1023]


def test_the_spelling_of_2019(small):
    detector, tensors = small
    assign_weights(detector, tensors, "a.pth")
    before, old = values(detector), {}
    for name, tensor in tensors.items():
        if name.startswith("backbone.fpn."):
            name = name.replace(".0.weight", ".weight").replace(".0.bias", ".bias")  # inner_blocks.3.0.weight
            name = name.replace("_blocks.weight", "_blocks.0.weight").replace("_blocks.bias", "_blocks.0.bias")
        old[name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")] = tensor
    assert "backbone.fpn.inner_blocks.1.weight" in old and "rpn.head.conv.weight" in old
    assert modern_names(old).keys() == tensors.keys()
    for weight in detector.weights:
        weight.assign(np.zeros(weight.shape))
    assign_weights(detector, old, "2019.pth")
    assert all(np.array_equal(one, other) for one, other in zip(before, values(detector), strict=True))


def test_leftovers_on_either_side_are_listed(small):
    detector, tensors = small
    spoiled = {name: tensor for name, tensor in tensors.items() if name != "rpn.head.cls_logits.bias"}
    spoiled["roi_heads.mask_head.mask_fcn1.weight"] = np.zeros((1, 1))
    with pytest.raises(InputError) as caught:
        assign_weights(detector, spoiled, "a.pth")
    message = str(caught.value)
    assert "1 missing (rpn.head.cls_logits.bias)" in message and "\n" not in message
    assert "1 not known (roi_heads.mask_head.mask_fcn1.weight)" in message and "a.pth" in message
    with pytest.raises(InputError, match="and .* more"):
        assign_weights(detector, {"x": np.zeros(1)}, "a.pth")


@pytest.mark.parametrize("name, change, words", [
    ("rpn.head.bbox_pred.bias", lambda array: array[:-1], "needs"),
    ("roi_heads.box_head.fc6.weight", lambda array: array.T, "needs"),
    ("roi_heads.box_predictor.cls_score.bias", lambda array: np.tile(array, 3), "number of classes"),
    ("rpn.head.cls_logits.weight", lambda array: array.astype(np.int64), "int64"),
    ("rpn.head.cls_logits.weight", lambda array: array * np.nan, "finite"),
    ("backbone.fpn.layer_blocks.0.0.weight", lambda array: array[..., 0], "needs")])
def test_a_tensor_of_another_kind(small, name, change, words):
    detector, tensors = small
    with pytest.raises(InputError, match=words) as caught:
        assign_weights(detector, {**tensors, name: change(tensors[name])}, "a.pth")
    assert name in str(caught.value) and "a.pth" in str(caught.value)


def test_counters_of_batches_are_left_out(small):
    detector, tensors = small
    assign_weights(detector, tensors, "a.pth")
    before = values(detector)
    assign_weights(detector, {**tensors, "backbone.body.bn1.num_batches_tracked": np.array(3)}, "a.pth")
    assert all(np.array_equal(one, other) for one, other in zip(before, values(detector), strict=True))


def test_the_model_is_told_by_its_tensors():
    mobile = {"backbone.body.0.0.weight": np.zeros(1)}
    assert guess_model(mobile, "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth").endswith("320_fpn")
    assert guess_model(mobile, "mine.pth") == "fasterrcnn_mobilenet_v3_large_fpn"
    first = {"backbone.body.conv1.weight": np.zeros(1), "rpn.head.conv.weight": np.zeros(1)}
    assert guess_model(first) == "fasterrcnn_resnet50_fpn"
    with pytest.raises(InputError, match="a.pth.*none of torchvision"):
        guess_model({"features.0.weight": np.zeros(1)}, "a.pth")
