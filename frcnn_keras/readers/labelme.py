"""labelme: one JSON file an image, with shapes in pixels; the picture lies beside it, elsewhere, or in it."""

import base64
import binascii
import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.image_header import ImageHeader, check_complete, image_header
from frcnn_keras.data.image_paths import ImageFolder, files_below, folded, shown
from frcnn_keras.errors import InputError, in_words, printable
from frcnn_keras.readers.class_names import resolve_classes
from frcnn_keras.readers.coco_values import side
from frcnn_keras.readers.json_text import load_json
from frcnn_keras.readers.labelme_shapes import Shapes, objects_of
from frcnn_keras.readers.validation import Assembly


class _File(NamedTuple):
    """What is kept of one JSON file: all but the picture."""

    name: str  # relative to the data set's folder
    shapes: Shapes
    image: str  # imagePath
    stated: tuple[int, int]
    holds_image: bool


@in_words(printable)
def read_labelme(root: str | os.PathLike, class_names: Sequence[str] | None = None, *,
                 scale_boxes: bool = False) -> Dataset:
    """Reads every labelme JSON file below a folder.

    Rectangles, polygons, circles and masks give the box about them; points and lines are left out, and said. imagePath
    is relative to the JSON file; else the image of the file's own name is taken, else imageData, which the JSON holds.
    imageWidth and imageHeight are the stated size (scale_boxes: see `Assembly`). `difficult` is taken of a shape or its
    flags. An example's id is its image's path below the folder. Classes: class_names, else those found, by alphabet.
    Raises InputError for a folder without such files; one bad file among many becomes a fatal Problem.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: there is no such folder")
    files, broken, others = [], [], 0
    for name in files_below(root, (".json",)):
        try:
            file = _parsed(root, name)
        except InputError as error:
            broken.append((root / name, str(error)))
            continue
        others += file is None
        files += [file] if file else []
    if not files:
        reason = f" (the first: {broken[0][1]})" if broken else ""
        raise InputError(f"{root}: there is no labelme JSON file, with shapes and imagePath{reason}")
    names = sorted({raw.name for file in files for raw in file.shapes.objects})
    assembly = Assembly(str(root), resolve_classes(names, class_names), scale_boxes)
    for path, message in broken:
        assembly.report(path, message.removeprefix(f"{path}: "))
    folder = ImageFolder(root)
    taken = {_add(assembly, folder, file) for file in files}
    _note(assembly, folder, files, taken, others)
    return assembly.finish()


def is_labelme(content: Any) -> bool:
    """Whether JSON is a labelme file's."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and (
        "imagePath" in content or "imageData" in content)


def _parsed(root: Path, name: str) -> _File | None:
    """One file; None where it is JSON of something else."""
    content = load_json(root / name)
    if not is_labelme(content):
        return None
    image = content.get("imagePath")
    data = content.get("imageData")
    stated = side(content.get("imageHeight")), side(content.get("imageWidth"))
    return _File(name, objects_of(content["shapes"]), image if isinstance(image, str) else "", stated,
                 isinstance(data, str) and data != "")


def _add(assembly: Assembly, folder: ImageFolder, file: _File) -> str:
    """Adds one image, or reports what is wrong with it; its id, empty where there is none."""
    path = folder.root / file.name
    for item, message in file.shapes.faults:
        assembly.report(path, message, item)
    try:
        image = _image(folder, file)
        if image is None:
            image_path, id, read = path, _own_id(file), functools.partial(read_image_data, str(path))
            header: ImageHeader | None = _header(read)
        else:
            image_path, id, read = image, folder.id_of(image), functools.partial(read_file, str(image))
            header = assembly.header_of(image)
    except InputError as error:
        assembly.report(path, str(error).removeprefix(f"{path}: "))
        return ""
    if header is not None:
        assembly.add(id, path, read, header, file.shapes.objects, path=image_path, stated=file.stated)
    return id


def _image(folder: ImageFolder, file: _File) -> Path | None:
    """The image's file; None where the JSON file alone holds it. InputError where there is neither, or two fit."""
    sub = os.path.dirname(file.name)
    bare = file.image.replace("\\", "/").rsplit("/", 1)[-1]
    named = (folder.named(name, sub) for name in dict.fromkeys((file.image, bare)) if name)
    found = next(filter(None, named), None) or _of_own_name(folder, os.path.splitext(file.name)[0])
    if found is None and not file.holds_image:
        raise InputError(f"there is no image {shown(file.image)} in {folder.root}, and no imageData")
    return found


def _of_own_name(folder: ImageFolder, stem: str) -> Path | None:
    """The image of a JSON file's own name: in its sub-folder where that holds images, else anywhere."""
    sub, bare = os.path.split(stem)
    found = folder.by_stem(stem)
    if folder.holds(sub):  # an image elsewhere is another one
        return found if found and folded(folder.id_of(found)).startswith(folded(sub) + "/") else None
    return found or folder.by_stem(bare)


def _own_id(file: _File) -> str:
    """The id of a picture within its JSON file: that of a file of its imagePath beside it."""
    bare = file.image.replace("\\", "/").rsplit("/", 1)[-1] or os.path.splitext(file.name)[0] + ".png"
    return printable("/".join(filter(None, (os.path.dirname(file.name), bare))))


def _header(read: Callable[[], bytes]) -> ImageHeader:
    data = read()
    header = image_header(data)
    check_complete(data)
    return header


def read_image_data(path: str) -> bytes:
    """The picture that a JSON file holds in base64; what `Example.read` calls. Raises InputError where it does not."""
    content = load_json(path)
    data = content.get("imageData") if isinstance(content, dict) else None
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else b""
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{path}: its imageData is no base64 ({error})") from error


def _note(assembly: Assembly, folder: ImageFolder, files: Sequence[_File], taken: set[str], others: int) -> None:
    """What was left out or put together, each with how much of it."""
    left_out, joined, apart = (sum(getattr(file.shapes, name) for file in files)
                               for name in ("left_out", "joined", "apart"))
    lone = [id for id in map(folder.id_of, folder.images()) if id not in taken]
    for count, words in (
        (left_out, f"{left_out} points and lines are left out: they have no box"),
        (joined, f"{joined} shapes are taken as parts of others, with their label and group_id"),
        (apart, f"{apart} rectangles and circles have the label and group_id of others, and are objects all the same"),
        (others, f"{others} JSON files are no labelme files and are passed over"),
        (len(lone), f"{len(lone)} images without a JSON file are left out, first: {next(iter(lone), '')} (an image "
                    "without objects needs one without shapes)"),
    ):
        if count:
            assembly.report(folder.root, words, fatal=False)
