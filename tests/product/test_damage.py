"""One flipped bit in what a stage wrote: it is loaded with equal numbers, or refused in one line that names the file.

Every artefact that a later stage reads; FRCNN_FLIPS says how many bits of each (40 by default).
"""

import os
import shutil

import numpy as np
import pytest

from frcnn_keras.data.originals import Original, read_originals, write_originals
from frcnn_keras.data.prepared import open_prepared
from frcnn_keras.errors import InputError
from frcnn_keras.models.saving import load_model, load_weights
from frcnn_keras.runs.request import read_request
from frcnn_keras.settings import options
from frcnn_keras.training.proposals import open_proposals
from frcnn_keras.training.rcnn_stage import RCNNRequest
from frcnn_keras.training.rpn_stage import RPNRequest, RPNSize, build_rpn

pytestmark = pytest.mark.slow

FLIPS = int(os.environ.get("FRCNN_FLIPS", "40"))


def numbers(model):
    """All that a model computes with."""
    return [np.asarray(weight).tobytes() for weight in model.weights], getattr(model, "settings", None)


@pytest.fixture(scope="module")
def copies(tmp_path_factory, prep, tiny_run):
    root = tmp_path_factory.mktemp("damage")
    shutil.copytree(prep.path, root / "prep")
    shutil.copytree(tiny_run, root / "run")
    write_originals(root / "prep" / "pictures.json", [Original("a.jpg", 1, 2, 3, "b"), Original("ä", 5, 6, 7, "c")])
    return root


def weights_of(root, prep):
    rpn = build_rpn(prep, RPNSize(16))
    load_weights(rpn, root / "run" / "rpn.weights.h5")
    return numbers(rpn)


def prepared(root, prep):
    found = open_prepared(root / "prep")
    return found.features, found.minibatches, found.config, found.pictures


LOADS = {
    "run/rpn.weights.h5": weights_of,
    "run/detector.keras": lambda root, prep: numbers(load_model(root / "run" / "detector.keras")),
    "prep/features/extractor.keras": lambda root, prep: numbers(load_model(root / "prep/features/extractor.keras")),
    "run/rpn.json": lambda root, prep: options.to_dict(read_request(root / "run" / "rpn.json", RPNRequest)),
    "run/rcnn.json": lambda root, prep: options.to_dict(read_request(root / "run" / "rcnn.json", RCNNRequest)),
    "run/proposals/train/manifest.json": lambda root, prep: len(open_proposals(
        root / "run/proposals/train", prep, read_request(root / "run" / "rcnn.json", RCNNRequest).rpn)),
    "prep/config.json": prepared,
    "prep/features/manifest.json": prepared,
    "prep/minibatches/manifest.json": prepared,
    "prep/pictures.json": lambda root, prep: read_originals(root / "prep" / "pictures.json"),
}


def spoilt(path, content, load, wanted):
    """Whether it is refused; else it has to give what it gave."""
    path.write_bytes(content)
    try:
        found = load()
    except InputError as error:
        assert "\n" not in str(error) and str(path.parent) in str(error)
        return True
    finally:
        path.unlink()
    assert found == wanted
    return False


@pytest.mark.parametrize("name", LOADS)
def test_a_flipped_bit(name, copies, prep):
    path, load = copies / name, lambda: LOADS[name](copies, prep)
    content, wanted = path.read_bytes(), load()
    rng = np.random.default_rng(len(name))
    refused = 0
    for place in rng.integers(0, len(content), FLIPS):
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        refused += spoilt(path, bytes(damaged), load, wanted)
    path.write_bytes(content)
    assert refused > FLIPS // 2 and load() == wanted


@pytest.mark.parametrize("name", LOADS)
@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff" * 99, None, -1, -99], ids=repr)
def test_other_content(name, content, copies, prep):
    """Nothing, other JSON, no text, a folder; cut off."""
    path, load = copies / name, lambda: LOADS[name](copies, prep)
    whole, wanted = path.read_bytes(), load()
    if content is None:
        path.unlink()
        path.mkdir()
        with pytest.raises(InputError) as caught:
            load()
        path.rmdir()
        assert "\n" not in str(caught.value) and str(path.parent) in str(caught.value)
    else:
        refused = spoilt(path, whole[:content] if isinstance(content, int) else content, load, wanted)
        assert refused or content == -1  # a last line feed, or the last letter of a seal
    path.write_bytes(whole)
