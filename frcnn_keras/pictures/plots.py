"""Training curves and precision-recall curves as picture files."""

import io
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.files import write_whole
from frcnn_keras.pictures.legend import add_legend

# matplotlib is imported inside the functions: it takes half a second that a command's --help should not cost.


def plot_curves(path: str | os.PathLike, history: Mapping[str, Sequence[float | None]], title: str = "") -> None:
    """Draws what was logged after each epoch: losses on the left, everything else on the right.

    Args:
        path: of the picture, .png, .svg or .pdf.
        history: of each name one value an epoch; None and NaN leave a gap (a metric not measured after that epoch).
            Names that contain "loss" are losses.
        title: stands above.

    Raises:
        InputError: the picture cannot be written.
    """
    losses = {name: values for name, values in history.items() if "loss" in name}
    metrics = {name: values for name, values in history.items() if name not in losses}
    panels = [(label, group) for label, group in (("loss", losses), ("metric", metrics)) if group]
    figure = _figure(6.0 * max(len(panels), 1), 4.2)
    for i, (label, group) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), i)
        for name, values in group.items():
            values = np.array([math.nan if v is None else v for v in values], np.float64)
            # Markers show what has no neighbour to be joined to: a single epoch, a value between gaps.
            epochs = np.arange(1, len(values) + 1)
            axes.plot(epochs, values, marker="o", markersize=3, linewidth=1.5, label=_plain(name))
        _finish(axes, "epoch", label)
        axes.set_xlim(0.5, max(1, *map(len, group.values())) + 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.set_ylim(bottom=0)
    figure.suptitle(_plain(title))
    _save(figure, path)


def plot_precision_recall(
    path: str | os.PathLike, curves: Mapping[str, tuple[np.ndarray, np.ndarray, float]], iou: float, title: str = ""
) -> None:
    """Draws the classes' precision-recall curves.

    Args:
        path: of the picture, .png, .svg or .pdf.
        curves: {class name: (precision (D,), recall (D,), average precision)}, best score first, as
            `voc.precision_recall` has them. A class with NaN for its average precision (no objects) is left out.
        iou: at which a detection finds an object, as the picture says.
        title: stands above, in place of that.

    Raises:
        InputError: the picture cannot be written.
    """
    figure = _figure(6.4, 5.2)
    axes = figure.add_subplot(1, 1, 1)
    defined = {name: curve for name, curve in curves.items() if not math.isnan(curve[2])}
    for i, (name, (precision, recall, average)) in enumerate(defined.items()):
        style = ("-", "--", ":", "-.")[i // 10 % 4]  # the colours repeat after ten
        # From recall 0, so that a single detection is a line and not nothing.
        recall, precision = np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision])
        label = _plain(f"{name}  AP{100 * iou:.3g} {average:.3f}")
        axes.plot(recall[: len(precision)], precision, style, linewidth=1.5, label=label)
    _finish(axes, "recall", "precision")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    figure.suptitle(_plain(title or f"precision and recall at IoU {iou:g}"))
    _save(figure, path)


def _figure(width: float, height: float):
    """A figure of its own, unknown to pyplot: nothing global changes, and no display is looked for."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _finish(axes, x_label: str, y_label: str) -> None:
    """Labels, grid and legend."""
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(True, alpha=0.3)
    if axes.lines:
        add_legend(axes)


def _plain(text: str) -> str:
    """`text` as it stands: a dollar would start a formula, a leading underscore keep it out of the legend."""
    return (" " + text if text.startswith("_") else text).replace("$", r"\$")


def _save(figure, path: str | os.PathLike) -> None:
    """Writes a figure in the format of its file's name."""
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in letters that the font lacks: boxes
            figure.savefig(buffer, format=Path(path).suffix.lstrip(".").lower() or None)
    except ValueError as error:
        raise InputError(f"{path}: plots cannot be written in this format; name it .png") from error
    try:
        write_whole(path, buffer.getvalue())
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); check the folder and the disk") from error
