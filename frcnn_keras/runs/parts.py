"""Parts of a finished run that another run starts from: its feature extractor, its RPN, the trunk of its head."""

import json
import zipfile
from pathlib import Path

import numpy as np

from frcnn_keras.errors import InputError, command


def is_run(name: str) -> bool:
    """Whether a `--backbone` is a run folder."""
    return Path(name).is_dir()


def run_facts(run: str | Path) -> dict:
    """What a run's detector was made with, read without loading it: geometry, preparing, proposing, pooling, channels.

    Raises:
        InputError: there is no detector, or the file is damaged.
    """
    path = Path(run) / "detector.keras"
    if not path.exists():
        raise InputError(f"{run}: holds no detector.keras, so it cannot be a backbone; finish its training, or import "
                         f"one with: {command('import-torchvision')}")
    try:
        with zipfile.ZipFile(path) as file:
            found = json.loads(file.read("config.json"))["config"]
        facts = {name: found[name] for name in ("geometry", "preparing", "proposing", "pooling")}
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is no detector of this package ({error}); train or import the run anew") from error
    return facts


def default_settings(run: str | Path) -> dict:
    """data_prep's defaults where `--backbone` is this run, by flag: its sizes and anchors; the levels as they are."""
    facts = run_facts(run)
    geometry, preparing = facts["geometry"], facts["preparing"]
    levels, sizes = len(geometry["strides"]), geometry["anchor_sizes"]
    nested = isinstance(sizes[0], (list, tuple))
    every_level = levels > 1 and nested and len(sizes[0]) > 1
    if nested:
        sizes = sizes[0] if levels == 1 or every_level else [size for own in sizes for size in own]
    return {"shorter": preparing["shorter"], "longer": preparing["longer"], "anchor_sizes": tuple(map(float, sizes)),
            "anchor_ratios": tuple(map(float, geometry["anchor_ratios"])), "anchors_on_every_level": every_level,
            "anchors_rounded": bool(geometry.get("anchor_rounded", False)),
            # one level is compact already: the staged run's own neck, or what joint training made
            **({"neck_channels": 0} if levels == 1 else {})}


def load_detector(run: str | Path):
    """The models.detector.FasterRCNN of a run folder.

    Raises:
        InputError: there is none.
    """
    run_facts(run)
    from frcnn_keras.models.saving import load_model

    return load_model(Path(run) / "detector.keras")


def load_rpn(run: str | Path, geometry: dict, channels: int):
    """A run's RPN, for maps of `channels` channels and anchors of `geometry` (proposing.geometry_of).

    Raises:
        InputError: it was trained on other anchors or other maps.
    """
    own = run_facts(run)["geometry"]
    for name in geometry:
        ours, theirs = (np.ravel(_numbers(found.get(name))) for found in (geometry, own))
        if ours.shape != theirs.shape or not np.allclose(ours, theirs):
            raise InputError(f"--rpn {run}: its RPN was trained with {name} {own.get(name)}, these features have "
                             f"{geometry[name]}; prepare with --backbone {run} and without anchor flags")
    rpn = load_detector(run).rpn
    found = rpn.convolution.kernel.shape[2]
    if found != channels:
        raise InputError(f"--rpn {run}: its RPN takes maps of {found} channels, these have {channels}; prepare with "
                         f"--backbone {run} --neck-channels 0")
    return rpn


def load_head_trunk(run: str | Path, trunk) -> None:
    """Copies the weights of a run's head, its class and box layers left out, into `trunk`.

    Raises:
        InputError: the two are not of one shape.
    """
    theirs = load_detector(run).rcnn.trunk
    ours, own = ([tuple(weight.shape) for weight in found.weights] for found in (trunk, theirs))
    if ours != own:
        raise InputError(f"--head-weights {run}: its head has layers of shapes {own}, this one {ours}; prepare with "
                         f"--backbone {run} --neck-channels 0 and give the same --head, --head-width and --roi-size")
    trunk.set_weights(theirs.get_weights())


def _numbers(value) -> list:
    """A setting as numbers that can be compared; absent ones are what they were before they could be set."""
    if isinstance(value, str) or value is None:
        return [float(value == "quotient")]
    return np.asarray(value, np.float64)
