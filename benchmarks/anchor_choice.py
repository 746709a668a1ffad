"""Whether anchor sizes chosen by the data pay: the stages with unlike anchors, on images of unlike sizes.

    python -m benchmarks.anchor_choice --voc DIR --backbone-weights FILE --shorter 300,424,600 --seeds 0,1
    python -m benchmarks.anchor_choice --shapes --backbone-weights FILE --shorter 80,240 --anchors default,23:32:45

Trains on --split (with --shapes: on drawn images of seed 0) as long as `train` would, without looking at any other
image, so the last epoch counts; scores --test-split, which has to be the validation images where a choice is made by
what is printed (with --shapes: images of seed 1). --zoom 2 trains and scores on a quarter of each image, so that
objects are twice as large in images of the same size; --zoom 0.5 on the image within a grey one of twice its sides.

--anchors, the sets to compare: default; suggested, what `check` suggests for the images trained on (auto takes them
where the default ones reach few); dense, half octaves from 32 to 512; or sizes, as 45:91:181; behind a / other ratios,
as suggested/1 or default/0.7:1:1.4. Reach is the share of objects of the images trained on whose best anchor has an
IoU of 0.5 or more, and of 0.7; small, medium and large are AP by COCO's areas (32 and 96 pixels a side, of the image as
it is stored).
"""

import argparse
import contextlib
import dataclasses
import io
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from benchmarks.inputs import prepare_quietly
from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.settings.detector import AnchorConfig, BackboneConfig, ImageConfig, LevelAnchorConfig
from frcnn_keras.settings.stages import MinibatchConfig, PrepConfig, RCNNConfig, StageHeadConfig

DENSE = tuple(round(32 * 2 ** (step / 2)) for step in range(9))
GREY = 118
STRIDE, OFFSET = 16.0, 15.5  # of MobileNetV2's map


def zoomed(dataset: Dataset, zoom: float) -> Dataset:
    """The data set with the middle of each image, 1 / zoom of its sides; grey where that is larger than the image."""
    return dataset if zoom == 1 else dataclasses.replace(
        dataset, examples=tuple(_zoomed(example, zoom) for example in dataset.examples))


def _zoomed(example: Example, zoom: float) -> Example:
    height, width = round(example.height / zoom), round(example.width / zoom)
    top, left = (example.height - height) // 2, (example.width - width) // 2
    moved = example.boxes - np.array([left, top] * 2, np.float32)
    cut = np.clip(moved, 0, [width, height] * 2).astype(np.float32)
    areas = [np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1) for boxes in (cut, moved)]
    kept = areas[0] >= areas[1] / 2  # an object that is cut by more than half is gone

    def read() -> bytes:
        image = cv2.imdecode(np.frombuffer(example.read(), np.uint8), cv2.IMREAD_COLOR)
        out = np.full((height, width, 3), GREY, np.uint8)
        y1, x1, y2, x2 = max(0, top), max(0, left), min(example.height, top + height), min(example.width, left + width)
        out[y1 - top:y2 - top, x1 - left:x2 - left] = image[y1:y2, x1:x2]
        return cv2.imencode(".png", out)[1].tobytes()

    parts = {name: getattr(example, name)[kept] for name in ("labels", "difficult", "crowd")}
    return dataclasses.replace(example, read=read, height=height, width=width, boxes=cut[kept], path=None, **parts)


def data(args) -> tuple[Dataset, Dataset]:
    """The images to train on and those to score."""
    from frcnn_keras.data.shapes import shapes_dataset
    from frcnn_keras.readers.validation import settle
    from frcnn_keras.readers.voc import read_voc

    if args.voc:
        train, test = (settle(read_voc(args.voc, split), True) for split in (args.split, args.test_split))
        train = dataclasses.replace(train, examples=train.examples[:args.max_images])
    else:
        train, test = shapes_dataset(args.max_images, 0), shapes_dataset(100, 1)
    return zoomed(train, args.zoom), zoomed(test, args.zoom)


def anchors_of(text: str, dataset: Dataset, shorter: int, longer: int) -> tuple[LevelAnchorConfig, list[float]]:
    """The anchors that a word of --anchors stands for, and their reach (share at IoU 0.5, at 0.7)."""
    from frcnn_keras.inspection.dataset_check import anchor_report, resized_objects

    name, _, given = text.partition("/")
    ratios = tuple(map(float, given.split(":"))) if given else AnchorConfig.ratios
    objects = resized_objects(dataset, shorter, longer)

    def report(sizes):
        return anchor_report(objects, dataset.class_names, sizes, ratios, STRIDE, OFFSET)

    known = {"default": AnchorConfig.sizes, "dense": DENSE}
    sizes = report(AnchorConfig.sizes)["suggested_sizes"] or AnchorConfig.sizes if name == "suggested" else \
        known.get(name) or tuple(map(float, name.split(":")))
    return LevelAnchorConfig(tuple(sizes), ratios), report(sizes)["reach"]["all"]


def trained(train: Dataset, test: Dataset, config: PrepConfig, head_width: int, seed: int) -> dict:
    """Metrics of a detector that is trained with these settings."""
    from frcnn_keras.pipeline.train import TrainConfig
    from frcnn_keras.runs.detector import load
    from frcnn_keras.runs.scoring import score
    from frcnn_keras.training.rcnn_stage import train_rcnn
    from frcnn_keras.training.rpn_stage import train_rpn

    with tempfile.TemporaryDirectory() as temporary, contextlib.redirect_stderr(io.StringIO()):
        prep = prepare_quietly(train, config, Path(temporary) / "prep")
        head = RCNNConfig(head=StageHeadConfig(width=head_width))
        rpn, rcnn, _ = TrainConfig(config, rcnn=head).stages(len(prep.feature_spans))
        rpn, rcnn = (dataclasses.replace(stage, fit=dataclasses.replace(stage.fit, seed=seed)) for stage in (rpn, rcnn))
        train_rpn(prep.path, Path(temporary) / "run", rpn)
        train_rcnn(prep.path, Path(temporary) / "run", rcnn)
        return score(load(Path(temporary) / "run"), test).metrics


def row(shorter: int, text: str, anchors: LevelAnchorConfig, reach: list[float], seed: int, metrics: dict) -> str:
    """A line of the table."""
    coco = metrics["coco"]
    by_size = " / ".join(f"{coco[name]:.3f}" for name in ("AP_small", "AP_medium", "AP_large"))
    classes = ", ".join(f"{name} {values['AP']:.3f}" for name, values in metrics["per_class"].items())
    sizes = ",".join(f"{size:g}" for size in anchors.sizes)
    return (f"| {shorter} | {text} | {sizes} | {reach[0]:.2f} / {reach[1]:.2f} | {seed} | "
            f"{coco['AP']:.3f} | {coco['AP50']:.3f} | {coco['AP75']:.3f} | {by_size} | {classes} |")


def main(argv=None) -> None:
    """Measures and prints a row for every size, set of anchors and seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anchor_choice", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--voc", metavar="DIR", help="Pascal VOC folder")
    source.add_argument("--shapes", action="store_true", help="drawn images, 320 x 240, of objects of 28 to 140 pixels")
    parser.add_argument("--split", default="train", help="images to train on (default train)")
    parser.add_argument("--test-split", default="val", help="images to score on (default val)")
    parser.add_argument("--max-images", type=int, default=120, help="images to train on at most (default 120)")
    parser.add_argument("--zoom", type=float, default=1.0, help="how much larger objects are made (default 1)")
    parser.add_argument("--backbone-weights", required=True, metavar="FILE", help="of MobileNetV2")
    parser.add_argument("--shorter", default="600", help="comma-separated (default 600)")
    parser.add_argument("--anchors", default="default,suggested", help="comma-separated (default default,suggested)")
    parser.add_argument("--best-anchor", action=argparse.BooleanOptionalAction, default=True, help="as prep's")
    parser.add_argument("--head-width", type=int, default=1024, help="of the head (default 1024)")
    parser.add_argument("--seeds", default="0", help="comma-separated (default 0)")
    args = parser.parse_args(argv)
    from frcnn_keras.runtime import start_tensorflow

    start_tensorflow()
    train, test = data(args)
    print("| shorter | anchors | sizes | reach .5 / .7 | seed | AP | AP50 | AP75 | AP small / medium / large | AP of "
          "each class |\n|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for shorter in map(int, args.shorter.split(",")):
        images = ImageConfig(shorter, max(1000, 2 * shorter))
        for seed in map(int, args.seeds.split(",")):
            for text in args.anchors.split(","):
                anchors, reach = anchors_of(text, train, images.shorter, images.longer)
                config = PrepConfig(BackboneConfig(weights=args.backbone_weights), images, anchors=anchors, seed=seed,
                                    minibatches=MinibatchConfig(best_anchor=args.best_anchor))
                begun = time.perf_counter()
                metrics = trained(train, test, config, args.head_width, seed)
                print(f"{row(shorter, text, anchors, reach, seed, metrics)} {time.perf_counter() - begun:.0f} s",
                      flush=True)


if __name__ == "__main__":
    main()
