"""Charts as inline SVG, drawn from numbers; colours are the page's classes, so that they follow light and dark."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

WIDTH, HEIGHT = 460, 300  # of a chart, in its own units
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 40
COLOURS = 8  # classes c0 .. c7 of the page
_POINTS = 120  # of a line at most: a page holds many


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a chart. NaN breaks it."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    thin: bool = False  # one of many, without an own colour
    dot: tuple[float, float] | None = None  # a point of it that is marked


def chart(lines: Sequence[Line], x_name: str, y_name: str, x_range: tuple[float, float], y_range: tuple[float, float],
          title: str) -> Markup:
    """Lines in axes; the names of those that are not thin below, in their colours. title: for who cannot see it."""
    parts = [_axes(x_name, y_name, x_range, y_range)]
    colour, legend = 0, []
    for line in lines:
        shown = "thin" if line.thin else f"c{colour % COLOURS}"
        if not line.thin:
            legend.append(Markup('<span class="key"><i class="k{}"></i>{}</span>').format(shown, line.name))
            colour += 1
        place = [_places(values, limits, at) for values, limits, at in (
            (line.x, x_range, (LEFT, WIDTH - RIGHT)), (line.y, y_range, (HEIGHT - BOTTOM, TOP)))]
        parts += [Markup('<polyline class="line {}" points="{}"><title>{}</title></polyline>').format(
            shown, points, line.name) for points in _pieces(*place)]
        if line.dot is not None:
            (at_x,), (at_y,) = (_places([value], limits, at) for value, limits, at in (
                (line.dot[0], x_range, (LEFT, WIDTH - RIGHT)), (line.dot[1], y_range, (HEIGHT - BOTTOM, TOP))))
            parts.append(Markup('<circle class="dot {}" cx="{}" cy="{}" r="3.5"><title>{}</title></circle>').format(
                shown, f"{at_x:.1f}", f"{at_y:.1f}", f"{line.name}: {line.dot[0]:.3f}, {line.dot[1]:.3f}"))
    drawn = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("").join(parts))
    return drawn + Markup('<div class="keys">{}</div>').format(Markup("").join(legend)) if legend else drawn


def _places(values: Sequence[float], limits: tuple[float, float], at: tuple[float, float]) -> np.ndarray:
    low, high = limits
    return at[0] + (np.asarray(values, float) - low) / ((high - low) or 1) * (at[1] - at[0])


def _pieces(x: np.ndarray, y: np.ndarray) -> list[str]:
    """The unbroken parts of a line, as points; of many points some."""
    if len(x) > _POINTS:
        keep = np.unique(np.linspace(0, len(x) - 1, _POINTS).round().astype(int))
        x, y = x[keep], y[keep]
    whole = np.isfinite(x) & np.isfinite(y)
    parts = np.split(np.arange(len(x)), np.flatnonzero(np.diff(whole.astype(int))) + 1)
    return [" ".join(f"{x[place]:.1f},{y[place]:.1f}" for place in part) for part in parts
            if len(part) and whole[part[0]]]


def _axes(x_name: str, y_name: str, x_range: tuple[float, float], y_range: tuple[float, float]) -> Markup:
    parts = []
    for value in ticks(*x_range):
        (at,) = _places([value], x_range, (LEFT, WIDTH - RIGHT))
        parts.append(f'<path class="grid" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
                     f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{value:g}</text>')
    for value in ticks(*y_range):
        (at,) = _places([value], y_range, (HEIGHT - BOTTOM, TOP))
        parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
                     f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_name)}</text>'
                 f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">{escape(y_name)}'
                 "</text>")
    return Markup("".join(parts))


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from low to high."""
    if not math.isfinite(low) or not math.isfinite(high) or high <= low:
        return [low] if math.isfinite(low) else []
    rough = (high - low) / about
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough - 1e-12 * size)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def sparkline(x: Sequence[float], y: Sequence[float], title: str) -> Markup:
    """A line of 0..1 against 0..1, as high as a line of text."""
    width, height = 90, 24
    pieces = _pieces(1 + np.asarray(x, float) * (width - 2), height - 1 - np.asarray(y, float) * (height - 2))
    lines = Markup("").join(Markup('<polyline class="line c0" points="{}"/>').format(points) for points in pieces)
    return Markup('<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}"><path class="grid" '
                  'd="M0 {}H{}"/>{}</svg>').format(width, height, title, height - 0.5, width, lines)


def bar(share: float, title: str, kind: str = "c0") -> Markup:
    """A bar that is as long as a share, 0..1."""
    length = 0.0 if math.isnan(share) else 120 * min(max(share, 0.0), 1.0)
    return Markup('<svg class="bar" viewBox="0 0 120 10" role="img" aria-label="{}"><rect class="ground" width="120" '
                  'height="10"/><rect class="fill {}" width="{}" height="10"/></svg>').format(title, kind,
                                                                                             f"{length:.1f}")
