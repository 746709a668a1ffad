"""Reference outputs of torchvision's models, with weights by a rule; see their own README."""

import functools
import zlib
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "torchvision"


@functools.cache
def reference(model: str):
    """The arrays of a model's file; skips where the folder is absent."""
    path = FOLDER / f"{model}.npz"
    if not path.exists():
        pytest.skip(f"needs torchvision's reference outputs in {FOLDER.parent.name}/{FOLDER.name}")
    with np.load(path) as stored:
        return dict(stored)


def weights_of(stored) -> dict[str, np.ndarray]:
    """The state_dict that the file's rule gives."""
    tensors = {name.removeprefix("value:"): value for name, value in stored.items() if name.startswith("value:")}
    for name in (name.removeprefix("scale:") for name in stored if name.startswith("scale:")):
        normal = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(stored[f"shape:{name}"], np.float32)
        tensors[name] = stored[f"scale:{name}"] * normal
    return tensors


def random_weights(detector, seed: int = 0) -> dict[str, np.ndarray]:
    """A state_dict of a detector with random numbers: for what needs no meaning."""
    from frcnn_keras.torchvision.weights import _LAYOUTS, entries

    rng = np.random.default_rng(seed)
    return {entry.name: rng.uniform(0.1, 1.0, _LAYOUTS[entry.layout][0](tuple(entry.variable.shape))).astype(np.float32)
            for entry in entries(detector)}
