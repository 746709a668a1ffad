"""The front door: `frcnn COMMAND`, or `python -m frcnn_keras COMMAND`."""

import importlib
import sys

from frcnn_keras.commands.other_words import command_meant
from frcnn_keras.errors import command
from frcnn_keras.runtime import VERSION

GROUPS = {  # in the order of work
    "all of it": {
        "train": "from a folder of images with boxes to a detector",
    },
    "its stages, in their order": {
        "check": "lints a data set before any hour is spent on it",
        "prep": "runs the frozen backbone once, draws the RPN's minibatches",
        "train-rpn": "trains the region proposal network, proposes regions",
        "train-rcnn": "trains the Fast R-CNN head, saves the detector",
    },
    "with a run": {
        "evaluate": "scores its detector: COCO and VOC average precision",
        "predict": "detects objects in images and draws them",
        "export": "for TensorFlow Serving, as ONNX or as LiteRT",
        "propose": "draws what its RPN alone proposes in images",
        "thresholds": "chooses each class's score, by F1 or by precision",
        "audit": "ranks what is probably wrong in its data set's labels",
    },
    "how good it is": {
        "crossval": "trains once for every fold of the images, held out",
        "report": "one HTML file: scores, curves, what goes wrong, pictures",
    },
    "the backbone too": {
        "finetune": "trains a run's detector further on images",
        "joint": "trains a detector on images from an ImageNet backbone",
        "alternate": "the paper's 4-step alternating training",
    },
    "besides": {
        "import-torchvision": "makes a run of torchvision's COCO weights",
        "demo": "runs every stage on drawn shapes, without any download",
    },
}
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}


def usage() -> str:
    """What the program can do."""
    lines = [f"usage: {command('COMMAND ...')}"]
    for title, commands in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {name:20}{text}" for name, text in commands.items())]
    return "\n".join([*lines, "", "COMMAND --help shows what many change, COMMAND --help-all every flag; --version"])


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
        near = command_meant(name, COMMANDS)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(COMMANDS)}"
        print(f"frcnn: error: no command {argv[0]!r}; {hint}", file=sys.stderr)
        return 2
    return importlib.import_module(f"frcnn_keras.commands.{name.replace('-', '_')}").run(argv[1:])


if __name__ == "__main__":
    sys.exit(main())
