"""kill -9 at random moments, then the same command: finished folders equal an undisturbed run's, byte by byte.

FRCNN_KILLS=10 raises the number of kills a stage (2 by default, to keep the tests quick).
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("FRCNN_KILLS", "2"))
START = 2.5  # seconds in which a stage imports TensorFlow and has nothing to lose yet


def start(module, *flags):
    return subprocess.Popen([sys.executable, "-m", module, *map(str, flags)], cwd=ROOT,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(module, *flags):
    """Runs a stage to its end; the seconds it took."""
    begun = time.monotonic()
    process = start(module, *flags)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    return time.monotonic() - begun


def disturb(seconds, seed, module, *flags):
    """Starts a stage and kills it, KILLS times at random moments, then lets it finish; how many it really hit."""
    hits = 0
    generator = np.random.default_rng(seed)
    for _ in range(KILLS):
        process = start(module, *flags)
        time.sleep(generator.uniform(START, max(seconds, START + 0.5)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        hits += process.returncode == -signal.SIGKILL
    finish(module, *flags)
    return hits


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tiny_backbone):
    """An undisturbed and a disturbed run of all stages."""
    root = tmp_path_factory.mktemp("kill")
    data = ["--shapes", 160, "--shorter", 120, "--backbone", tiny_backbone, "--feature-layer", "features",
            "--preprocess", "tf", "--neck-channels", 8, "--anchor-sizes", "16,32,64"]
    hits = {}
    for stage, seed in (("data_prep", 1), ("train_rpn", 2), ("train_rcnn", 3)):
        def flags(name, stage=stage):
            folder = root / name
            if stage == "data_prep":
                return [*data, "--out", folder / "prep"]
            settings = ["--epochs", 5, "--rpn-channels", 32] if stage == "train_rpn" else ["--epochs", 4,
                                                                                           "--head-width", 32]
            return ["--data", folder / "prep", "--run", folder / "run", *settings]

        seconds = finish(stage, *flags("calm"))
        hits[stage] = disturb(seconds, seed, stage, *flags("killed"))
    return root / "calm", root / "killed", hits


def test_kills_hit_running_stages(folders):
    assert all(count > 0 for count in folders[2].values()), folders[2]


@pytest.mark.parametrize("artefact", ["prep", "run"])
def test_killed_runs_end_like_undisturbed_ones(folders, artefact):
    calm, killed = contents(folders[0] / artefact), contents(folders[1] / artefact)
    assert sorted(calm) == sorted(killed)
    assert [name for name in calm if calm[name] != killed[name]] == []


def test_no_partial_folder_is_left(folders):
    assert not list(folders[1].rglob("*.partial")) and not list(folders[1].rglob("*.tmp"))
