"""Where the report's pictures come from."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import google_crc32c
import numpy as np

from frcnn_keras.data import originals
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.originals import Original
from frcnn_keras.errors import InputError
from frcnn_keras.runs.evaluated import EvaluatedImage

Source = Callable[[EvaluatedImage], bytes]  # the encoded image; InputError where there is none


def of_nothing(picture: EvaluatedImage) -> bytes:
    """Where no images are given."""
    raise InputError("the pictures are not at hand; give --images DIR")


def recorded_in(prep: Path) -> tuple[Original, ...]:
    """What a prep folder recorded of its pictures; nothing where it is gone."""
    return originals.read_originals(prep / originals.NAME)


def of_prep(recorded: Sequence[Original]) -> Source:
    """The files that `prep` read, where they still are."""
    known = {original.id: original for original in recorded}

    def read(picture: EvaluatedImage) -> bytes:
        original = _own(known, picture)
        if original is None or not original.path:
            raise InputError(f"{picture.file}: prep did not record where it is; give --images DIR")
        encoded = read_file(original.path)
        if google_crc32c.value(encoded) != original.content:
            raise InputError(f"{original.path}: has changed since prep read it")
        return encoded

    return read


def of_folder(folder: Path, recorded: Sequence[Original] = ()) -> Source:
    """By their names below a folder; else by their content.

    recorded: what `prep` knows of the pictures, for names that are none (a number of COCO's).

    Raises:
        InputError: there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"--images {folder}: is no folder; give the folder that holds the images")
    known = {original.id: original for original in recorded}
    of_size: dict[int, list[Path]] = defaultdict(list)  # filled when a name is looked for in vain

    def read(picture: EvaluatedImage) -> bytes:
        name = PurePosixPath(picture.file)
        if name.is_absolute() or ".." in name.parts:
            raise InputError(f"{picture.file}: is no name below {folder}")
        for path in (folder / name, folder / name.name):
            if path.is_file():
                return path.read_bytes()
        original = _own(known, picture)
        if original is not None:
            if not of_size:
                _list(folder, of_size)
            for path in of_size[original.size]:
                encoded = read_file(path)
                if google_crc32c.value(encoded) == original.content:
                    return encoded
        raise InputError(f"{folder / name}: not found")

    return read


def _list(folder: Path, of_size: dict[int, list[Path]]) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            of_size[path.stat().st_size].append(path)


def _own(known: dict[str, Original], picture: EvaluatedImage) -> Original | None:
    return known.get(picture.file) or known.get(str(picture.id))


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
