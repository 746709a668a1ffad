import pytest

from frcnn_keras.settings.arguments import in_arguments
from frcnn_keras.settings.image_trainers import JointConfig
from frcnn_keras.settings.stages import PrepConfig, RPNConfig


@pytest.mark.parametrize("message, settings, wanted", [
    ("--batch 3 images cannot be divided", RPNConfig, "config.fit.batch 3 images cannot be divided"),
    ("give --neck-channels 0 or another --out", PrepConfig, "give config.neck.channels 0 or another out"),
    ("another --run, or --fresh to start over", RPNConfig, "another run, or fresh to start over"),
    ("--positive-fraction", PrepConfig, "config.minibatches.positive_fraction"),
    ("--rpn RUN", RPNConfig, "config.start RUN"), ("--rpn RUN", None, "rpn RUN"),
    ("give a --backbone and --shorter", JointConfig, "give a config.backbone.name and config.images.shorter"),
    ("a-b -- c --d-e", None, "a-b -- c d_e"), ("--max-detections", None, "limit"),
    ("/data/my--prep: absent (--out)", None, "/data/my--prep: absent (out)"),
    ("x; make it with: python -m frcnn_keras prep ... --out x", PrepConfig,
     "x; make it with: python -m frcnn_keras prep ... --out x"),
    ("--epochs 0: run frcnn train-rpn --run x; or --rpn RUN", RPNConfig,
     "config.fit.epochs 0: run frcnn train-rpn --run x; or config.start RUN")])
def test_flags_become_arguments(message, settings, wanted):
    assert in_arguments(message, settings) == wanted
