"""One fold's training: all that a process needs to know for it."""

import dataclasses
from pathlib import Path

from frcnn_keras.data.prepared import Prepared, open_prepared
from frcnn_keras.settings.stages import RCNNConfig, RPNConfig
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.rcnn_stage import train_rcnn
from frcnn_keras.training.rpn_stage import train_rpn


@dataclasses.dataclass(frozen=True)
class FoldTraining:
    """Of the images that are not held out."""

    data: Path  # prep folder
    places: tuple[int, ...]  # of the images to train on, see data.prepared.Prepared.part
    run: Path  # the fold's
    rpn: RPNConfig
    rcnn: RCNNConfig

    def train(self, part: Prepared, distribution: Distribution = SINGLE) -> None:
        """Both stages, on those images of the open folder; goes on where they were stopped."""
        train_rpn(part, self.run, self.rpn, distribution=distribution)
        train_rcnn(part, self.run, self.rcnn, distribution=distribution)

    def train_alone(self) -> None:
        """The same in a process that has nothing open yet."""
        self.train(open_prepared(self.data).part(self.places))
