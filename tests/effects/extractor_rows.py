"""Flags that say where features come from and where anchors lie: of `prep` and of `joint`."""

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.ops.images import resize
from tests.effects.given import decoded
from tests.effects.rows import Row

RAW = ["--neck-channels=0"]


def has_channels(count):
    def check(view, value):
        assert view.maps(0)[0].shape[-1] == count

    return check


def by_hand(view, index, normalised):
    """An image's map: its pixels resized and normalised by hand, through the extractor."""
    pixels = resize(decoded(view.dataset.examples[index]), *view.preparing.size(64, 80)).numpy()
    levels = tf.nest.flatten(view.extractor(normalised(pixels)[None].astype(np.float32)))
    return np.asarray(levels[0][0])


def weights(view, value):
    """Half the kernels of three layers with biases of 0: maps an eighth as large."""
    found = view.extractor.get_layer("trunk").get_weights()
    for one, other in zip(found, whole_backbone(view).get_weights(), strict=False):
        np.testing.assert_allclose(one, other / 2, rtol=1e-6)


def whole_backbone(view):
    from frcnn_keras.models.saving import load_model

    return load_model(view.given.backbone)


def feature_layers(view, value):
    """The second of three layers of stride 2: stride 4, 10 channels."""
    assert view.geometry.strides == (4.0,) and view.maps(0)[0].shape == (16, 20, 10)


def preprocess(view, value):
    """caffe: blue, green, red, less their means; not -1..1."""
    wanted = by_hand(view, 0, lambda pixels: pixels[..., ::-1] - [103.939, 116.779, 123.68])
    np.testing.assert_allclose(view.maps(0)[0], wanted, rtol=2e-2, atol=2e-2 * np.abs(wanted).max())


def no_new_pyramid(given, config):
    with pytest.raises(InputError, match="--pyramid: .* weights are random"):
        given.prepared(config)


def pyramid(view, value):
    """A map of `value` channels a layer, and one more of every second cell."""
    assert [level.shape for level in view.maps(0)] == [(16, 20, value), (8, 10, value), (4, 5, value)]


def without_the_coarser(view, value):
    assert [level.shape for level in view.maps(0)] == [(16, 20, 6), (8, 10, 6)]


def shorter(view, value):
    assert view.preparing.size(100, 110) == (value, int(value * 1.1)) and view.maps(0)[0].shape[:2] == (5, 7)


def longer(view, value):
    assert view.preparing.size(100, 500) == (value // 5, value) and view.maps(0)[0].shape[:2] == (5, 7)


def neck_sample(view, value):
    assert view.fitted_on == value


def extents(view, level=0):
    """(width, height) of the anchors of a map's first cell."""
    anchors = view.geometry.anchors([part.shape[:2] for part in view.maps(0)])[level].numpy()
    base = anchors[:view.geometry.anchors_per_position]
    return sorted((round(float(w), 2), round(float(h), 2)) for w, h in base[:, 2:] - base[:, :2])


def sizes(view, value):
    assert extents(view) == [(size, size) for size in value]


def scales(view, value):
    """Of the backbone's stride, 8."""
    assert extents(view) == [(8 * scale, 8 * scale) for scale in value]


def corner(view, value):
    """The first cell's anchors lie around the image's corner."""
    first = view.geometry.anchors([part.shape[:2] for part in view.maps(0)])[0].numpy()[0]
    assert (first[:2] + first[2:]).tolist() == [0, 0]


def fraction(view, value):
    """Columns of a map of an image that is 77 pixels wide."""
    shapes = [part.shape[:2] for part in view.maps(0)]
    anchors = view.geometry.anchors(shapes, (60, 77))[0].numpy()
    step = anchors[view.geometry.anchors_per_position] - anchors[0]
    np.testing.assert_allclose(step, [77 / shapes[0][1], 0] * 2, rtol=1e-5)


def ratios(view, value):
    """Height / width 4: half as wide, twice as high."""
    assert extents(view) == [(8.0, 32.0), (16.0, 64.0)]


def every_level(view, value):
    for level in range(len(view.maps(0))):
        assert extents(view, level) == [(16.0, 16.0), (32.0, 32.0)]


def rounded(view, value):
    """Half widths and heights of 5.6 / 2 and 22.4 / 2 as 3 and 11, of 11.3 and 45.3 as 6 and 23."""
    wide = [round(size / 4**0.5 / 2) * 2.0 for size in (11.2, 22.6)]
    assert extents(view) == [(w, round(size * 4**0.5 / 2) * 2.0) for w, size in zip(wide, (11.2, 22.6), strict=True)]


SHARED = {
    "backbone.name": Row(lambda given: given.own_backbone(), has_channels(5), RAW),
    "backbone.weights": Row(lambda given: given.other_weights(), weights, RAW),
    "backbone.feature_layers": Row(("middle",), feature_layers, RAW),
    "backbone.preprocess": Row("caffe", preprocess, RAW),
    "images.shorter": Row(40, shorter), "images.longer": Row(50, longer, ["--shorter=45"]),
    "neck.channels": Row(3, has_channels(3)), "neck.sample": Row(1, neck_sample),
    "anchors.sizes": Row((24.0, 40.0), sizes), "anchors.ratios": Row((4.0,), ratios),
    "anchors.scales": Row((1.0, 3.0), scales, ["--anchor-sizes=32,64,128,256,512"]),
    "anchors.centres": Row("corner", corner),
    "anchors.stride": Row("fraction", fraction),
    "anchors.rounded": Row(True, rounded, ["--anchor-sizes=11.2,22.6", "--anchor-ratios=4"]),
}
PREP = SHARED | {
    "anchors.every_level": Row(True, every_level, lambda given: [
        "--backbone", given.pyramid_run(), "--feature-layers=", "--preprocess=", *RAW]),
}
JOINT = SHARED | {
    "backbone.pyramid": Row(6, pyramid, ["--feature-layers=middle,features", "--anchor-sizes=8,16,32"]),
    "backbone.pyramid_levels": Row(("p2", "p3"), without_the_coarser, [
        "--pyramid=6", "--feature-layers=middle,features", "--anchor-sizes=8,16"]),
    "anchors.every_level": Row(True, every_level, ["--pyramid=6", "--feature-layers=middle,features"]),
}
