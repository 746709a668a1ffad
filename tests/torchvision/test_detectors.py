import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.models.settings import Detecting, Geometry, Pooling, Preparing, Proposing
from frcnn_keras.torchvision.detectors import MODELS, build_detector

SMALL = "fasterrcnn_mobilenet_v3_large_320_fpn"


@pytest.fixture(scope="module")
def small():
    return build_detector(SMALL, ["a", "b", "c"], classes=4)


def test_its_constants_are_torchvisions(small):
    """Two maps of stride 32 (one made of the other's input) and one pooled from them, all sizes on every level."""
    sizes = ((32.0, 64.0, 128.0, 256.0, 512.0),) * 3
    assert small.geometry == Geometry((32.0, 32.0, 64.0), (0.0,) * 3, sizes, (0.5, 1.0, 2.0), True, "quotient")
    assert small.geometry.anchors_per_position == small.rpn.anchors_per_position == 15
    assert small.preparing == Preparing(320, 640, "torch", 32, fused_resize=True)
    assert small.proposing == Proposing(150, 150, 0.7, 1e-3, 0.05)
    assert small.pooling == Pooling(1, 1.0, "align", 7)
    assert small.detecting == Detecting(0.05, 0.5, 100, 1e-2, None, (0.1, 0.1, 0.2, 0.2))
    assert small.rcnn.classes == 4 and small.category_ids == (1, 2, 3)


def test_sizes_and_classes_that_are_asked_for():
    found = build_detector(SMALL, ["c", "a"], classes=4, min_size=100, max_size=200, wanted=[3, 1], category_ids=[9, 7])
    assert (found.preparing.shorter, found.preparing.longer) == (100, 200)
    assert found.detecting.classes == (3, 1) and found.category_ids == (9, 7) and found.class_names == ("c", "a")
    assert found.rcnn.classes == 4  # the predictor keeps them all


def test_one_size_a_level_where_there_are_five():
    found = build_detector("fasterrcnn_resnet50_fpn", ["a"], classes=2)
    assert found.geometry == Geometry((4.0, 8.0, 16.0, 32.0, 64.0), (0.0,) * 5, tuple(
        (float(size),) for size in (32, 64, 128, 256, 512)), (0.5, 1.0, 2.0), True, "quotient")
    assert found.pooling.levels == 4 and found.proposing == Proposing(1000, 1000) and found.rpn.depth == 1


@pytest.mark.parametrize("model, mobilenet, second", [
    ("fasterrcnn_resnet50_fpn", False, False), ("fasterrcnn_resnet50_fpn_v2", False, True),
    ("fasterrcnn_mobilenet_v3_large_fpn", True, False), (SMALL, True, False)])
def test_which_kind_a_model_is_of(model, mobilenet, second):
    assert (MODELS[model].is_mobilenet, MODELS[model].is_v2) == (mobilenet, second)
    assert MODELS[model].file.startswith(model) and len(MODELS) == 4


def test_an_unknown_model_is_one_line():
    with pytest.raises(InputError, match="^unknown torchvision model 'maskrcnn'; use one of fasterrcnn_resnet50_fpn, "):
        build_detector("maskrcnn", ["a"], classes=2)
