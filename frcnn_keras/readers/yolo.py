"""YOLO: a text file of fractions for each image, in Ultralytics' layout, darknet's, or beside the images."""

import functools
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.image_paths import ImageFolder
from frcnn_keras.errors import InputError, in_words, printable
from frcnn_keras.readers.class_names import resolve_classes
from frcnn_keras.readers.validation import Assembly, RawObject
from frcnn_keras.readers.yolo_images import Pictures, find_pictures
from frcnn_keras.readers.yolo_labels import LabelFiles
from frcnn_keras.readers.yolo_lines import Labels, read_labels
from frcnn_keras.readers.yolo_names import MOST_CLASSES
from frcnn_keras.readers.yolo_poses import are_poses
from frcnn_keras.readers.yolo_sets import YoloSet, find_set


@in_words(printable)
def read_yolo(path: str | os.PathLike, split: str | None = None, class_names: Sequence[str] | None = None) -> Dataset:
    """Reads a data.yaml, darknet's .data file, or a folder with images and labels.

    split: train, val or test; needed where there are several. Lines are `class cx cy w h` in fractions of the upright
    picture; those of polygons, oriented boxes and poses give the box about them. An image without a label file is
    background, as one with an empty file is. An example's id is its image's path below the split's folder of images;
    below the data set's where it has several, or lists.

    Classes: as the data set names them, class_names in their order; where it names none, class_names by number, else
    class_0, class_1, ... Raises InputError where there is no such data set; one bad line among many becomes a fatal
    Problem.
    """
    found = find_set(path)
    broken: list[tuple[Path, str, str]] = []
    entries = found.entries(split)
    pictures = find_pictures(entries, found.roots[0], lambda *fault: broken.append(fault))
    if not pictures.files and not broken:
        raise InputError(f"{entries[0]}: there is no image")
    search = LabelFiles()
    files = {image: search.of(image) for image in pictures.files}
    claims = Counter(files.values())
    labelled = [_labelled(image, file, found.keypoints, file is not None and claims[file] > 1)
                for image, file in files.items()]
    names = found.names or tuple(class_names or ()) or _numbered(labelled)
    assembly = Assembly(f"{path} {split}" if split else str(path), resolve_classes(names, class_names))
    for fault in broken:
        assembly.report(*fault)
    turned = [each.image for each in labelled if _add(assembly, pictures.folder, each, names, found)]
    _note(assembly, found, pictures, labelled, turned)
    lone = [] if pictures.listed else search.lone()
    if lone:
        assembly.report(lone[0].parent, f"{_count(lone, 'label file has', 'label files have')} no image, first: "
                                        f"{lone[0].name}", fatal=False)
    if not found.names and not class_names:
        assembly.report(found.file, f"it tells no class names (names in a data.yaml, or classes.txt, one a line): they "
                                    f"are {names[0]} and so on; --classes names them by number", fatal=False)
    return assembly.finish()


class _Labelled(NamedTuple):
    """An image and what its label file says."""

    image: Path
    file: Path | None  # None where there is none
    labels: Labels | None  # None where it cannot be read
    fault: str = ""


def _labelled(image: Path, file: Path | None, keypoints: int, shared: bool) -> _Labelled:
    if file is None:
        return _Labelled(image, None, None)
    if shared:
        return _Labelled(image, file, None, f"it is the label file of two images, {image.name} among them; rename one, "
                                            "with a label file of its own")
    try:
        return _Labelled(image, file, read_labels(file, keypoints))
    except InputError as error:
        return _Labelled(image, file, None, str(error))


def _numbered(labelled: Sequence[_Labelled]) -> tuple[str, ...]:
    """class_0 and so on to the highest number that can be a class's."""
    indices = (line.class_index for each in labelled if each.labels for line in each.labels.lines)
    most = max((index for index in indices if index < MOST_CLASSES), default=0)
    return tuple(f"class_{index}" for index in range(most + 1))


def _add(assembly: Assembly, folder: ImageFolder, each: _Labelled, names: Sequence[str], found: YoloSet) -> bool:
    """Adds an image, or reports what is wrong with it; whether it has objects and is turned by EXIF orientation."""
    if each.fault:
        assembly.report(each.file, each.fault)
        return False
    header = assembly.header_of(each.image)
    if header is None:
        return False
    objects = []
    for number, message in each.labels.faults if each.labels else ():
        assembly.report(each.file, message, f"line {number}")
    for line in each.labels.lines if each.labels else ():
        if line.class_index < len(names):
            name = names[line.class_index]
            objects.append(RawObject(name, line.box, f"line {line.number} ({name:.100})"))
        else:
            told = f"{len(names)} names, 0 to {len(names) - 1}" if len(names) > 1 else "one name, 0"
            assembly.report(each.file, f"class {line.class_index} is beyond the classes: there are {told} "
                                       f"({found.file})", f"line {line.number}")
    read = functools.partial(read_file, str(each.image))
    assembly.add(folder.id_of(each.image), each.file or each.image, read, header, objects, path=each.image,
                 fractions=True)
    return bool(objects) and header.orientation != 1


def _note(assembly: Assembly, found: YoloSet, pictures: Pictures, labelled: Sequence[_Labelled],
          turned: Sequence[Path]) -> None:
    """What was taken for granted, each with how often and where first."""
    bare = [each.image for each in labelled if each.file is None]
    if len(bare) == len(labelled) and bare:
        assembly.report(found.file, f"none of {len(bare)} images has a label file: {bare[0].stem}.txt is looked for "
                                    f"beside {bare[0]}, and in labels where its folder is images")
    values = 0 if found.keypoints else are_poses(line for each in labelled if each.labels for line in each.labels.lines)
    if values:
        assembly.report(found.file, f"its lines read as polygons, and as boxes with {values} values of keypoints "
                                    "inside; of a pose data set data.yaml needs kpt_shape: [points, 2 or 3]; "
                                    "--skip-bad takes them as polygons", fatal=False, question=True)
    sixth = [each.file for each in labelled if each.labels and each.labels.confidences]
    points = [each.file for each in labelled if each.labels and each.labels.polygons]
    for files, one, many in (
        (bare if len(bare) < len(labelled) else [], "image has no label file and is background",
         "images have no label file and are background"),
        (points, "label file has polygons; their boxes were taken",
         "label files have polygons; their boxes were taken"),
        (sixth, "label file has six values in every line; the sixth is taken as a confidence and passed over",
         "label files have six values in every line; the sixth is taken as a confidence and passed over"),
        (turned, "image is turned by EXIF orientation; fractions were taken as of the upright picture",
         "images are turned by EXIF orientation; fractions were taken as of the upright picture"),
    ):
        if files:
            assembly.report(found.file, f"{_count(files, one, many)}, first: {files[0]}", fatal=False)
    if pictures.repeated:
        assembly.report(found.file, f"{pictures.repeated} images are listed again; each is taken once", fatal=False)


def _count(found: Sequence[object], one: str, many: str) -> str:
    return f"1 {one}" if len(found) == 1 else f"{len(found)} {many}"
