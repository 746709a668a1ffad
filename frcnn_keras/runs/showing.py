"""Detections as a picture, and as what a notebook shows."""

import base64
import html as markup
import io
from typing import Any

import numpy as np
from PIL import Image

from frcnn_keras.data.given_images import pixels
from frcnn_keras.errors import InputError, one_line
from frcnn_keras.pictures.contact_sheet import fit
from frcnn_keras.pictures.drawing import draw_detections
from frcnn_keras.runs.detections import Detections

_READABLE = 256  # pixels of the longer side: below, a label would cover what it names
_INLINE, _ROWS = 640, 20  # of the picture in a notebook, and of the table below it: both stay in a saved notebook


def plot(found: Detections, image: Any = None, longest: int = 1024) -> Image.Image:
    """See Detections.plot."""
    if longest < 1:
        raise InputError(f"longest must be at least 1 pixel; received: {longest}")
    image = found.image if image is None else image
    if image is None:
        raise InputError("these detections have no picture (their images came one by one); give it: "
                         "found.plot(image)")
    canvas, scale = fit(np.asarray(pixels(image)), longest, longest)
    side = max(canvas.shape[:2])
    if side < min(_READABLE, longest):
        times = max(1, min(longest // side, -(-_READABLE // side)))
        canvas, scale = canvas.repeat(times, axis=0).repeat(times, axis=1), scale * times
    names = dict(zip(found.labels.tolist(), found.names, strict=True))
    class_names = [names.get(label, "") for label in range(1, max(names, default=0) + 1)]
    return Image.fromarray(draw_detections(canvas, found.boxes * scale, found.labels, found.scores, class_names))


def html(found: Detections) -> str:
    """The picture, if there is one, above a table of the best."""
    rows = "".join(f"<tr><td>{number}</td><td>{markup.escape(one.name)}</td><td>{one.score:.3f}</td>"
                   f"<td>{', '.join(f'{edge:.1f}' for edge in one.box)}</td></tr>"
                   for number, one in enumerate(found[:_ROWS]))
    more = f"<p>and {len(found) - _ROWS} more</p>" if len(found) > _ROWS else ""
    table = ("<table><thead><tr><th></th><th>name</th><th>score</th><th>x1, y1, x2, y2</th></tr></thead>"
             f"<tbody>{rows}</tbody></table>{more}") if len(found) else "<p>nothing found</p>"
    return f"<div>{_picture(found)}{table}</div>"


def _picture(found: Detections) -> str:
    """An <img> that holds its picture; a line where the file is no more; nothing where no picture was kept."""
    if found.image is None:
        return ""
    try:
        picture = plot(found, longest=_INLINE)
    except ValueError as error:
        return f"<p>{markup.escape(one_line(error))}</p>"
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}" style="max-width: 100%">'
