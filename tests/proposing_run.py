"""A run folder with an RPN and no head, as train-rpn leaves it; its weights are drawn, not trained."""

from pathlib import Path

import numpy as np

from frcnn_keras.models.saving import save_weights
from frcnn_keras.runs.proposer_parts import keep_parts
from frcnn_keras.training.rpn_stage import RPNSize, build_rpn


def make_run(folder: Path, prep, proposing, size=RPNSize(8), seed=0):
    """Makes the folder; returns its RPN."""
    rpn = build_rpn(prep, size)
    rng = np.random.default_rng(seed)
    rpn.set_weights([rng.normal(0, 0.1, weight.shape).astype(np.float32) for weight in rpn.weights])
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(rpn, folder / "rpn.weights.h5")
    keep_parts(folder, prep, rpn, proposing)
    return rpn
