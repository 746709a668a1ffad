"""Every stage killed before a change of the disk, then started again: the folder is that of an undisturbed run, byte by
byte, nothing half-written is left, and what a user put there is still there.

Some points of each stage are taken, drawn by seed; FRCNN_KILL_POINTS=all takes all of them (an hour), a number so many.
"""

import dataclasses
import os
import shutil
import sys

import numpy as np
import pytest

from data_prep import shards
from data_prep.prepare import prepare
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.saved_model import export_saved_model
from frcnn_keras.settings import stages as configs
from frcnn_keras.settings.detector import HeadConfig
from frcnn_keras.settings.image_trainers import FinetuneConfig, ImageFitConfig, ImageLossConfig, JointConfig
from frcnn_keras.settings.learning import AnchorSamplingConfig, RegionSamplingConfig
from frcnn_keras.training import proposals
from frcnn_keras.training.finetune import finetune
from frcnn_keras.training.joint import train_joint
from frcnn_keras.training.rcnn_stage import train_rcnn
from frcnn_keras.training.rpn_stage import train_rpn
from tests.detectors import hand_made
from tests.kills import Killed, killed_at, operations_of

pytestmark = [
    pytest.mark.slow,
    # of generators that an exception left open, and which are collected in one of their own threads
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

POINTS = os.environ.get("FRCNN_KILL_POINTS", "4")
RPN = configs.RPNConfig(channels=8, fit=dataclasses.replace(configs.RPNConfig().fit, epochs=2, warmup=1),
                        proposals=configs.ProposalConfig(after=30))
RCNN = configs.RCNNConfig(head=configs.StageHeadConfig(width=16, roi_size=3), regions=RegionSamplingConfig(16),
                          fit=dataclasses.replace(configs.RCNNConfig().fit, epochs=2, warmup=1, precision="float32"))
TUNING = FinetuneConfig(
    ImageFitConfig(epochs=1, batch=2, warmup=0, precision="float32"), freeze_stages=1,
    losses=ImageLossConfig(AnchorSamplingConfig(count=16), regions=RegionSamplingConfig(12)))


@dataclasses.dataclass(frozen=True)
class Parts:
    """What the stages start from."""

    config: configs.PrepConfig
    prep: object
    val: object
    shapes: object


@pytest.fixture(scope="module")
def parts(prep_config, prep, val_prep):
    return Parts(prep_config, prep, val_prep, shapes_dataset(3, 4, 60, 80))


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_IMAGES", 2)
    monkeypatch.setattr(proposals, "SHARD_IMAGES", 8)


def do_prep(parts, root, fresh):
    prepare(parts.shapes, root / "made", parts.config, write_tiles=True, workers=1, fresh=fresh)


def do_rpn(parts, root, fresh):
    train_rpn(parts.prep.path, root / "made", RPN, val=parts.val.path, fresh=fresh)


def do_rcnn(parts, root, fresh):
    train_rcnn(parts.prep.path, root / "made", RCNN, val=parts.val.path, fresh=fresh)


def do_finetune(parts, root, fresh):
    finetune(root / "from", parts.shapes, root / "made", TUNING, validation=parts.shapes, fresh=fresh)


def do_joint(parts, root, fresh):
    chosen = {name: getattr(parts.config, name) for name in ("backbone", "images", "neck", "anchors")}
    train_joint(parts.shapes, root / "made", JointConfig(**chosen, rpn_channels=8, head=HeadConfig(16, roi_size=3),
                                                         training=TUNING), fresh=fresh)


def do_export(parts, root, fresh):
    export_saved_model(Detector(hand_made()), root / "made", version=1, overwrite=fresh or (root / "made").exists())


DO = {"prep": do_prep, "rpn": do_rpn, "rcnn": do_rcnn, "finetune": do_finetune, "joint": do_joint,
      "export": do_export}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, parts):
    """A run of both stages on the prep folder."""
    root = tmp_path_factory.mktemp("trained")
    do_rpn(parts, root, False)
    shutil.copytree(root / "made", root / "rpn")
    do_rcnn(parts, root, False)
    return root


def begin(stage, root, trained, older):
    """A root in which the stage may be started; older: a finished folder to be replaced, or None."""
    root.mkdir()
    if stage == "finetune":
        shutil.copytree(trained / "made", root / "from")
    if older:
        shutil.copytree(older, root / "made")
        (root / "made" / "notes.txt").write_text("mine")
        (root / "made" / "photos").mkdir()
        (root / "made" / "photos" / "detector.keras").write_text("mine")
    elif stage == "rcnn":
        shutil.copytree(trained / "rpn", root / "made")
    return root


def tree(folder):
    """All that is in a folder; a SavedModel's graph is not the same to the byte from one trace to the next."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() and path.suffix != ".pb" else None
            for path in sorted(folder.rglob("*"))}


def taken(count, seed):
    """Numbers of the operations to be killed before."""
    if POINTS == "all":
        return range(count)
    return sorted(np.random.default_rng(seed).choice(count, min(int(POINTS), count), replace=False).tolist())


@pytest.mark.parametrize("fresh", [False, True], ids=["new", "fresh"])
@pytest.mark.parametrize("stage", DO)
def test_killed_and_started_again_it_ends_the_same(stage, fresh, parts, trained, tmp_path):
    do, older = DO[stage], None
    do(parts, begin(stage, tmp_path / "older", trained, None), False)  # modules that are imported now are compiled
    if fresh:
        older = tmp_path / "older" / "made"
    whole = begin(stage, tmp_path / "whole", trained, older)
    count = operations_of(lambda: do(parts, whole, fresh))
    wanted = tree(whole)
    for point in taken(count, len(stage)):
        root = begin(stage, tmp_path / str(point), trained, older)
        with pytest.raises(Killed), killed_at(point):
            do(parts, root, fresh)
        assert not fresh or len([path for path in tmp_path.joinpath(str(point)).rglob("*")
                                 if path.is_file() and path.read_bytes() == b"mine"]) == 2, point
        do(parts, root, fresh)
        found = tree(root)
        assert sorted(found) == sorted(wanted), point
        assert [name for name in wanted if wanted[name] != found[name]] == [], point
        shutil.rmtree(root)
    print(f"{stage}, {'fresh' if fresh else 'new'}: {count} kill points", file=sys.stderr)
