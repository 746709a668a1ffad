import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.rcnn import RCNN, backbone_top, conv_fc, load_vgg_fc, two_fc, vgg_fc


def top_model():
    """The rest of a backbone: 6 channels in, 10 out, half as many cells."""
    image = keras.Input((None, None, 6))
    maps = keras.layers.Conv2D(10, 3, 2, padding="same")(image)
    return keras.Model(image, keras.layers.ReLU()(keras.layers.BatchNormalization()(maps)))


def built(trunk, classes, size, channels):
    rcnn = RCNN(trunk, classes)
    rcnn.build((None, size, size, channels))
    return rcnn


def regions(count=3, size=5, channels=6, seed=0):
    return np.random.default_rng(seed).normal(size=(count, size, size, channels)).astype(np.float32)


HEADS = {"two_fc": lambda: two_fc(5, 6, 20), "backbone_top": lambda: backbone_top(top_model(), 5, 6)}


@pytest.mark.parametrize("head, count", [("two_fc", 0), ("two_fc", 1), ("two_fc", 3), ("backbone_top", 1),
                                         ("backbone_top", 3)])
def test_shapes(head, count):
    logits, deltas = built(HEADS[head](), 4, 5, 6)(regions(count))
    assert logits.shape == (count, 4) and deltas.shape == (count, 4, 4)
    assert logits.dtype == deltas.dtype == tf.float32


def test_vgg_fc_has_vggs_layers():
    trunk = vgg_fc(7, 2, dropout=0.5)
    assert [layer.rate for layer in trunk.layers if isinstance(layer, keras.layers.Dropout)] == [0.5, 0.5]
    assert trunk.output_shape == (None, 4096)
    assert trunk.get_layer("fc1").kernel.shape == (98, 4096) and trunk.get_layer("fc2").kernel.shape == (4096, 4096)


def test_dropout_drops_in_training_alone():
    trunk = keras.Sequential([keras.Input((1, 1, 50)), keras.layers.Flatten(), keras.layers.Dropout(0.5)])
    rcnn = built(trunk, 2, 1, 50)
    pooled = np.ones((1, 1, 1, 50), np.float32)
    assert np.array_equal(rcnn(pooled)[0], rcnn(pooled)[0])
    assert not np.allclose(rcnn(pooled, training=True)[0], rcnn(pooled)[0])


def test_two_fc_by_hand():
    rcnn = built(two_fc(2, 3, 4), 3, 2, 3)
    rng = np.random.default_rng(1)
    rcnn.set_weights([rng.normal(size=weight.shape).astype(np.float32) for weight in rcnn.weights])
    weights = {weight.path.split("/", 1)[-1]: np.asarray(weight, np.float64) for weight in rcnn.weights}
    part = {name: next(value for path, value in weights.items() if name in path) for name in
            ("fc1/kernel", "fc1/bias", "fc2/kernel", "fc2/bias", "class_logits/kernel", "class_logits/bias",
             "deltas/kernel", "deltas/bias")}
    pooled = regions(2, 2, 3)
    hidden = np.maximum(pooled.reshape(2, 12) @ part["fc1/kernel"] + part["fc1/bias"], 0)
    hidden = np.maximum(hidden @ part["fc2/kernel"] + part["fc2/bias"], 0)
    logits, deltas = rcnn(pooled)
    np.testing.assert_allclose(logits, hidden @ part["class_logits/kernel"] + part["class_logits/bias"], rtol=1e-4,
                               atol=1e-5)
    flat = hidden @ part["deltas/kernel"] + part["deltas/bias"]  # class-major: dx dy dw dh of each class in turn
    for label in range(3):
        np.testing.assert_allclose(deltas[:, label], flat[:, 4 * label:4 * label + 4], rtol=1e-4, atol=1e-5)


def test_conv_fc_by_tensorflows_operations():
    """Each 3x3 convolution with stored statistics and ReLU, then one dense layer with ReLU."""
    trunk = conv_fc(4, 3, 2, 5, epsilon=0.25)
    rng = np.random.default_rng(1)
    trunk.set_weights([rng.uniform(0.1 if "variance" in weight.path else -1, 1, weight.shape).astype(np.float32)
                       for weight in trunk.weights])
    pooled = maps = regions(2, 4, 3)
    for layer in trunk.layers[:2]:
        gamma, beta, mean, variance = (np.asarray(part) for part in (layer.gamma, layer.beta, layer.mean,
                                                                     layer.variance))
        maps = tf.nn.conv2d(maps, np.asarray(layer.kernel), 1, "SAME")
        maps = np.maximum(gamma * (maps - mean) / np.sqrt(variance + 0.25) + beta, 0)
    dense = trunk.get_layer("fc1")
    wanted = np.maximum(maps.reshape(2, 48) @ np.asarray(dense.kernel) + np.asarray(dense.bias), 0)
    assert wanted.any()
    np.testing.assert_allclose(trunk(pooled), wanted, rtol=1e-3, atol=1e-3)


def test_new_weights_are_fast_rcnns():
    rcnn = built(two_fc(5, 6, 400), 21, 5, 6)
    assert abs(np.asarray(rcnn.class_logits.kernel).std() - 0.01) < 0.001
    assert abs(np.asarray(rcnn.deltas.kernel).std() - 0.001) < 0.0001


def test_vgg_weights_are_for_vggs_maps_alone():
    with pytest.raises(InputError) as caught:
        load_vgg_fc(vgg_fc(7, 2), "imagenet")
    message = str(caught.value)
    assert "7x7x512" in message and "(7, 7, 2)" in message and "--neck-channels 0" in message
    assert "\n" not in message


def test_fc6_and_fc7_start_from_vggs_own(monkeypatch):
    """By a stand-in of few units: each layer takes the source's weights of its own name."""
    def small(value):
        layers = [keras.layers.Dense(3, name=name) for name in ("fc1", "fc2")]
        model = keras.Sequential([keras.Input((2,)), *layers])
        model.set_weights([np.full(weight.shape, value + place) for place, weight in enumerate(model.weights)])
        return model

    trunk, source = small(0), small(10)
    monkeypatch.setattr(keras.applications, "VGG16", lambda weights: source)
    monkeypatch.setattr("frcnn_keras.models.rcnn.VGG_FC6", (2, 3))
    load_vgg_fc(trunk, "a file")
    for one, other in zip(trunk.get_weights(), source.get_weights(), strict=True):
        assert np.array_equal(one, other)


class Sized:
    """Stands for a head of the right sizes without 100 million weights."""

    def get_layer(self, name):
        return type("Layer", (), {"kernel": np.broadcast_to(np.float32(0), (25088, 4096))})


def test_a_weights_file_that_is_none_is_one_line(monkeypatch, tmp_path):
    def refuse(weights):
        raise ValueError(f"cannot open\n{weights}")

    monkeypatch.setattr(keras.applications, "VGG16", refuse)
    with pytest.raises(InputError) as caught:
        load_vgg_fc(Sized(), str(tmp_path / "vgg.h5"))
    assert "vgg.h5" in str(caught.value) and "--head-weights" in str(caught.value) and "\n" not in str(caught.value)


def test_backbone_top_trains_its_kernels_and_keeps_batch_norm():
    frozen = top_model()
    frozen.trainable = False  # as a backbone is
    rcnn = built(backbone_top(frozen, 5, 6), 3, 5, 6)
    norm = next(layer for layer in frozen.layers if isinstance(layer, keras.layers.BatchNormalization))
    before = [np.asarray(weight).copy() for weight in norm.weights]
    trained = {variable.path for variable in rcnn.trainable_variables}
    assert not any(weight.path in trained for weight in norm.weights)
    assert any("conv2d" in path and "kernel" in path for path in trained)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(rcnn(10 * regions() + 3, training=True)[0]))
    gradients = tape.gradient(loss, rcnn.trainable_variables)
    assert np.abs(gradients[0]).max() > 0  # of the backbone's convolution
    for weight, old in zip(norm.weights, before, strict=True):
        assert np.array_equal(weight, old)
    assert np.array_equal(rcnn(regions(), training=True)[0], rcnn(regions())[0])


def test_backbone_top_averages_over_cells():
    top, pooled = top_model(), regions()
    wanted = np.asarray(top(pooled)).mean(axis=(1, 2))
    np.testing.assert_allclose(backbone_top(top, 5, 6)(pooled), wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make", [lambda: two_fc(5, 6, 20), lambda: vgg_fc(1, 1)])
def test_layers_have_names_of_their_own(make):
    """Keras numbers unnamed layers through the process: a head made later would be saved as another file."""
    assert [layer.name for layer in make().layers] == [layer.name for layer in make().layers]
    assert make().inputs[0].name == make().inputs[0].name


@pytest.mark.parametrize("head", HEADS)
def test_saving_round_trip(head, tmp_path):
    rcnn, pooled = built(HEADS[head](), 4, 5, 6), regions()
    rcnn.save(tmp_path / "rcnn.keras")
    again = keras.saving.load_model(tmp_path / "rcnn.keras")
    for one, other in zip(rcnn(pooled), again(pooled), strict=True):
        assert np.array_equal(one, other)


def test_without_boxes_it_classifies_and_has_no_other_layer(tmp_path):
    rcnn = RCNN(two_fc(5, 6, 20), 4, boxes=False)
    rcnn.build((None, 5, 5, 6))
    assert len(rcnn.weights) == 6 and not any("deltas" in weight.path for weight in rcnn.weights)
    logits, deltas = rcnn(regions())
    assert deltas is None and logits.shape == (3, 4)
    rcnn.save(tmp_path / "rcnn.keras")
    again = keras.saving.load_model(tmp_path / "rcnn.keras")
    assert again(regions())[1] is None and np.array_equal(again(regions())[0], logits)


def test_a_head_of_voc_has_fc21_and_fc84():
    """The second document on the training, section 4.1: FC 21 classifies (20 classes and the background), FC 84 moves
    (4 parameters of each of the 21); of a region of class K units 4K to 4K + 3 count."""
    rcnn = built(two_fc(7, 8, 16), 21, 7, 8)
    assert rcnn.class_logits.kernel.shape == (16, 21) and rcnn.deltas.kernel.shape == (16, 84)
    rcnn.deltas.kernel.assign(np.zeros((16, 84), np.float32))
    rcnn.deltas.bias.assign(np.arange(84, dtype=np.float32))
    deltas = rcnn(regions(1, 7, 8))[1].numpy()
    assert deltas.shape == (1, 21, 4) and deltas[0, 9].tolist() == [36, 37, 38, 39]
