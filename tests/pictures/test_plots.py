import os
import subprocess
import sys
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.pictures.plots import plot_curves, plot_precision_recall


def ink(path, colour):
    """How many pixels have exactly this (r, g, b)."""
    return int((cv2.imread(str(path)) == np.array(colour[::-1])).all(axis=-1).sum())


BLUE, ORANGE = (31, 119, 180), (255, 127, 14)  # matplotlib's first two colours


def test_losses_and_metrics_have_a_panel_each(tmp_path):
    both, one = tmp_path / "both.png", tmp_path / "one.png"
    plot_curves(both, {"loss": [3, 2, 1], "val_loss": [4, 3, 2], "AP50": [0.1, None, float("nan")]}, "run")
    plot_curves(one, {"loss": [3, 2, 1], "val_loss": [4, 3, 2]}, "run")
    wide, narrow = cv2.imread(str(both)).shape, cv2.imread(str(one)).shape
    assert wide[1] == 2 * narrow[1] and wide[0] == narrow[0]
    assert ink(one, BLUE) > 200 and ink(one, ORANGE) > 200


def test_single_epoch_and_values_between_gaps_are_seen(tmp_path):
    plot_curves(tmp_path / "empty.png", {"AP": [float("nan")]})
    plot_curves(tmp_path / "one.png", {"AP": [0.5]})
    plot_curves(tmp_path / "gaps.png", {"AP": [None, 0.5, None]})
    legend_only = ink(tmp_path / "empty.png", BLUE)
    assert ink(tmp_path / "one.png", BLUE) > legend_only + 5
    assert ink(tmp_path / "gaps.png", BLUE) > legend_only + 5


@pytest.mark.parametrize("history", [{}, {"loss": []}])
def test_nothing_logged_yet(tmp_path, history):
    plot_curves(tmp_path / "c.png", history)
    assert cv2.imread(str(tmp_path / "c.png")) is not None


def test_precision_recall(tmp_path):
    precision, recall = np.array([1, 1 / 2, 2 / 3]), np.array([0.25, 0.25, 0.5])
    plot_precision_recall(tmp_path / "a.png", {"cell": (precision, recall, 0.4)}, 0.5, "test")
    nothing = (np.zeros(0), np.zeros(0))
    plot_precision_recall(tmp_path / "b.png", {"missed": (*nothing, 0.0), "absent": (*nothing, float("nan"))}, 0.5)
    assert ink(tmp_path / "a.png", BLUE) > ink(tmp_path / "b.png", BLUE) + 200
    assert ink(tmp_path / "b.png", ORANGE) == 0  # the class without objects is not in the legend


def test_the_iou_is_said(tmp_path):
    """As text, which an SVG holds where its letters are not drawn as outlines."""
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        for iou, title, label in ((0.5, "at IoU 0.5", "AP50 0.400"), (0.75, "at IoU 0.75", "AP75 0.400")):
            plot_precision_recall(tmp_path / "a.svg", {"cell": (np.ones(1), np.ones(1), 0.4)}, iou)
            assert title in (tmp_path / "a.svg").read_text() and label in (tmp_path / "a.svg").read_text()


def test_one_detection_is_a_line(tmp_path):
    plot_precision_recall(tmp_path / "a.png", {"cell": (np.ones(1), np.array([0.5]), 0.5)}, 0.5)
    assert ink(tmp_path / "a.png", BLUE) > 300


def test_many_classes_and_awkward_names(tmp_path):
    names = [f"class {i}" for i in range(80)] + ["猫", "$5", "_hidden", "a$b$c_{"]
    curves = {name: (np.array([1.0, 0.5]), np.array([0.5, 0.5]), 0.5) for name in names}
    plot_precision_recall(tmp_path / "a.png", curves, 0.75, "100 $ _{")
    assert cv2.imread(str(tmp_path / "a.png")) is not None


def test_writes_are_whole_or_fail_with_one_line(tmp_path):
    with pytest.raises(InputError, match="absent/c.png: cannot be written"):
        plot_curves(tmp_path / "absent" / "c.png", {"loss": [1]})
    with pytest.raises(InputError, match="c.xyz: plots cannot be written in this format"):
        plot_curves(tmp_path / "c.xyz", {"loss": [1]})
    assert os.listdir(tmp_path) == []
    plot_curves(tmp_path / "c.PNG", {"loss": [1]})
    assert os.listdir(tmp_path) == ["c.PNG"]


def test_pyplot_is_left_alone(tmp_path):
    code = (
        "import sys; from frcnn_keras.pictures.plots import plot_curves; lazy = 'matplotlib' not in sys.modules;"
        "plot_curves(sys.argv[1], {'loss': [1, 2]}); print(lazy, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "c.png")],
        cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["True", "False"]
