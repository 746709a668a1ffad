"""Data sets from Python: what `import frcnn_keras` reads. Errors name arguments where the commands' name flags.

    data = frcnn_keras.read("DIR", "train")
    splits = frcnn_keras.read_splits("DIR", "20%")
    mine = frcnn_keras.from_items([("a.jpg", [(10, 20, 110, 220)], ["cat"])])
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from frcnn_keras.data import shapes
from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import in_words
from frcnn_keras.readers import coco, csv_file, labelme, tf_records, voc, yolo
from frcnn_keras.readers import items as _items
from frcnn_keras.readers import splits as _splits
from frcnn_keras.readers.splits import Splits
from frcnn_keras.settings.arguments import in_arguments

FilePath = str | Path


@in_words(in_arguments)
def read(path: FilePath, split: str | None = None, class_names: Sequence[str] | None = None, *,
         scale_boxes: bool = False) -> Dataset:
    """A data set of whatever form its folder has (VOC, COCO, YOLO, labelme, TFRecord, CSV), or one of its splits.

    path: the folder, or a file that describes it (data.yaml, instances JSON, CSV). See `read_voc` for the rest.

    Raises:
        InputError: no form is recognised; there is no such split, or one must be named.
    """
    return _splits.read(path, split, class_names, scale_boxes=scale_boxes)


@in_words(in_arguments)
def read_splits(path: FilePath, holdout: str | float | None = None, class_names: Sequence[str] | None = None, *,
                scale_boxes: bool = False, val: FilePath | None = None, val_split: str | None = None) -> Splits:
    """A data set of any form (see `read`) in its splits: `.train`, `.val`, `.test`, each with `.dataset`.

    holdout: of a data set without images to measure on, the share that is held out for it by the hash of each image's
    id, "20%" by default: the same images each time, near-duplicates on one side. val: another data set of any form to
    measure on, its split `val` or val_split; all of the first one's training images then train.

    Raises:
        InputError: no form is recognised, there is nothing to train on, or a holdout of a data set that needs none.
    """
    return _splits.read_splits(path, holdout, class_names, scale_boxes=scale_boxes, val=val, val_split=val_split)


@in_words(in_arguments)
def from_items(items: Iterable[Any], class_names: Sequence[str] | None = None, *, form: str = "xyxy",
               name: str = "items") -> Dataset:
    """The data set of (image, boxes, labels), or `Item`s, as other libraries hand them out; docs/data.md has examples.

    image: a path, encoded bytes, (H, W, 3) uint8, or a PIL image. form: of the boxes, `xyxy` and `xywh` in pixels,
    `xyxy_fraction`, `yxyx_fraction` and `cxcywh_fraction` in fractions. labels: names, or places in class_names from 0.
    A sequence is asked again for each image that is needed; of what can be gone through once, images are kept encoded.

    Raises:
        InputError: no such form; labels are numbers and there are no class_names.
    """
    return _items.from_items(items, class_names, form=form, name=name)


@in_words(in_arguments)
def read_voc(folder: FilePath, split: str | None = None, class_names: Sequence[str] | None = None, *,
             scale_boxes: bool = False, from_zero: bool = False) -> Dataset:
    """A Pascal VOC folder, or a folder of XML files beside their images.

    split: which of ImageSets/Main/SPLIT.txt; every XML file by default. class_names: in the order of their labels; by
    alphabet by default. scale_boxes: scales boxes of another stated size of the image's shape; else that stops.
    from_zero: boxes count pixels from 0, with continuous edges. `Dataset.problems` has what is wrong; see `check`.

    Raises:
        InputError: there is no such folder or split.
    """
    return voc.read_voc(folder, split, class_names, scale_boxes=scale_boxes, from_zero=from_zero)


@in_words(in_arguments)
def read_coco(images: FilePath, annotations: FilePath, class_names: Sequence[str] | None = None, *,
              scale_boxes: bool = False, corners: bool = False) -> Dataset:
    """A folder of images and a COCO instances JSON; corners: its boxes are x1, y1, x2, y2; see `read_voc`."""
    return coco.read_coco(images, annotations, class_names, scale_boxes=scale_boxes, corners=corners)


@in_words(in_arguments)
def read_csv(file: FilePath, class_names: Sequence[str] | None = None, *, split: str | None = None,
             scale_boxes: bool = False) -> Dataset:
    """Lines `path,x1,y1,x2,y2,class`; `path,,,,,` for an image without objects; of a column `split` those that say
    this one; see `read_voc`."""
    return csv_file.read_csv(file, class_names, split=split, scale_boxes=scale_boxes)


@in_words(in_arguments)
def read_tfrecord(pattern: str, label_map: FilePath, class_names: Sequence[str] | None = None, *,
                  scale_boxes: bool = False) -> Dataset:
    """TFRecords of the TF Object Detection API that match a glob pattern; see `read_voc`."""
    return tf_records.read_tf_records(pattern, label_map, class_names, scale_boxes=scale_boxes)


@in_words(in_arguments)
def read_yolo(path: FilePath, split: str | None = None, class_names: Sequence[str] | None = None) -> Dataset:
    """A YOLO data.yaml, darknet's .data file, or a folder with images and labels.

    split: train, val or test, where there are several. Polygons, oriented boxes and poses give the box about them; an
    image without a label file is background. class_names: of a data set that tells none, by number; see `read_voc`.

    Raises:
        InputError: there is no such data set or split.
    """
    return yolo.read_yolo(path, split, class_names)


@in_words(in_arguments)
def read_labelme(folder: FilePath, class_names: Sequence[str] | None = None, *, scale_boxes: bool = False) -> Dataset:
    """A folder of labelme's JSON files; rectangles, polygons, circles and masks give the box about them; see
    `read_voc`."""
    return labelme.read_labelme(folder, class_names, scale_boxes=scale_boxes)


def drawn_shapes(count: int, seed: int = 0, height: int = 240, width: int = 320) -> Dataset:
    """`count` drawn images of shapes with exact boxes: data to try things on."""
    return shapes.shapes_dataset(count, seed, height, width)
