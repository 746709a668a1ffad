"""A part of a data set, as every command's flags name it."""

import dataclasses
from collections.abc import Sequence

from frcnn_keras.data.example import Dataset
from frcnn_keras.readers.coco import read_coco
from frcnn_keras.readers.csv_file import read_csv
from frcnn_keras.readers.labelme import read_labelme
from frcnn_keras.readers.tf_records import read_tf_records
from frcnn_keras.readers.voc import read_voc
from frcnn_keras.readers.yolo import read_yolo

# by what is taken where several fit: what says most of its objects (difficult ones, crowds) goes first
FORMS = {"voc": "Pascal VOC", "coco": "COCO", "yolo": "YOLO", "labelme": "labelme", "tfrecord": "TFRecord",
         "csv": "CSV"}
SORTED = ("voc", "labelme", "csv")  # whose classes are by alphabet


@dataclasses.dataclass(frozen=True)
class Source:
    """Where one split is. places: what the form's flag takes; of TFRecords the pattern and the label map."""

    form: str  # of FORMS
    places: tuple[str, ...]
    split: str | None = None  # as the data set calls it; None where `places` say it, or there is one alone

    def read(self, class_names: Sequence[str] | None = None, *, scale_boxes: bool = False) -> Dataset:
        """The data set; see its form's reader."""
        place = self.places[0]
        if self.form == "voc":
            return read_voc(place, self.split, class_names, scale_boxes=scale_boxes)
        if self.form == "coco":
            return read_coco(place, self.places[1], class_names, scale_boxes=scale_boxes)
        if self.form == "yolo":
            return read_yolo(place, self.split, class_names)
        if self.form == "labelme":
            return read_labelme(place, class_names, scale_boxes=scale_boxes)
        if self.form == "tfrecord":
            return read_tf_records(place, self.places[1], class_names, scale_boxes=scale_boxes)
        return read_csv(place, class_names, split=self.split, scale_boxes=scale_boxes)

    def flags(self) -> tuple[str, ...]:
        """The flags that name it to other commands."""
        places = (self.places[0], "--label-map", self.places[1]) if self.form == "tfrecord" else self.places
        return (f"--{self.form}", *places, *(() if self.split is None else ("--split", self.split)))
