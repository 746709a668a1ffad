"""The example that trains an RPN on stored tiles without this package."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_learns_from_the_tiles_of_a_prep_folder(prep, tmp_path):
    """Run elsewhere, where frcnn_keras cannot be imported."""
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    (shard,) = (prep.path / "tiles").glob("*.tfrecord")
    for number in range(5):  # 24 minibatches each: the losses are printed at 0, 50 and 100
        shutil.copy(shard, tiles / f"{number}.tfrecord")
    shutil.copy(ROOT / "examples" / "train_on_tiles.py", tmp_path)
    done = subprocess.run([sys.executable, "-I", "train_on_tiles.py", str(tiles), "9"], cwd=tmp_path, text=True,
                          capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = re.findall(r"^minibatch (\d+): objectness ([\d.]+), boxes ([\d.]+)$", done.stdout, re.M)
    assert [int(number) for number, *_ in lines] == [0, 50, 100]
    losses = np.array([[float(value) for value in values] for _, *values in lines])
    assert losses[2].sum() < losses[0].sum()
