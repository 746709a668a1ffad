"""Parts of a finished run that another run starts from: its feature extractor, its RPN, the trunk of its head."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from frcnn_keras.errors import InputError, command, one_line
from frcnn_keras.models.settings import DetectorSettings, Geometry
from frcnn_keras.models.weight_bounds import Archive


def is_run(name: str) -> bool:
    """Whether a `--backbone` is a run folder."""
    return Path(name).is_dir()


def run_settings(run: str | Path) -> DetectorSettings:
    """What a run's detector was made with, read without loading its weights.

    Raises:
        InputError: there is no detector, or the file is damaged or of another format.
    """
    from frcnn_keras.models.detector import settings_of

    path = Path(run) / "detector.keras"
    if not path.exists():
        raise InputError(f"{run}: holds no detector.keras, so it cannot be a backbone; finish its training, or import "
                         f"one with: {command('import-torchvision')}")
    try:
        return settings_of(_config(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _config(path: Path) -> dict:
    """What a detector's `get_config` gave, from its file."""
    try:
        with path.open("rb") as file:
            return dict(json.loads(Archive(file, path.stat().st_size).read("config.json"))["config"])
    except Exception as error:  # a damaged file makes zipfile and json fail in every way
        raise InputError(f"{path}: is no detector of this package ({one_line(error)}); train or import the run anew"
                         ) from error


def default_settings(run: str | Path) -> dict:
    """`prep`'s defaults where `--backbone` is this run, by flag: its sizes and anchors; the levels as they are."""
    settings = run_settings(run)
    geometry, preparing = settings.geometry, settings.preparing
    every_level = geometry.levels > 1 and len(geometry.anchor_sizes[0]) > 1
    spread = geometry.anchor_sizes[:1] if geometry.levels == 1 or every_level else geometry.anchor_sizes
    return {"shorter": preparing.shorter, "longer": preparing.longer,
            **_anchor_sizes(geometry, tuple(float(size) for sizes in spread for size in sizes)),
            "anchor_ratios": tuple(map(float, geometry.anchor_ratios)), "anchors_on_every_level": every_level,
            "anchors_rounded": geometry.anchor_rounded,
            **({"anchor_stride": geometry.stride_rule} if geometry.by_image else {}),
            **({"anchor_centres": geometry.anchor_centres} if geometry.anchor_centres != "field" else {}),
            # one level is compact already: the staged run's own neck, or what joint training made
            **({"neck_channels": 0} if geometry.levels == 1 else {})}


def _anchor_sizes(geometry: Geometry, sizes: tuple[float, ...]) -> dict:
    """The flags of a run's anchor sizes; scales, counted in strides, are those of every level."""
    return {"anchor_sizes": sizes} if geometry.anchor_unit == "pixel" else \
        {"anchor_scales": tuple(map(float, geometry.anchor_sizes[0]))}


def load_detector(run: str | Path):
    """The models.detector.FasterRCNN of a run folder.

    Raises:
        InputError: there is none.
    """
    run_settings(run)
    from frcnn_keras.models.saving import load_model

    return load_model(Path(run) / "detector.keras")


def load_rpn(run: str | Path, geometry: Geometry, channels: int):
    """A run's RPN, for maps of `channels` channels and anchors of `geometry` (data.prepared.Prepared.geometry).

    Raises:
        InputError: it was trained on other anchors or other maps.
    """
    rpn_geometry = run_settings(run).geometry
    for field in dataclasses.fields(Geometry):
        ours, theirs = getattr(geometry, field.name), getattr(rpn_geometry, field.name)
        if not _same(ours, theirs):
            raise InputError(f"--rpn {run}: its RPN was trained with {field.name} {theirs}, these features have "
                             f"{ours}; prepare with --backbone {run} and without anchor flags")
    rpn = load_detector(run).rpn
    rpn_channels = rpn.convolution.kernel.shape[2]
    if rpn_channels != channels:
        raise InputError(f"--rpn {run}: its RPN takes maps of {rpn_channels} channels, these have {channels}; prepare "
                         f"with --backbone {run} --neck-channels 0")
    return rpn


def _same(ours, theirs) -> bool:
    """Whether two settings are the same but for the last digits of numbers."""
    if isinstance(ours, str):
        return ours == theirs
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    return ours.shape == theirs.shape and np.allclose(ours, theirs)


def load_head_trunk(run: str | Path, trunk) -> None:
    """Copies the weights of a run's head, its class and box layers left out, into `trunk`.

    Raises:
        InputError: the two are not of one shape.
    """
    run_trunk = load_detector(run).rcnn.trunk
    shapes, run_shapes = ([tuple(weight.shape) for weight in part.weights] for part in (trunk, run_trunk))
    if shapes != run_shapes:
        raise InputError(f"--head-weights {run}: its head has layers of shapes {run_shapes}, this one {shapes}; "
                         f"prepare with --backbone {run} --neck-channels 0 and give the same --head, --head-width and "
                         "--roi-size")
    trunk.set_weights(run_trunk.get_weights())
