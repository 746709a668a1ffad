"""Every image of a split through an exported SavedModel, in a process of its own, beside `predict`.

    python -m benchmarks.serving_parity --run work/run --saved-model work/serving/cells/1 --voc DIR --split test
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.inputs import Settings, dataset_of
from frcnn_keras.commands import command_line as cli
from frcnn_keras.runtime import start_tensorflow


def build_parser():
    """Flags of this program."""
    parser = cli.parser("serving_parity", __doc__.split("\n")[0], program="python -m benchmarks.serving_parity")
    parser.add_argument("--run", required=True, metavar="DIR", help="run whose detector predicts")
    parser.add_argument("--saved-model", required=True, metavar="DIR", help="an exported version of it")
    parser.add_argument("--voc", metavar="DIR", help="Pascal VOC folder (default: drawn images)")
    parser.add_argument("--split", metavar="NAME", help="which of --voc's ImageSets/Main/NAME.txt")
    parser.add_argument("--images", type=int, default=100000, metavar="N", help="the first N alone")
    return parser


def answers_of(folder: str | Path, images: list[bytes]) -> list[dict]:
    """Outputs of `image_bytes` for each image, from a process that does not import frcnn_keras."""
    with tempfile.TemporaryDirectory() as scratch:
        given, out = Path(scratch) / "images.npy", Path(scratch) / "answers.npz"
        np.save(given, np.array(images, object))
        program = Path(__file__).with_name("saved_model.py").resolve()
        subprocess.run([sys.executable, str(program), "answer", str(Path(folder).resolve()), str(given), str(out)],
                       check=True, cwd=scratch)
        with np.load(out, allow_pickle=True) as outputs:
            arrays = dict(outputs)
    return [{name: value[index] for name, value in arrays.items()} for index in range(len(images))]


def main(args) -> int:
    """Prints the largest differences; exit code 1 where they are not within the tolerance."""
    start_tensorflow()
    from frcnn_keras.runs.detector import load
    from frcnn_keras.serving.comparison import compare_all

    examples = dataset_of(Settings(voc=args.voc, split=args.split), args.images).examples
    images = [example.read() for example in examples]
    answers = answers_of(args.saved_model, images)
    found = compare_all("SavedModel", answers, load(args.run).predict(images),
                        [(one.height, one.width) for one in examples])
    print(f"{len(images)} images, {found}: {'as predict' if found.close else 'NOT as predict'}")
    return 0 if found.close else 1


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)


if __name__ == "__main__":
    sys.exit(run())
