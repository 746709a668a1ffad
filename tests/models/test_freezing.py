import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.backbones import cut, load_backbone
from frcnn_keras.models.freezing import backbone_stages, unfreeze, unsafe_layer
from frcnn_keras.models.keras_internals import flatten_layers
from frcnn_keras.models.neck import Extractor
from frcnn_keras.models.rcnn import backbone_top
from tests.detectors import small_faster_rcnn, uneven_detector

conv = keras.layers.Conv2D


def names(stages):
    return [[layer.name for layer in stage] for stage in stages]


def test_resnet50_has_torchvisions_stages():
    stages = names(backbone_stages(load_backbone("resnet50").model))
    assert [stage[0].split("_")[0] for stage in stages] == ["conv1", "conv2", "conv3", "conv4"]
    for stage in stages:
        assert len({name.split("_")[0] for name in stage}) == 1
    assert [len(stage) for stage in stages] == [1, 10, 13, 19]  # 3, 4 and 6 blocks of three, a shortcut each stage


def test_vgg16_has_one_stage_a_block():
    stages = names(backbone_stages(load_backbone("vgg16").model))
    assert [len(stage) for stage in stages] == [2, 2, 3, 3, 3]
    assert all(name.startswith(f"block{number}") for number, stage in enumerate(stages, 1) for name in stage)


def test_squeeze_and_excitation_is_no_change_of_stride():
    stages = names(backbone_stages(load_backbone("efficientnet_b0").model))
    assert len(stages) == 4
    assert "block1a_se_reduce" in stages[0] and "block6a_expand_conv" in stages[-1]


def test_stages_of_a_network_with_all_that_may_occur():
    """A nested model, a valid convolution, an enlargement, a branch, an operation that is no layer."""
    inner_image = keras.Input((None, None, 4))
    inner = keras.Model(inner_image, conv(4, 3, 2, padding="same", name="inner_down")(
        conv(4, 3, padding="same", name="inner_same")(inner_image)), name="inner")
    image = keras.Input((None, None, 3))
    first = conv(4, 3, 2, name="valid")(image)  # stride 2
    deep = inner(keras.layers.BatchNormalization(name="norm")(first))  # stride 4 behind
    side = conv(4, 3, padding="same", name="after")(keras.ops.relu(deep))
    large = conv(4, 3, padding="same", name="enlarged")(keras.layers.UpSampling2D(2)(side))
    coarse = conv(4, 1, name="last")(keras.layers.AveragePooling2D(2)(side))
    trunk = keras.Model(image, [large, coarse])
    assert names(backbone_stages(trunk)) == [["valid", "inner_same"], ["inner_down", "after", "enlarged"], ["last"]]


def test_a_cut_backbone_has_the_stages_before_its_layers(tiny_backbone):
    whole = keras.saving.load_model(tiny_backbone)
    assert names(backbone_stages(whole)) == [["fine"], ["middle"], ["features"], ["top_convolution"]]
    assert names(backbone_stages(cut(whole, ["middle"]))) == [["fine"], ["middle"]]


@pytest.fixture
def whole(tiny_backbone):
    """A detector with trunk, BatchNorm in it, and a neck; all frozen, as a prep folder's extractor is."""
    backbone = keras.saving.load_model(tiny_backbone)
    trunk = cut(backbone, ["features", "top_relu"])
    extractor = Extractor(trunk, (8, 16), (4.0, 8.0), 5, name="extractor")
    extractor.trainable = False
    return uneven_detector(extractor=extractor)


@pytest.mark.parametrize("frozen", range(5))
def test_what_trains(whole, frozen):
    unfreeze(whole, frozen)
    layers = ["fine", "middle", "features", "top_convolution"]
    trained = {variable.path for variable in whole.trainable_variables}
    assert {path.split("/")[-2] for path in trained} == {
        *layers[frozen:], "neck", "convolution", "objectness", "deltas", "fc1", "fc2", "class_logits"}
    assert len(trained) == len(whole.trainable_variables)


def test_freezing_again_undoes_nothing_twice(whole):
    counts = []
    for frozen in (2, 0, 4, 2):
        unfreeze(whole, frozen)
        counts.append(len(whole.trainable_variables))
    assert counts[0] == counts[3] and counts[1] == counts[0] + 4 and counts[2] == counts[0] - 4


def test_batch_norm_keeps_everything_it_has(whole):
    unfreeze(whole, 0)
    norms = [layer for layer in whole._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    before = [np.asarray(weight).copy() for norm in norms for weight in norm.weights]
    assert len(before) == 4
    variables = whole.trainable_variables
    with tf.GradientTape() as tape:
        maps = whole.extractor(np.random.default_rng(0).normal(5, 3, (2, 32, 32, 3)).astype(np.float32), training=True)
        loss = tf.reduce_sum(tf.square(maps[0]))
    assert len(variables) > 10
    gradients = tape.gradient(loss, [variable.value for variable in variables],
                              unconnected_gradients=tf.UnconnectedGradients.ZERO)
    keras.optimizers.SGD(0.01).apply_gradients(zip(gradients, variables, strict=True))
    after = [np.asarray(weight) for norm in norms for weight in norm.weights]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("frozen", [-1, 5])
def test_more_stages_than_there_are(whole, frozen):
    with pytest.raises(InputError, match="--freeze-stages must be 0 to 4"):
        unfreeze(whole, frozen)


def test_an_extractor_without_a_trunk_trains_whole():
    model = uneven_detector()
    unfreeze(model, 2)
    assert len(model.trainable_variables) == len(model.variables)


@pytest.mark.parametrize("channels, size, stride, frozen, found", [
    (8, 1, 2, 0, "middle"), (16, 1, 2, 0, None), (8, 3, 2, 0, None), (8, 1, 1, 0, None), (8, 1, 2, 2, None)])
def test_layers_whose_gradient_is_not_safe_on_cpu_are_found(channels, size, stride, frozen, found):
    image = keras.Input((None, None, 3))
    maps = conv(channels, 3, 2, padding="same", name="first")(image)
    maps = conv(5, 3, 2, padding="same", name="last")(conv(4, size, stride, padding="same", name="middle")(maps))
    model = uneven_detector()
    model.extractor = Extractor(keras.Model(image, maps), (4 * stride,), (0.5,), None)
    unfreeze(model, frozen)
    assert unsafe_layer(model) == found


def test_batch_norm_of_a_head_keeps_its_statistics_and_scales_too():
    """A backbone's last stage as head (arXiv 1512.03385, appendix A): its kernels train, its BatchNorm does not."""
    image = keras.Input((None, None, 5))
    maps = keras.layers.BatchNormalization(name="norm")(conv(4, 3, padding="same", name="kernel")(image))
    detector = small_faster_rcnn(keras.Sequential([keras.Input((None, None, 3)), conv(5, 8, 8)]), 5,
                                 box_head=backbone_top(keras.Model(image, maps), 3, 5))
    unfreeze(detector, 0)
    trained = {layer.name for layer in flatten_layers(detector) if layer.trainable and layer.weights}
    assert "kernel" in trained and "norm" not in trained
    assert not any("norm" in weight.path for weight in detector.trainable_weights)
