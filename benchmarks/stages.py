"""All stages by their commands, start-up included, against bare backbone passes over the same images.

    python -m benchmarks.stages --voc DIR --backbone-weights FILE [--seeds 0,1,2]

Trains on --split; scores on --test-split once, at the end: no epoch is chosen there. Every stage is a process of its
own, as a user runs it. The bare pass is the trunk alone on images in memory, resized and normalised: one at a time with
TensorFlow's default threads, measured before, between and after the stages on a sample, scaled to all images that train
(mirror images counted).
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.arguments import training_parser

BARE = """
import sys, time
from frcnn_keras.runtime import start_tensorflow
start_tensorflow()
import tensorflow as tf
from frcnn_keras.readers.voc import read_voc
from frcnn_keras.models.backbones import load_backbone
from frcnn_keras.ops import images
root, split, name, weights, count = sys.argv[1:]
trunk = load_backbone(name, weights).model
call = tf.function(lambda image: trunk(image, training=False))
examples = read_voc(root, split).examples[:int(count)]
def ready(example):
    size = images.resized_size(example.height, example.width, 600, 1000)
    return images.pad(images.normalise(images.resize(images.decode_image(example.read()), *size), "tf"), 16)[None]
prepared = [ready(example) for example in examples]
call(prepared[0])
begun = time.perf_counter()
for image in prepared:
    tf.nest.flatten(call(image))[-1].numpy()
print((time.perf_counter() - begun) / len(prepared))
"""


def run(*command) -> tuple[float, str]:
    """Runs a command; seconds and stdout."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - begun, done.stdout


def stages(args, seed: int, folder: Path) -> tuple[dict[str, float], dict]:
    """Seconds of every stage, and the metrics."""
    train, out = folder / "train", folder / "run"
    folders = ["--data", train, "--run", out, "--seed", seed]
    backbone = ["--backbone", args.backbone, "--backbone-weights", args.backbone_weights, "--seed", seed]
    source = ["--voc", args.voc, "--split"]
    seconds = {
        "data_prep": run("-m", "data_prep", *source, args.split, *backbone, "--out", train)[0],
        "train_rpn": run("-m", "train_rpn", *folders)[0],
        "train_rcnn": run("-m", "train_rcnn", *folders)[0],
    }
    _, printed = run("-m", "frcnn_keras", "evaluate", "--run", out, *source, args.test_split, "--json")
    return seconds, json.loads(printed)


def main(argv=None) -> None:
    """Measures and prints one line a seed."""
    parser = training_parser("stages", __doc__)
    args = parser.parse_args(argv)
    passes = 2 * len((Path(args.voc) / f"ImageSets/Main/{args.split}.txt").read_text().split())

    def bare() -> float:
        return float(run("-c", BARE, args.voc, args.split, args.backbone, args.backbone_weights, 60)[1])

    each = [bare()]
    results = []
    for seed in map(int, args.seeds.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            results.append((seed, *stages(args, seed, Path(folder))))
        each.append(bare())
    one = statistics.median(each)
    print(f"bare backbone: {', '.join(f'{1e3 * value:.1f}' for value in each)} ms an image; "
          f"{passes} images: {one * passes:.1f} s")
    for seed, seconds, metrics in results:
        total = sum(seconds.values())
        classes = "  ".join(f"{name} {values['AP']:.3f}/{values['AP50']:.3f}"
                            for name, values in metrics["per_class"].items())
        print(f"seed {seed}: AP {metrics['coco']['AP']:.3f}  AP50 {metrics['coco']['AP50']:.3f}  AP75 "
              f"{metrics['coco']['AP75']:.3f}  VOC07 {metrics['voc07']['mAP']:.3f}  ({classes})")
        shares = "  ".join(f"{name} {value:.1f}" for name, value in seconds.items())
        print(f"  {shares}  together {total:.1f} s = {total / (one * passes):.2f} bare passes; "
              f"{metrics['seconds_per_image']:.3f} s an image predicted")


if __name__ == "__main__":
    main()
