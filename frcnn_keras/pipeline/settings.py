"""The settings of all stages together."""

import dataclasses

from frcnn_keras.data.wording import counted
from frcnn_keras.pipeline.lengths import Length, length_of
from frcnn_keras.settings.learning import FitConfig
from frcnn_keras.settings.ranges import EPOCHS, require
from frcnn_keras.settings.stages import PrepConfig, RCNNConfig, RPNConfig


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The settings of all stages. Epochs that are None follow from the number of images, see `lengths`."""

    prep: PrepConfig = PrepConfig()
    rpn: RPNConfig = RPNConfig()
    rcnn: RCNNConfig = RCNNConfig()
    rpn_epochs: int | None = None
    rcnn_epochs: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("rpn_epochs", 0), ("rcnn_epochs", 1)):
            if getattr(self, name) is not None:
                require(name, getattr(self, name), int, least=least, most=EPOCHS)

    def stages(self, images: int) -> tuple[RPNConfig, RCNNConfig, dict[str, Length]]:
        """The trainers' settings for so many images, mirror images counted, and why they train so long."""
        asked = {"rpn": self.rpn_epochs, "rcnn": self.rcnn_epochs}
        fits: dict[str, FitConfig] = {"rpn": self.rpn.fit, "rcnn": self.rcnn.fit}
        lengths = {name: length_of(name, fit.epochs, images, min(fit.batch, images)) if asked[name] is None
                   else Length(asked[name], f"{counted(asked[name], 'epoch')}, as asked") for name, fit in fits.items()}
        rpn, rcnn = (dataclasses.replace(config, fit=dataclasses.replace(config.fit, epochs=lengths[name].epochs))
                     for name, config in (("rpn", self.rpn), ("rcnn", self.rcnn)))
        return rpn, rcnn, lengths
