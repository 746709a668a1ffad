"""Fine-tuning: a finished run's detector, trained further on images with all four losses (arXiv 1506.01497, 3.2)."""

import dataclasses
from pathlib import Path

from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import InputError
from frcnn_keras.runs import folder as run_folder
from frcnn_keras.runs.detector import load
from frcnn_keras.settings import image_trainers as joint_config
from frcnn_keras.settings import options
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.image_trainer import JointTraining, files_of, settled_precision


def finetune(run: str | Path, dataset: Dataset, out: str | Path, config: joint_config.FinetuneConfig | None = None, *,
             validation: Dataset | None = None, fresh: bool = False, distribution: Distribution = SINGLE) -> dict:
    """Trains RUN's detector further on a settled data set of its classes; returns the last epoch's numbers.

    Writes into `out`: finetune.json (settings), finetune_log.csv, finetune_curves.png, finetune_metrics.json and
    detector.keras, with `validation` that of the epoch of the best AP. A second call with the same settings goes on
    where the first ended. distribution: the devices; they divide each step's images.

    Raises:
        InputError: RUN holds no detector; other classes; OUT is RUN, or has other settings; an image is bad.
        FloatingPointError: the loss became NaN or infinite.
    """
    config, out = config or joint_config.FinetuneConfig(), Path(out)
    if out.resolve() == Path(run).resolve():
        raise InputError(f"--out {out}: is the run itself; give another folder")
    with distribution.scope():
        detector = load(run).model
    for found in filter(None, (dataset, validation)):
        if found.class_names != detector.class_names:
            raise InputError(f"{found.name}: has the classes {', '.join(found.class_names)}, the detector "
                             f"{', '.join(detector.class_names)}")
    precision, _ = settled_precision(detector, config.fit.precision)
    settled = dataclasses.replace(config, fit=dataclasses.replace(config.fit, precision=precision))
    request = {"config": options.to_dict(settled), "detector": run_folder.weights_fingerprint(detector),
               "data": run_folder.dataset_facts(dataset), "val": run_folder.dataset_facts(validation)}
    distribution.on_chief(lambda: run_folder.begin(out, "finetune", request, files_of("finetune"), fresh))
    return JointTraining("finetune", detector, dataset, validation, out, config, distribution=distribution).run()
