"""Fine-tuning: a finished run's detector, trained further on images with all four losses (arXiv 1506.01497, 3.2)."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras

from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import InputError
from frcnn_keras.runs.detector import load
from frcnn_keras.runs.folder import DatasetFacts, weights_fingerprint
from frcnn_keras.settings.image_trainers import FinetuneConfig
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.image_trainer import ImageTrainer
from frcnn_keras.training.loop import History


@dataclasses.dataclass(frozen=True)
class FinetuneRequest:
    """What OUT/finetune.json says."""

    config: FinetuneConfig
    detector: str  # fingerprint of the weights it starts from
    data: DatasetFacts
    val: DatasetFacts | None


def finetune(run: str | Path, dataset: Dataset, out: str | Path, config: FinetuneConfig | None = None, *,
             validation: Dataset | None = None, fresh: bool = False, distribution: Distribution = SINGLE,
             callbacks: Sequence[keras.callbacks.Callback] = ()) -> History:
    """Trains RUN's detector further on a settled data set of its classes; returns the numbers of every epoch.

    Writes into `out`: finetune.json (settings), finetune_log.csv, finetune_curves.png, finetune_metrics.json and
    detector.keras, with `validation` that of the epoch of the best AP. A second call with the same settings goes on
    where the first ended. distribution: the devices; they divide each step's images. callbacks: of Keras.

    Raises:
        InputError: RUN holds no detector; other classes; OUT is RUN, or has other settings; an image is bad.
        FloatingPointError: the loss became NaN or infinite.
    """
    config, out = config or FinetuneConfig(), Path(out)
    if out.resolve() == Path(run).resolve():
        raise InputError(f"--out {out}: is the run itself; give another folder")
    with distribution.scope():
        detector = load(run).model
    for images in filter(None, (dataset, validation)):
        if images.class_names != detector.class_names:
            raise InputError(f"{images.name}: has the classes {', '.join(images.class_names)}, the detector "
                             f"{', '.join(detector.class_names)}")
    trainer = ImageTrainer("finetune", detector, dataset, validation, out, config, distribution=distribution,
                           callbacks=callbacks)
    request = FinetuneRequest(dataclasses.replace(config, fit=trainer.fit), weights_fingerprint(detector),
                              DatasetFacts.of(dataset), DatasetFacts.of(validation))
    return trainer.train(request, fresh)
