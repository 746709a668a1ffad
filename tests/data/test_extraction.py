import dataclasses

import numpy as np
import pytest

from frcnn_keras.data.extraction import FIT_ROWS, fit_neck, fit_rows, image_maps, map_function
from frcnn_keras.errors import InputError
from frcnn_keras.models.backbones import load_backbone
from frcnn_keras.models.neck import NeckFit, extractor
from frcnn_keras.models.settings import Preparing
from frcnn_keras.ops.images import decode_image, normalise, pad, resize

PREPARING = Preparing(96, 160, "tf", 8)


def test_maps_are_the_extractors_of_the_prepared_image(shapes, tiny_backbone):
    backbone = load_backbone(str(tiny_backbone), None, ["features"], "tf")
    model, example = extractor(backbone), shapes.examples[0]
    image = resize(decode_image(example.read()), 60, 78)
    for mirror in (False, True):
        expected = model(pad(normalise(image[:, ::-1] if mirror else image, "tf"), 8)[None])[0][0]
        found, = image_maps(map_function(model, PREPARING), example, (60, 78), mirror)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_image_that_cannot_be_decoded(shapes, tiny_backbone):
    function = map_function(extractor(load_backbone(str(tiny_backbone), None, ["features"], "tf")), PREPARING)
    broken = dataclasses.replace(shapes.examples[0], read=lambda: b"no image", file="there/bad.png")
    with pytest.raises(InputError, match="^there/bad.png: "):
        image_maps(function, broken, (60, 80))


def test_rows_are_spread_evenly_over_all_levels():
    levels = [np.arange(24).reshape(4, 6, 1), np.arange(100, 106).reshape(2, 3, 1)]
    # 5 of each level
    assert fit_rows(levels, 10).ravel().tolist() == [0, 4, 8, 12, 16, 20, 100, 101, 102, 103, 104, 105]
    assert fit_rows(levels[:1], 10).ravel().tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22]
    assert len(fit_rows(levels, 1000)) == 30


def test_the_neck_is_fitted_on_a_spread_sample_in_order():
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(5, 7, 6)).astype(np.float32) for _ in range(10)]
    asked = []

    def maps_of(number):
        asked.append(number)
        return None if number == 4 else (maps[number],)  # 4: left out

    kernel, bias = fit_neck(range(10), maps_of, 3, 5, workers=1)
    assert asked == [0, 2, 4, 6, 8]
    by_hand = NeckFit()
    for number in (0, 2, 6, 8):
        by_hand.add(fit_rows((maps[number],), FIT_ROWS))
    expected = by_hand.solve(3)
    np.testing.assert_array_equal(kernel, expected[0])
    np.testing.assert_array_equal(bias, expected[1])


def test_more_components_than_channels_are_all_there_are():
    rng = np.random.default_rng(0)
    kernel, _ = fit_neck(range(2), lambda _: (rng.normal(size=(5, 7, 6)).astype(np.float32),), 99, 2, workers=1)
    assert kernel.shape == (6, 6)


def test_no_image_left():
    with pytest.raises(InputError, match="none of the images"):
        fit_neck(range(3), lambda _: None, 2, 3, workers=1)
