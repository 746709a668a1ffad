"""Corrected labels as annotation files of the forms that the readers read: name of each file, and its content."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from xml.sax.saxutils import escape

import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.files import to_json
from frcnn_keras.runs.evaluated import Evaluated, EvaluatedImage

FORMS = ("coco", "voc", "yolo")


def written(audited: Evaluated, form: str) -> dict[str, bytes]:
    """Files of a form, by their paths below a folder of their own. Pictures are not among them.

    coco: instances.json. voc: Annotations/, an XML a picture. yolo: labels/ beside the pictures' tree, and data.yaml.

    Raises:
        InputError: two pictures would share a file, or a class's name has no place in the form.
    """
    if form == "coco":
        return {"instances.json": (to_json(_coco(audited)) + "\n").encode()}
    return _voc(audited) if form == "voc" else _yolo(audited)


def _coco(audited: Evaluated) -> dict:
    """COCO's instances form, in the ids of ground_truth.json."""
    annotations = []
    for image in audited.images:
        for id, box, label, ignored in zip(image.annotations, image.boxes, image.labels, image.ignored, strict=True):
            x1, y1, x2, y2 = (_plain(edge) for edge in box)
            width, height = round(x2 - x1, 4), round(y2 - y1, 4)
            annotations.append({"id": int(id), "image_id": image.number,
                                "category_id": audited.category_ids[label - 1], "bbox": [x1, y1, width, height],
                                "area": width * height, "iscrowd": int(ignored)})
    return {"info": {"description": f"{audited.name}, corrected"},
            "images": [{"id": image.number, "file_name": image.file, "height": image.height, "width": image.width}
                       for image in audited.images],
            "categories": [{"id": id, "name": name} for id, name in zip(audited.category_ids, audited.class_names,
                                                                        strict=True)],
            "annotations": annotations}


def _voc(audited: Evaluated) -> dict[str, bytes]:
    """VOC counts pixels from 1 and names the last one inside: xmin = x1 + 1, xmax = x2. What is ignored is difficult
    there."""
    files = {}
    for image, stem in zip(audited.images, _stems(audited.images, ".xml"), strict=True):
        objects = [f"""  <object>
    <name>{escape(audited.class_names[label - 1])}</name>
    <difficult>{int(ignored)}</difficult>
    <bndbox><xmin>{x1 + 1:g}</xmin><ymin>{y1 + 1:g}</ymin><xmax>{x2:g}</xmax><ymax>{y2:g}</ymax></bndbox>
  </object>
""" for (x1, y1, x2, y2), label, ignored in zip(np.round(image.boxes, 2), image.labels, image.ignored, strict=True)]
        path = PurePosixPath(image.file)
        folder = f"  <folder>{escape(path.parent.as_posix())}</folder>\n" if len(path.parts) > 1 else ""
        files[f"Annotations/{stem}.xml"] = f"""<annotation>
{folder}  <filename>{escape(path.name)}</filename>
  <size><width>{image.width}</width><height>{image.height}</height><depth>3</depth></size>
{"".join(objects)}</annotation>
""".encode()
    return files


def _yolo(audited: Evaluated) -> dict[str, bytes]:
    """A label file for every picture, with images/ in its path exchanged for labels/; what is ignored is left out, for
    which YOLO's form has no word."""
    files = {}
    for image, stem in zip(audited.images, _stems(audited.images, ".txt"), strict=True):
        size = np.tile((image.width, image.height), 2)
        middles, sides = (image.boxes[:, :2] + image.boxes[:, 2:]) / 2, image.boxes[:, 2:] - image.boxes[:, :2]
        values = np.concatenate([middles, sides], axis=1) / size  # (G, 4)
        lines = [f"{label - 1} " + " ".join(f"{value:.8g}" for value in row) + "\n" for label, row, ignored in
                 zip(image.labels, values, image.ignored, strict=True) if not ignored]
        files[f"labels/{_below_images(stem)}.txt"] = "".join(lines).encode()
    names = "".join(f"  {number}: {to_json(name)}\n" for number, name in enumerate(audited.class_names))
    files["data.yaml"] = f"path: .\ntrain: images\nval: images\nnames:\n{names}".encode()
    return files


def _below_images(stem: str) -> str:
    """train/images/a -> train/a: labels/ stands in place of images/."""
    parts = list(PurePosixPath(stem).parts)
    if "images" in parts[:-1]:
        parts.remove("images")
    return "/".join(parts)


def _stems(images: Sequence[EvaluatedImage], suffix: str) -> list[str]:
    """Each picture's path without its suffix, a name for its file of labels."""
    taken: dict[str, str] = {}
    for image in images:
        path = PurePosixPath(image.file)
        stem = path.with_suffix("").as_posix() if path.suffix else path.as_posix()
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"{image.file}: is no path below a folder of pictures, so its labels have no place; write "
                             "the form coco")
        if stem in taken:
            raise InputError(f"{image.file}: its labels would stand in {stem}{suffix}, those of {taken[stem]} too; "
                             "write the form coco, or rename one picture")
        taken[stem] = image.file
    return list(taken)


def _plain(value: float) -> float:
    """Without the digits that come of calculating."""
    return round(float(value), 4)
