import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.serving.pixel_graph import fitting


@pytest.fixture(scope="module")
def functions():
    """By whether there must be one image, and whether the input's shape is told, as a signature tells it."""
    return {(one, told): tf.function(lambda pixels, one=one: fitting(pixels, "pixels", one)).get_concrete_function(
        tf.TensorSpec([1 if one else None, None, None, 3] if told else None, tf.uint8))
            for one in (False, True) for told in (False, True)}


@pytest.mark.parametrize("one", [False, True])
def test_what_fits_goes_through_unchanged(one, functions):
    image = np.random.default_rng(0).integers(0, 256, (1 if one else 3, 4, 5, 3), np.uint8)
    for told in (False, True):
        found = functions[one, told]
        assert found.structured_outputs.shape.as_list() == [1 if one else None, None, None, 3]
        np.testing.assert_array_equal(found(tf.constant(image)), image)


def test_a_batch_of_none_fits_where_any_number_does(functions):
    assert functions[False, False](tf.zeros((0, 4, 5, 3), tf.uint8)).shape == (0, 4, 5, 3)


@pytest.mark.parametrize("shape, words", [
    ((4, 5, 3), "put one of 1 in front"), ((4, 5), "four dimensions"), ((), "four dimensions"),
    ((1, 1, 4, 5, 3), "four dimensions"), ((1, 4, 5, 4), "drop the alpha channel"), ((1, 4, 5, 1), "three channels"),
    ((1, 3, 4, 5), "three channels"), ((1, 0, 5, 3), "no pixels"), ((1, 4, 0, 3), "no pixels")])
@pytest.mark.parametrize("one", [False, True])
def test_what_does_not_is_named(shape, words, one, functions):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        functions[one, False](tf.zeros(shape, tf.uint8))
    said = " ".join(map(str, shape))
    assert f"pixels is [{'1' if one else 'N'}, height, width, 3], and a shape of [{said}] was sent: " in str(
        caught.value) and words in str(caught.value)


def test_more_than_one(functions):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[2 4 5 3\] was sent: send one image a request"):
        functions[True, False](tf.zeros((2, 4, 5, 3), tf.uint8))
    assert functions[False, False](tf.zeros((2, 4, 5, 3), tf.uint8)).shape == (2, 4, 5, 3)
