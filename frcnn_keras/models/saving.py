"""Saving Keras models so that equal models are equal files, and so that no half-written file is ever seen."""

import errno
import json
import os
import re
import shutil
import warnings
import zipfile
from pathlib import Path

import keras

from frcnn_keras.errors import InputError, one_line
from frcnn_keras.files import whole_file
from frcnn_keras.files.sealed import check_file, seal_file
from frcnn_keras.models.weight_bounds import check_weights_file

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file can hold


def save_model(model: keras.Model, path: str | Path) -> None:
    """Saves a whole model as `.keras`, without the date that Keras writes into it."""
    with whole_file(path) as undated:
        dated = undated.with_name(f"{undated.name}.keras")
        try:
            model.save(dated)
            with zipfile.ZipFile(dated) as old, zipfile.ZipFile(undated, "w") as new:
                for name in sorted(old.namelist()):
                    content = old.read(name)
                    if name == "metadata.json":
                        content = json.dumps({**json.loads(content), "date_saved": ""}).encode()
                    elif name == "config.json":
                        content = _renumbered(content)
                    new.writestr(zipfile.ZipInfo(name, _EPOCH), content)
        finally:
            dated.unlink(missing_ok=True)  # before the other has its name: what comes after a kill looks for that alone


def _renumbered(content: bytes) -> bytes:
    """Numbers shared objects in order of appearance: Keras names them by their address in memory."""
    numbers: dict[bytes, int] = {}

    def number(match):
        return match[1] + b"%d" % numbers.setdefault(match[2], len(numbers))

    return re.sub(rb'("shared_object_id": )(\d+)', number, content)


def save_weights(model: keras.Model, path: str | Path) -> None:
    """Saves a model's weights as `.weights.h5`.

    Raises OSError where the disk is full, before it is: HDF5 takes the process down when it runs out of space.
    """
    path = Path(path)
    needed = sum(weight.shape.num_elements() * 4 for weight in model.weights) + 2**16
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    with whole_file(path, ending=".weights.h5") as temporary:
        model.save_weights(temporary)
        seal_file(temporary)


def load_model(path: str | Path) -> keras.Model:
    """Loads a `.keras` file; InputError when it is absent, damaged or no such file."""
    try:
        check_weights_file(path)
        _check_members(Path(path))
        return keras.saving.load_model(path, compile=False)
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except Exception as error:  # whatever a file that is none makes zipfile, Keras and HDF5 stumble over
        reason = one_line(error)
        raise InputError(f"{path}: cannot be loaded as a Keras model ({reason})") from error


def _check_members(path: Path) -> None:
    """InputError where a member is not what its checksum says: Keras reads some of them without looking at it."""
    with zipfile.ZipFile(path) as file:
        damaged = file.testzip()
    if damaged:
        raise InputError(f"{path}: damaged (its part {damaged} is not what its checksum says); copy it again, or make "
                         "it anew")


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Loads weights into a built model; InputError when the file is absent, damaged or of another model."""
    try:
        check_file(path, "copy it again, or make it anew with --fresh")
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # where a part is absent in the file, Keras merely warns
            check_weights_file(path)
            model.load_weights(path)
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except Exception as error:  # whatever a file that is none makes Keras and HDF5 stumble over
        reason = one_line(error)
        raise InputError(f"{path}: cannot be loaded into this model ({reason})") from error
