"""Out-of-fold detections in the files that `crossval` leaves, made plainly: a detector trained for each fold."""

import dataclasses
from pathlib import Path

from frcnn_keras.data.example import Dataset
from frcnn_keras.files import write_json

FILES = ("ground_truth.json", "detections.json")
CROPS, CROP_SEED, EPOCHS = 6000, 2, 8  # the demo's


def out_of_fold(dataset: Dataset, folder: Path, folds: int, settings) -> Path:
    """FOLDER/evaluation/ground_truth.json, FOLDER/evaluation/detections.json and FOLDER/folds.json, each image found by
    the detector that did not train on it; what is there is taken. Returns FOLDER.

    settings: of the stages, `for_shapes` or `for_photographs`.
    """
    if (folder / "folds.json").exists():
        return folder
    import frcnn_keras
    from frcnn_keras.evaluation import coco
    from frcnn_keras.runs.scoring import score

    found = {}
    for fold in range(folds):
        own = dataclasses.replace(dataset, examples=tuple(
            example for place, example in enumerate(dataset.examples) if place % folds != fold))
        other = dataclasses.replace(dataset, examples=dataset.examples[fold::folds])
        run = folder / "folds" / str(fold + 1)
        prep, rpn, rcnn = settings
        prepared = frcnn_keras.prepare(own, run / "prep", prep)
        frcnn_keras.train_rpn(prepared.path, run, rpn)
        frcnn_keras.train_rcnn(prepared.path, run, rcnn)
        found |= {example.id: (one, fold + 1) for example, one in
                  zip(other.examples, score(frcnn_keras.load(run), other).detections, strict=True)}
    examples = dataset.examples
    (folder / "evaluation").mkdir(exist_ok=True)
    truth = coco.coco_ground_truth(examples, dataset.name, dataset.class_names, dataset.category_ids)
    results = coco.coco_results(examples, [found[example.id][0] for example in examples], dataset.category_ids)
    for name, value in zip(FILES, (truth, results), strict=True):
        write_json(folder / "evaluation" / name, value)
    write_json(folder / "folds.json", [{"id": example.id, "image_id": image["id"], "fold": found[example.id][1]}
                                       for example, image in zip(examples, truth["images"], strict=True)])
    return folder


def for_photographs(weights: str):
    """The stages' settings with MobileNetV2 and its weights: their own."""
    from frcnn_keras.settings import stages

    backbone = stages.BackboneConfig(weights=str(Path(weights).resolve()))
    return stages.PrepConfig(backbone=backbone), stages.RPNConfig(), stages.RCNNConfig()


def for_shapes(folder: Path):
    """The same of the demo's sizes; its backbone is made in FOLDER where it is absent."""
    from frcnn_keras.commands.demo_backbone import pretrain
    from frcnn_keras.settings import stages

    backbone = folder / "backbone.keras"
    if not backbone.exists():
        pretrain(backbone, CROPS, CROP_SEED)
    prep = stages.PrepConfig(
        backbone=stages.BackboneConfig(str(backbone), "none", ("features",), "tf"),
        images=dataclasses.replace(stages.ImageConfig(), shorter=240),
        neck=dataclasses.replace(stages.NeckConfig(), channels=64),
        anchors=stages.LevelAnchorConfig((32.0, 64.0, 128.0), (0.5, 1.0, 2.0)),
        minibatches=dataclasses.replace(stages.MinibatchConfig(), draws=EPOCHS))
    rpn, rcnn = stages.RPNConfig(channels=256), stages.RCNNConfig()
    rcnn = dataclasses.replace(rcnn, head=dataclasses.replace(rcnn.head, width=512),
                               fit=dataclasses.replace(rcnn.fit, epochs=EPOCHS))
    return prep, dataclasses.replace(rpn, fit=dataclasses.replace(rpn.fit, epochs=EPOCHS)), rcnn
