"""The front door: `frcnn COMMAND`, or `python -m frcnn_keras COMMAND`."""

import difflib
import importlib
import sys

from frcnn_keras.errors import command
from frcnn_keras.runtime import VERSION

GROUPS = {
    "all of it": {
        "train": "from a folder of images with boxes to a detector, in one process",
    },
    "the stages": {
        "check": "lints a data set before any hour is spent on it",
        "prep": "runs the frozen backbone once over the images, draws the RPN's minibatches",
        "train-rpn": "trains the region proposal network, writes every image's proposals",
        "train-rcnn": "trains the Fast R-CNN head, saves the detector",
        "evaluate": "scores a run's detector on a data set: COCO and VOC average precision",
        "propose": "proposes regions in images with a run's RPN, draws the best, writes proposals.json",
        "predict": "detects objects in images, draws them, writes detections.json",
        "export": "writes a run's detector for TensorFlow Serving, as ONNX or as LiteRT",
    },
    "training the backbone too": {
        "finetune": "trains a run's detector further on images, backbone included",
        "joint": "trains a detector on images from an ImageNet backbone",
        "alternate": "the paper's 4-step alternating training, each step a process of its own",
    },
    "besides": {
        "import-torchvision": "makes a run folder of torchvision's COCO weights",
        "demo": "runs every stage on drawn shapes, without any download",
    },
}
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}


def usage() -> str:
    """What the program can do."""
    lines = [f"usage: {command('COMMAND ...')}   (COMMAND --help says more; --version)"]
    for title, commands in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {name:20}{text}" for name, text in commands.items())]
    return "\n".join(lines)


def main(argv=None) -> int:
    """Calls a command's module; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(usage())
        return 0 if argv else 2
    if argv[0] == "--version":
        print(f"frcnn_keras {VERSION}")
        return 0
    name = argv[0].replace("_", "-")
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
        print(f"frcnn: error: no command {argv[0]!r}; {hint}", file=sys.stderr)
        return 2
    return importlib.import_module(f"frcnn_keras.commands.{name.replace('-', '_')}").run(argv[1:])


if __name__ == "__main__":
    sys.exit(main())
