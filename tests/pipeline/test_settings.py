import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.pipeline.settings import TrainConfig


def test_epochs_follow_from_the_images():
    rpn, rcnn, lengths = TrainConfig().stages(80)
    assert (rpn.fit.epochs, rcnn.fit.epochs) == (16, 16) and lengths["rpn"].epochs == 16
    rpn, rcnn, lengths = TrainConfig(rpn_epochs=1).stages(80)
    assert (rpn.fit.epochs, rcnn.fit.epochs) == (1, 16) and lengths["rpn"].reason == "1 epoch, as asked"


@pytest.mark.parametrize("settings, line", [
    ({"rcnn_epochs": 0}, "rcnn_epochs must be 1"), ({"rpn_epochs": 2.5}, "rpn_epochs must be 0 to 100000"),
    ({"rpn_epochs": -1}, "rpn_epochs must be 0")])
def test_what_no_epochs_are(settings, line):
    with pytest.raises(InputError, match=line):
        TrainConfig(**settings)
