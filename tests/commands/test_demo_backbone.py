import keras
import numpy as np
import pytest

from frcnn_keras.commands.demo_backbone import network, pretrain
from frcnn_keras.models.backbones import load_backbone


def test_the_network_is_a_backbone(tmp_path):
    network().save(tmp_path / "a.keras")
    found = load_backbone(str(tmp_path / "a.keras"), None, ["features"], "tf")
    assert found.strides == (8,) and found.model(np.zeros((1, 64, 96, 3), np.float32)).shape == (1, 8, 12, 128)


@pytest.mark.slow
def test_pretraining_learns_and_leaves_the_network_alone(tmp_path):
    accuracy = pretrain(tmp_path / "a.keras", crops=64, seed=2, epochs=6)
    assert 0.3 < accuracy <= 1  # of five kinds, on the crops that it learns from
    model = keras.saving.load_model(tmp_path / "a.keras", compile=False)
    assert model.layers[-1].name == "features"
    assert np.any(model.get_layer("norm0").moving_mean)  # which starts at 0
