import json

import pytest

from frcnn_keras.settings import options
from frcnn_keras.settings import stages as configs


@pytest.mark.parametrize("config", [
    configs.PrepConfig(), configs.RPNConfig(), configs.RCNNConfig(),
    configs.PrepConfig(backbone=configs.BackboneConfig("x.keras", "none", ("a", "b"), "tf"), mirror=False),
    configs.RPNConfig(fit=configs.FitConfig(drops=(), learning_rate=0.1))])
def test_dict_round_trip(config):
    stored = json.loads(json.dumps(options.to_dict(config)))
    assert options.from_dict(type(config), stored) == config


@pytest.mark.parametrize("config_class", [configs.PrepConfig, configs.RPNConfig, configs.RCNNConfig])
def test_every_setting_has_help(config_class):
    assert all(field.metadata["help"] for _, field, _ in options.leaves(config_class))
