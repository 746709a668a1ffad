"""Where the report's pictures come from."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import InputError
from frcnn_keras.runs.evaluated import EvaluatedImage

Source = Callable[[EvaluatedImage], bytes]  # the encoded image; InputError where there is none


def of_nothing(picture: EvaluatedImage) -> bytes:
    """Where no images are given."""
    raise InputError("the pictures are not at hand; give --images DIR")


def of_folder(folder: Path) -> Source:
    """By their names below a folder.

    Raises:
        InputError: there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"--images {folder}: is no folder; give the folder that holds the images")

    def read(picture: EvaluatedImage) -> bytes:
        name = PurePosixPath(picture.file)
        if name.is_absolute() or ".." in name.parts:
            raise InputError(f"{picture.file}: is no name below {folder}")
        for path in (folder / name, folder / name.name):
            if path.is_file():
                return path.read_bytes()
        raise InputError(f"{folder / name}: not found")

    return read


def of_dataset(dataset: Dataset) -> Source:
    """By the images' ids, and where those are numbers by their files' names."""
    known = {str(example.id): example for example in dataset.examples}
    for example in dataset.examples:
        known.setdefault(Path(example.path).name, example)

    def read(picture: EvaluatedImage) -> bytes:
        example = known.get(picture.file) or known.get(str(picture.id)) or known.get(PurePosixPath(picture.file).name)
        if example is None:
            raise InputError(f"{picture.file}: is not in {dataset.name}")
        return example.read()

    return read


def decoder(source: Source) -> Callable[[EvaluatedImage], np.ndarray]:
    """(H, W, 3) uint8 RGB of a picture, upright."""
    def decoded(picture: EvaluatedImage) -> np.ndarray:
        encoded = source(picture)
        from frcnn_keras.data.decoding import decode  # starts TensorFlow: where there are pictures only

        return decode(encoded, picture.file).numpy()

    return decoded
