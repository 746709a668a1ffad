import json

import pytest

from frcnn_keras.settings import image_trainers, options
from frcnn_keras.settings.image_trainers import AlternateConfig, FinetuneConfig, ImageFitConfig, JointConfig
from frcnn_keras.settings.learning import FitConfig
from frcnn_keras.settings.stages import CheckConfig, PrepConfig, RCNNConfig, RPNConfig

TRAINERS = (FinetuneConfig, JointConfig, AlternateConfig)


def flags_of(config_class):
    return [field.metadata["flag"] or field.name for _, field, _ in options.leaves(config_class)]


@pytest.mark.parametrize("config_class", [*TRAINERS, CheckConfig, PrepConfig, RPNConfig, RCNNConfig])
def test_each_setting_stands_once_and_says_what_it_is(config_class):
    flags = flags_of(config_class)
    assert sorted(set(flags)) == sorted(flags)
    assert all(field.metadata["help"] for _, field, _ in options.leaves(config_class))


@pytest.mark.parametrize("config_class", TRAINERS)
def test_json_both_ways(config_class):
    stored = json.loads(json.dumps(options.to_dict(config_class())))
    assert options.from_dict(config_class, stored) == config_class()


def test_a_flag_means_the_same_in_a_stage_and_in_a_trainer():
    """Of one name: the same field, and the same default but where the trainers' own records say otherwise."""
    stages = {flag: field for record in (PrepConfig, RPNConfig, RCNNConfig) for flag, (_, field, _) in
              zip(flags_of(record), options.leaves(record), strict=True)}
    own = {field.name for record in (image_trainers.ImageFitConfig, image_trainers.ImageProposalConfig)
           for field in record.__dataclass_fields__.values()}
    for flag, (_, field, hint) in zip(flags_of(JointConfig), options.leaves(JointConfig), strict=True):
        if flag in stages:
            assert field.name == stages[flag].name
            assert field.name in own or field.default == stages[flag].default, flag


def test_what_each_trainer_starts_with():
    """finetune: 3 epochs with a moving average; joint: from an ImageNet backbone, longer and without one."""
    assert FinetuneConfig().fit == ImageFitConfig(epochs=3, learning_rate=8e-4, ema=0.7)
    assert JointConfig().training.fit == ImageFitConfig(epochs=12, learning_rate=5e-4, ema=0.0)
    assert AlternateConfig().joint == JointConfig()


def test_float16_is_of_image_trainers_alone():
    choices = {record: {field.name: field.metadata["choices"] for _, field, _ in options.leaves(record)}["precision"]
               for record in (FitConfig, ImageFitConfig)}
    assert set(choices[ImageFitConfig]) - set(choices[FitConfig]) == {"float16"}
