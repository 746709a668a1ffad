"""One small cross-validation, for all tests that look at what it leaves."""

import pytest


@pytest.fixture(scope="session")
def small_stages():
    """(RPNConfig, RCNNConfig) that train in a second."""
    from frcnn_keras.settings import stages as configs
    from frcnn_keras.settings.learning import FitConfig, ScoredFitConfig

    rpn = configs.RPNConfig(FitConfig(epochs=2, warmup=2), channels=16, proposals=configs.ProposalConfig(after=60))
    rcnn = configs.RCNNConfig(ScoredFitConfig(epochs=6, warmup=2, learning_rate=5e-3, precision="float32"),
                              configs.StageHeadConfig(width=32, roi_size=3), configs.RegionSamplingConfig(32))
    return rpn, rcnn


@pytest.fixture(scope="session")
def crossed(tmp_path_factory, prep, small_stages):
    """(Split, RUN, results) of the six images in three folds. Not to be changed."""
    from frcnn_keras.crossval.cross_validation import cross_validate, split

    run = tmp_path_factory.mktemp("crossval") / "cv"
    images = split(prep, 3)
    return images, run, cross_validate(images, run, *small_stages)
