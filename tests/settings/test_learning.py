import dataclasses
import inspect
import json

import pytest

from frcnn_keras.ops.losses import rcnn_losses, rpn_losses
from frcnn_keras.ops.sampling import sample
from frcnn_keras.ops.targets import anchor_targets, region_targets
from frcnn_keras.settings import learning, options
from frcnn_keras.settings.learning import (
    AnchorSamplingConfig,
    FitConfig,
    HeadLossConfig,
    RegionSamplingConfig,
    RPNLossConfig,
)

RECORDS = [record for record in vars(learning).values() if dataclasses.is_dataclass(record)]


def defaults(function):
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}


def test_defaults_are_those_of_the_functions_they_are_for():
    """A setting and the function that takes it do not say different things."""
    region = defaults(region_targets)
    assert vars(RegionSamplingConfig()) == {name: region[name] for name in vars(RegionSamplingConfig())}
    anchors, targets, drawn = AnchorSamplingConfig(), defaults(anchor_targets), defaults(sample)
    assert (anchors.positive, anchors.negative) == (targets["positive"], targets["negative"])
    assert (anchors.count, anchors.positive_fraction) == (drawn["count"], drawn["positive_fraction"])
    assert RPNLossConfig().beta == defaults(rpn_losses)["beta"]
    assert HeadLossConfig().beta == defaults(rcnn_losses)["beta"]


@pytest.mark.parametrize("record", RECORDS)
def test_every_setting_says_what_it_is_and_has_a_flag_of_its_own(record):
    leaves = list(options.leaves(record))
    flags = [field.metadata["flag"] or field.name for _, field, _ in leaves]
    assert all(field.metadata["help"] for _, field, _ in leaves) and len(set(flags)) == len(flags)


@pytest.mark.parametrize("record", RECORDS)
def test_json_both_ways(record):
    stored = json.loads(json.dumps(options.to_dict(record())))
    assert options.from_dict(record, stored) == record()


@pytest.mark.parametrize("record", RECORDS)
def test_a_default_is_one_of_its_choices(record):
    for _, field, _ in options.leaves(record):
        assert field.metadata["choices"] is None or field.default in field.metadata["choices"]


def test_settings_are_not_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FitConfig().epochs = 4
