import dataclasses

import pytest

from frcnn_keras.settings import detector, options
from frcnn_keras.settings.detector import ProposalConfig, settled
from frcnn_keras.settings.image_trainers import ImageProposalConfig
from frcnn_keras.settings.learning import TrainingProposalConfig
from frcnn_keras.settings.stages import RPNConfig

RECORDS = [record for record in vars(detector).values() if dataclasses.is_dataclass(record)]


@pytest.mark.parametrize("record, one, several", [
    (ProposalConfig, 6000, 1000), (TrainingProposalConfig, 12000, 2000), (ImageProposalConfig, 6000, 2000)])
def test_numbers_in_place_of_0(record, one, several):
    """The paper's for one level, FPN's for pyramids; the rest as it was given."""
    given = record(after=77)
    assert settled(given, 1) == record(one, after=77)
    assert settled(given, 2) == settled(given, 5) == record(several, after=77)
    assert given.before == 0


@pytest.mark.parametrize("levels", [1, 3])
def test_a_number_that_was_given_stays(levels):
    given = ProposalConfig(123, 45, 0.6, 2.0)
    assert settled(given, levels) == given


@pytest.mark.parametrize("levels, before", [(1, (12000, 6000)), (4, (2000, 1000))])
def test_both_of_the_rpns_stage(levels, before):
    found = RPNConfig(channels=3).for_levels(levels)
    assert (found.training.before, found.proposals.before) == before and found.channels == 3


@pytest.mark.parametrize("record", RECORDS)
def test_every_setting_says_what_it_is(record):
    assert all(field.metadata["help"] for _, field, _ in options.leaves(record))


def test_all_records_are_looked_at():
    assert {record.__name__ for record in RECORDS} == {
        "BackboneConfig", "ImageConfig", "NeckConfig", "AnchorConfig", "LevelAnchorConfig", "ProposalConfig",
        "HeadConfig", "DetectionConfig", "RPNNetworkConfig", "DeepRPNNetworkConfig"}
