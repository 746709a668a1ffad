"""python -m frcnn_keras COMMAND"""

import importlib
import sys

COMMANDS = {
    "check": "lints a data set before any hour is spent on it",
    "predict": "detects objects in images, draws them, writes detections.json",
    "import-torchvision": "makes a run folder of torchvision's COCO weights",
    "evaluate": "scores a run's detector on a data set: COCO and VOC average precision",
    "finetune": "trains a run's detector further on images, backbone included",
    "joint": "trains a detector on images from an ImageNet backbone",
    "alternate": "the paper's 4-step alternating training, each step a process of its own",
    "export": "writes a run's detector for TensorFlow Serving, as ONNX or as LiteRT",
    "demo": "runs every stage on drawn shapes, without any download",
}


def usage() -> str:
    """What the program can do."""
    lines = "\n".join(f"  {name:20}{text}" for name, text in COMMANDS.items())
    return ("usage: python -m frcnn_keras COMMAND ...   (COMMAND --help says more)\n\n"
            f"{lines}\n\nThe stages before: python -m data_prep, python train_rpn.py, python train_rcnn.py")


def main(argv=None) -> int:
    """Calls a command's module; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(usage())
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        print(f"frcnn_keras: error: no command {argv[0]!r}; there are {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    return importlib.import_module(f"frcnn_keras.commands.{argv[0].replace('-', '_')}").run(argv[1:])


if __name__ == "__main__":
    sys.exit(main())
