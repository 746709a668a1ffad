"""Pascal VOC XML: one file an image, in VOC's folders or beside the images."""

import functools
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.image_paths import ImageFolder, Names
from frcnn_keras.errors import InputError, in_words, printable
from frcnn_keras.readers.box_forms import BoxForm
from frcnn_keras.readers.class_names import resolve_classes
from frcnn_keras.readers.split_names import canonical
from frcnn_keras.readers.validation import Assembly
from frcnn_keras.readers.voc_folders import (
    Folders,
    find_folders,
    find_splits,
    folder_splits,
    names_of,
    split_file,
    split_lines,
    xml_of,
)
from frcnn_keras.readers.voc_images import Pairs, pair
from frcnn_keras.readers.voc_xml import Annotation, parse_voc


@in_words(printable)
def read_voc(root, split: str | None = None, class_names: Sequence[str] | None = None, *, scale_boxes: bool = False,
             from_zero: bool = False) -> Dataset:
    """Reads root/ImageSets/Main/SPLIT.txt with Annotations/ and JPEGImages/, or Annotations/SPLIT/; without a split
    every XML there is.

    Folders may have other names and cases, see voc_folders; without them XML files lie beside their images. Sub-folders
    are read. An example's id is its image's path below the folder of images. Boxes are 1-based with inclusive ends in
    VOC and become xmin - 1, ymin - 1, xmax, ymax; from_zero: they count from 0 with continuous edges and stay. Classes:
    class_names, else those found, by alphabet. Raises InputError for a missing folder or split; one bad file among many
    becomes a fatal Problem.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: there is no such folder")
    splits = find_splits(root)
    if splits and split is None:
        raise InputError(f"{root}: name a split (--split); there are: {names_of(splits)}")
    file = split_file(root, split) if splits and split is not None else None
    folders = find_folders(root) if split is None or file else _of_split(root, split)
    asked, missing, repeated = _asked(file, folders)
    parsed, broken = {}, []
    for name in asked:
        try:
            parsed[name] = parse_voc(folders.annotations / name)
        except InputError as error:
            broken.append((folders.annotations / name, str(error)))
    names = sorted({raw.name for annotation in parsed.values() for raw in annotation.objects})
    assembly = Assembly(f"{root} {split}" if split else str(root), resolve_classes(names, class_names), scale_boxes,
                        BoxForm.CORNERS if from_zero else BoxForm.FROM_ONE)
    for bad, message in missing + broken:
        assembly.report(bad, message)
    pairs = pair({name: annotation.filename for name, annotation in parsed.items()}, folders.files, folders.images)
    for name, annotation in parsed.items():
        _add(assembly, folders.annotations / name, annotation, name, pairs, folders.images)
    if repeated:
        lines = "1 line lists" if len(repeated) == 1 else f"{len(repeated)} lines list"
        assembly.report(file, f"{lines} an image again, first: {repeated[0]:.100}; each is taken once", fatal=False)
    _note_pairs(assembly, folders, pairs)
    if split is None:
        _note_images_without_xml(assembly, folders.images, pairs)
    return assembly.finish()


def _of_split(root: Path, split: str) -> Folders:
    """The folders with the XML files of a split's sub-folder alone. InputError where there is none."""
    try:
        folders = find_folders(root)
        folder = folder_splits(folders)[canonical(split)]
    except (InputError, KeyError):
        split_file(root, split)  # which says what there is instead
        raise
    return folders._replace(files=[name for name in folders.files if name.split("/")[0] == folder])


def _asked(file: Path | None, folders: Folders) -> tuple[list[str], list[tuple[Path, str]], list[str]]:
    """(XML files to read, files that are missing with their fault, lines that list an image again)."""
    if file is None:
        return folders.files, [], []
    names, missing, repeated = Names(folders.files), [], []
    asked: dict[str, None] = {}
    for line in split_lines(file):
        try:
            name = xml_of(line, names)
        except InputError as error:
            missing.append((file, str(error)))
            continue
        if name is None:
            missing.append((folders.annotations / f"{line:.100}.xml",
                            f"the annotation cannot be read (no such file); {file.name} lists it"))
        elif name in asked:
            repeated.append(line)
        else:
            asked[name] = None
    return list(asked), missing, repeated


def _add(assembly: Assembly, file: Path, annotation: Annotation, name: str, pairs: Pairs, folder: ImageFolder) -> None:
    """Adds one image with its annotation, or reports what is wrong with it."""
    if name in pairs.faults:
        assembly.report(file, pairs.faults[name])
        return
    image = pairs.images[name]
    header = assembly.header_of(image)
    if header is None:
        return
    for item, message in annotation.problems:
        assembly.report(file, message, item)
    assembly.add(folder.id_of(image), file, functools.partial(read_file, str(image)), header, annotation.objects,
                 path=image, stated=annotation.size)


def _note_pairs(assembly: Assembly, folders: Folders, pairs: Pairs) -> None:
    """Says of how many files the <filename> is at odds with their own name, and which was believed."""
    for tally, taken in ((pairs.stale, "another file's image in <filename>; the image of each one's own name was read"),
                         (pairs.named, "another image than that of their own name in <filename>; it was read")):
        if tally.images:
            assembly.report(folders.annotations, f"{tally.images} XML files have {taken}, first: {tally.first}",
                            fatal=False)


def _note_images_without_xml(assembly: Assembly, folder: ImageFolder, pairs: Pairs) -> None:
    """Labelling tools write no XML for an image without objects, nor for one not labelled yet: say so, take neither."""
    taken = {folder.id_of(image) for image in (*pairs.images.values(), *pairs.own)}
    lone = [image for image in folder.images() if folder.id_of(image) not in taken]
    if lone:
        assembly.report(folder.root, f"{len(lone)} images without an XML file are left out, first: "
                                     f"{folder.id_of(lone[0])} (an image without objects needs an XML without "
                                     "<object>)", fatal=False)
