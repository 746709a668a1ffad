import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.errors import InputError
from frcnn_keras.models.align import AlignLayers


def positions(size, stride, offset, batch=1):
    """A map (batch, *size, 2) whose values are its cells' centres y, x in pixels."""
    rows, columns = (offset + stride * np.arange(length) for length in size)
    return np.tile(np.stack(np.meshgrid(rows, columns, indexing="ij"), -1)[None], (batch, 1, 1, 1)).astype(np.float32)


def test_a_single_map_stays_as_it_is():
    map_ = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32)
    np.testing.assert_array_equal(AlignLayers([16], [8.0])([map_]), map_)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    block=st.integers(2, 4), shift=st.integers(-20, 20), fine=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    coarse=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)  # fmt: skip
def test_finer_maps_equal_a_loop(block, shift, fine, coarse):
    stride, offset = 4, 2.5
    last_stride, last_offset = stride * block, offset + shift / 2
    rng = np.random.default_rng(shift + 100)
    maps = [rng.normal(size=(2, *fine, 3)).astype(np.float32), rng.normal(size=(2, *coarse, 2)).astype(np.float32)]
    result = AlignLayers([stride, last_stride], [offset, last_offset])(maps).numpy()
    assert result.shape == (2, *coarse, 3 * block * block + 2)

    centre = (block - 1) / 2  # of a block, in fine cells
    distance = {first: abs(offset + stride * (first + centre) - last_offset) for first in range(-40, 40)}
    nearest = min(distance, key=distance.get)  # of equals the first
    assert distance[nearest] <= stride / 2
    for row in range(coarse[0]):
        for column in range(coarse[1]):
            cells = [
                maps[0][:, y, x] if 0 <= y < fine[0] and 0 <= x < fine[1] else np.zeros((2, 3), np.float32)
                for y in range(nearest + row * block, nearest + row * block + block)
                for x in range(nearest + column * block, nearest + column * block + block)
            ]
            np.testing.assert_array_equal(result[:, row, column, :-2], np.concatenate(cells, axis=1))
    np.testing.assert_array_equal(result[..., -2:], maps[1])


@pytest.mark.parametrize(("stride", "offset"), [(32, 31.5), (16, 8.0), (24, 3.0), (12, 1.0)])
def test_other_maps_are_interpolated_at_the_last_maps_centres(stride, offset):
    size, own = (9, 12), (40, 50)
    source, last = positions(own, stride, offset), positions(size, 16, 15.5)
    result = AlignLayers([stride, 16], [offset, 15.5])([source, last]).numpy()
    # a map of its own positions gives, interpolated, the asked positions; outside its centres the border's
    end = offset + stride * (np.array(own) - 1)
    np.testing.assert_allclose(result[..., :2], np.clip(last, offset, end), atol=1e-4)
    np.testing.assert_array_equal(result[..., 2:], last)


def test_the_real_pair_of_mobilenet_v2():
    fine, coarse = positions((75, 125), 8, 7.5), positions((37, 62), 16, 15.5)
    result = AlignLayers([8, 16], [7.5, 15.5])([fine, coarse]).numpy()
    assert result.shape == (1, 37, 62, 10)
    centre = result[..., :8].reshape(1, 37, 62, 4, 2).mean(axis=3)
    np.testing.assert_allclose(np.abs(centre - coarse), 4)  # two cells of 8 cannot be centred nearer than half of one


def test_unknown_sizes_in_a_graph_and_a_saved_model(tmp_path):
    inputs = [keras.Input((None, None, 3)), keras.Input((None, None, 2))]
    model = keras.Model(inputs, AlignLayers([8, 16], [7.5, 15.5])(inputs))
    assert model.output.shape == (None, None, None, 14)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    rng = np.random.default_rng(1)
    for height, width in [(4, 5), (3, 3)]:
        maps = [
            rng.normal(size=(1, 2 * height + 1, 2 * width, 3)).astype(np.float32),
            rng.normal(size=(1, height, width, 2)).astype(np.float32),
        ]
        np.testing.assert_array_equal(tf.function(loaded)(maps), AlignLayers([8, 16], [7.5, 15.5])(maps))


def test_each_map_needs_its_stride_and_offset():
    with pytest.raises(InputError, match="stride and an offset"):
        AlignLayers([8, 16], [7.5])
