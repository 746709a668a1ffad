import numpy as np
import pytest

from frcnn_keras.models.projection import ProjectedExtractor, project
from frcnn_keras.models.saving import load_model, save_model
from tests.detectors import TwoLevels


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    return TwoLevels(), rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)


def test_every_level_is_projected_alike(parts):
    extractor, kernel, bias = parts
    image = np.random.default_rng(1).uniform(-1, 1, (2, 32, 48, 3)).astype(np.float32)
    made = project(*parts)
    levels = made(image)
    for level, projected in zip(extractor(image), levels, strict=True):
        assert projected.shape == (*level.shape[:3], 3)
        np.testing.assert_allclose(projected, level.numpy() @ kernel + bias, rtol=1e-4, atol=1e-5)
    assert made.compute_output_shape((2, 32, 48, 3)) == tuple(tuple(level.shape) for level in levels)
    assert not made.trainable_weights


def test_without_a_projection_it_is_the_extractor_itself(parts):
    assert project(parts[0]) is parts[0]


def test_saved_and_loaded_it_is_the_same(parts, tmp_path):
    made = project(*parts)
    save_model(made, tmp_path / "extractor.keras")
    loaded = load_model(tmp_path / "extractor.keras")
    assert isinstance(loaded, ProjectedExtractor)
    image = np.ones((1, 16, 16, 3), np.float32)
    for one, other in zip(made(image), loaded(image), strict=True):
        np.testing.assert_array_equal(one, other)
