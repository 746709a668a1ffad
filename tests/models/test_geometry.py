"""Where anchors lie, by hand: of one level and of several, by each rule of stride, unit and centre."""

import dataclasses
import json
import math

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.settings import Geometry
from frcnn_keras.settings import options
from frcnn_keras.settings.detector import LevelAnchorConfig


def geometry(levels, **anchors):
    strides = [8.0 * 2**level for level in range(levels)]
    return Geometry.of(strides, [stride / 2 for stride in strides], LevelAnchorConfig(**anchors))


def test_one_level_takes_every_size():
    found = geometry(1, sizes=(16.0, 32.0, 64.0), ratios=(0.5, 1.0), rounded=True)
    assert found == Geometry((8.0,), (4.0,), ((16.0, 32.0, 64.0),), (0.5, 1.0), anchor_rounded=True)
    assert (found.levels, found.anchors_per_position) == (1, 6)
    assert geometry(1, sizes=(16.0, 32.0), every_level=True).anchor_sizes == ((16.0, 32.0),)


def test_several_levels_take_one_size_each_or_all():
    found = geometry(3, sizes=(16.0, 32.0, 64.0), ratios=(1.0, 2.0))
    assert found.anchor_sizes == ((16.0,), (32.0,), (64.0,)) and (found.levels, found.anchors_per_position) == (3, 2)
    found = geometry(3, sizes=(16.0, 32.0), ratios=(1.0, 2.0), every_level=True)
    assert found.anchor_sizes == ((16.0, 32.0),) * 3 and found.anchors_per_position == 4


def test_sizes_that_are_neither_are_one_line():
    with pytest.raises(InputError, match="^--anchor-sizes has 3 sizes for 2 levels; .*--anchors-on-every-level$"):
        geometry(2, sizes=(16.0, 32.0, 64.0))


def test_the_stride_rule_is_kept_and_used():
    found = Geometry.of([4.0, 8.0], [0.0, 0.0], LevelAnchorConfig((4.0, 8.0), (1.0,)), "quotient")
    assert found.stride_rule == "quotient"
    # a side of 4 * 5 = 20 has 3 cells of 20 // 3 = 6 pixels on the second level
    _, coarse = found.anchors([(5, 5), (3, 3)])
    np.testing.assert_allclose(coarse[1], [6 - 4, -4, 6 + 4, 4])
    _, coarse = dataclasses.replace(found, stride_rule="given").anchors([(5, 5), (3, 3)])
    np.testing.assert_allclose(coarse[1], [8 - 4, -4, 8 + 4, 4])


def test_anchors_by_hand():
    """Two levels of strides 8 and 16, sizes 8 and 16; ratio 4: half as wide and twice as high."""
    found = Geometry((8.0, 16.0), (4.0, 8.0), ((8.0,), (16.0,)), (1.0, 4.0)).anchors([(1, 2), (1, 1)])
    np.testing.assert_allclose(found[0], [[0, 0, 8, 8], [2, -4, 6, 12], [8, 0, 16, 8], [10, -4, 14, 12]], atol=1e-5)
    np.testing.assert_allclose(found[1], [[0, 0, 16, 16], [4, -8, 12, 24]], atol=1e-5)


def test_scales_are_counted_in_strides_on_every_level():
    """The size of a level is scale * stride (as in the FPN's notes: 8 * 8, 8 * 16, 8 * 32)."""
    found = geometry(3, scales=(8.0,), ratios=(0.5, 1.0, 2.0))
    assert found.anchor_unit == "stride" and found.anchor_sizes == ((8.0,),) * 3 and found.anchors_per_position == 3
    for (anchors), size in zip(found.anchors([(1, 1)] * 3), (64, 128, 256), strict=True):
        width, height = (anchors[:, 2:] - anchors[:, :2]).numpy().T
        np.testing.assert_allclose(width * height, size**2, rtol=1e-5)
        np.testing.assert_allclose(height / width, [0.5, 1, 2], rtol=1e-5)
    rounded = geometry(1, scales=(1.3,), ratios=(1.0,), rounded=True).anchors([(1, 1)])[0]
    assert rounded.numpy().tolist() == [[-1, -1, 9, 9]]  # half of 10.4 is 5.2: 5 to each side of 4


@pytest.mark.parametrize("centres, first", [("field", (4, 4)), ("tile", (4, 4)), ("corner", (0, 0))])
def test_centres_with_the_networks_own_stride(centres, first):
    found = Geometry((8.0,), (4.0,), ((4.0,),), (1.0,), anchor_centres=centres).anchors([(2, 3)])[0].numpy()
    for cell, anchor in enumerate(found):
        x, y = first[0] + 8 * (cell % 3), first[1] + 8 * (cell // 3)
        np.testing.assert_allclose(anchor, [x - 2, y - 2, x + 2, y + 2])


def test_a_tile_is_not_a_field():
    """InceptionResNetV2's last map: the first cell sees the image around 37.5, its tile of 32 has its middle at 16."""
    own = Geometry((32.0,), (37.5,), ((10.0,),), (1.0,))
    for centres, middle in (("field", 37.5), ("tile", 16.0), ("corner", 0.0)):
        first = dataclasses.replace(own, anchor_centres=centres).anchors([(9, 14)])[0][0]
        np.testing.assert_allclose(first, [middle - 5, middle - 5, middle + 5, middle + 5])


def post_anchors(image_height, image_width, rows, columns, scales, ratios):
    """The post's rules in a slow loop: tiles of side / cells pixels, anchors of scale^2 * its area in its middle."""
    height, width = image_height / rows, image_width / columns
    for y in range(rows):
        for x in range(columns):
            for ratio in ratios:
                for scale in scales:
                    area = (scale * height) * (scale * width)
                    w, h = math.sqrt(area / ratio), math.sqrt(area * ratio)
                    cx, cy = (x + 0.5) * width, (y + 0.5) * height
                    yield [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]


def test_the_keras_posts_anchors():
    found = Geometry((32.0,), (37.5,), ((3.0, 6.0, 12.0),), (0.5, 1.0, 2.0), stride_rule="fraction",
                     anchor_unit="stride", anchor_centres="tile")
    assert found.by_image and found.anchors_per_position == 9
    wanted = list(post_anchors(333, 500, 9, 14, (3, 6, 12), (0.5, 1, 2)))
    (anchors,) = found.anchors([(9, 14)], (333, 500))
    assert len(wanted) == 9 * 14 * 9 == 1134
    np.testing.assert_allclose(anchors, wanted, rtol=1e-5, atol=1e-3)
    # 37 x 35.714 pixels a tile: the second row, third column (point 16 of the post) has its middle at 89.286, 55.5
    np.testing.assert_allclose((anchors[16 * 9, :2] + anchors[16 * 9, 2:]) / 2, [2.5 * 500 / 14, 55.5], atol=1e-3)
    other = found.anchors([(5, 14)], (233, 500))[0]
    wanted_of_other = list(post_anchors(233, 500, 5, 14, (3, 6, 12), (0.5, 1, 2)))
    np.testing.assert_allclose(other, wanted_of_other, rtol=1e-5, atol=1e-3)

    @tf.function(input_signature=[tf.TensorSpec((1, 2), tf.int32), tf.TensorSpec((2,), tf.int32)])
    def graph(shapes, size):
        return found.anchors(tf.unstack(shapes, 1), size)[0]

    np.testing.assert_allclose(graph([(9, 14)], (333, 500)), wanted, rtol=1e-5, atol=1e-3)
    with pytest.raises(ValueError, match="needs the image's size"):
        found.anchors([(9, 14)])


def test_sizes_in_pixels_stay_as_they_are_whatever_the_stride():
    found = Geometry((32.0,), (37.5,), ((100.0,),), (1.0,), stride_rule="fraction", anchor_centres="corner")
    first, second = found.anchors([(9, 14)], (333, 500))[0][:2].numpy()
    np.testing.assert_allclose(first, [-50, -50, 50, 50])
    np.testing.assert_allclose(second, [500 / 14 - 50, -50, 500 / 14 + 50, 50], rtol=1e-6)


def test_settings_become_the_geometry():
    anchors = LevelAnchorConfig(ratios=(1.0,), scales=(3.0, 6.0), stride="fraction", centres="tile")
    found = Geometry.of([32.0], [37.5], anchors, anchors.stride)
    assert found == Geometry((32.0,), (37.5,), ((3.0, 6.0),), (1.0,), False, "fraction", "stride", "tile")
    assert options.from_dict(Geometry, json.loads(json.dumps(options.to_dict(found)))) == found


def test_what_came_later_is_written_where_it_is_used():
    plain = Geometry((8.0,), (4.0,), ((16.0,),), (1.0,))
    assert set(options.to_dict(plain)) == {"strides", "offsets", "anchor_sizes", "anchor_ratios", "anchor_rounded",
                                           "stride_rule"}
    assert options.to_dict(dataclasses.replace(plain, anchor_centres="tile"))["anchor_centres"] == "tile"


@pytest.mark.parametrize("change, message", [
    ({"anchor_unit": "cell"}, "anchor_unit must be one of pixel, stride. Received: cell"),
    ({"anchor_centres": "edge"}, "anchor_centres must be one of field, tile, corner. Received: edge"),
    ({"anchor_unit": "stride", "anchor_sizes": ((0.0,),)}, "anchor_sizes of a level must be .*each 0.01 to 1000")])
def test_what_makes_no_sense_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(Geometry((8.0,), (4.0,), ((16.0,),), (1.0,)), **change)
