"""What was found as labels to be corrected: files that labelling tools and this package's readers read."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from frcnn_keras.files import to_json
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.stored import json_list
from frcnn_keras.runs import label_files as forms
from frcnn_keras.runs import studio_tasks
from frcnn_keras.runs.found_lines import Line, labelled
from frcnn_keras.runs.label_files import Labelled

FORMS = ("coco", "voc", "yolo", "labelstudio", "csv")
_ALONE = {"coco": ("instances.json",), "voc": (), "yolo": ("data.yaml",), "csv": ("annotations.csv",),
          "labelstudio": ("tasks.json", "labelling_config.xml")}  # a form's files that are no picture's


class Prelabels:
    """Label files of some forms, each in a folder of its own below `out`; pictures are not copied there.

    root: the folder that the pictures' names in them begin at. Ids of pictures are their numbers, where all have one.
    """

    def __init__(self, out: Path, names: Sequence[str], root: Path, class_names: Sequence[str],
                 category_ids: Sequence[int]):
        self.out, self.forms, self.root = out, tuple(dict.fromkeys(names)), Path(os.path.abspath(root))
        self.class_names, self.category_ids = class_names, [int(id) for id in category_ids]
        self._labels = {id: label for label, id in enumerate(self.category_ids, 1)}

    def require_free(self, pictures: Iterable[str | os.PathLike] = ()) -> None:
        """InputError where what is known of before would be written over a user's file, or two pictures would share
        one."""
        pictures = list(pictures)
        for form in self.forms:
            names = forms.LabelNames(form)
            each = [names.of(self._named(path)) for path in pictures] if form in ("voc", "yolo") else []
            Ledger(self.out / form).require_free([*_ALONE[form], *each], "--out", reads=pictures)

    def write(self, lines: Callable[[], Iterator[Line]]) -> None:
        """Writes all forms. lines: gives those of found_lines from the first, as often as it is called."""
        last = {self._picture(line): place for place, line in enumerate(lines())}  # a picture may have come anew
        for form in self.forms:
            folder = self.out / form
            folder.mkdir(parents=True, exist_ok=True)
            ledger = Ledger(folder)
            ledger.require_free(_ALONE[form], "--out")
            ledger.tidy()
            if form in ("voc", "yolo"):
                self._each(ledger, form, lambda: self._all(lines, last))
            if form != "voc":
                self._together(ledger, form, lambda: self._all(lines, last), lambda: self._all(lines, last, True))

    def _all(self, lines: Callable[[], Iterator[Line]], last: dict[str, int],
             paths: bool = False) -> Iterator[Labelled]:
        """paths: pictures by their whole paths, not by their names below `root`."""
        first = 1
        for place, line in enumerate(lines()):
            picture = self._picture(line)
            if last[picture] == place:
                yield labelled(line, line.get("number", place + 1), self._address(picture) if paths else
                               self._named(picture), first, self._labels)
                first += len(line["detections"])

    def _each(self, ledger: Ledger, form: str, pictures: Callable[[], Iterator[Labelled]]) -> None:
        """A file a picture; those of an earlier run's pictures go."""
        names = forms.LabelNames(form)
        new = {names.of(one.file) for one in pictures()}
        ledger.require_free(new, "--out")
        names = forms.LabelNames(form)
        for one in pictures():
            name = names.of(one.file)
            (ledger.folder / name).parent.mkdir(parents=True, exist_ok=True)
            ledger.write(name, forms.voc_xml(one, self.class_names) if form == "voc" else forms.yolo_lines(one),
                         quick=True)
        for name in set(ledger.names()) - new - set(_ALONE[form]):
            ledger.remove(name)

    def _together(self, ledger: Ledger, form: str, pictures: Callable[[], Iterator[Labelled]],
                  by_path: Callable[[], Iterator[Labelled]]) -> None:
        """The files that are no picture's."""
        if form == "yolo":
            ledger.write("data.yaml", forms.yolo_names(self.class_names))
            return
        if form == "labelstudio":
            ledger.write("labelling_config.xml", studio_tasks.labelling_config(self.class_names).encode())
        with ledger.file(_ALONE[form][0]) as path, open(path, "w", encoding="utf-8", newline="") as file:
            if form == "coco":
                self._write_coco(file, pictures)
            elif form == "labelstudio":
                file.writelines(json_list(self._task(one) for one in pictures()))
            else:
                file.write(",".join(forms.CSV_HEADER) + "\n")
                file.writelines(forms.csv_lines(one, self.class_names).decode() for one in by_path())

    def _write_coco(self, file: TextIO, pictures: Callable[[], Iterator[Labelled]]) -> None:
        """An entry after another: neither all pictures nor all labels are in memory."""
        file.write('{"info": {"description": "found by frcnn_keras"},\n"categories": ')
        file.write(to_json(forms.coco_categories(self.category_ids, self.class_names)))
        file.write(',\n"images": ')
        file.writelines(json_list(forms.coco_image(one) for one in pictures()))
        file.write(',\n"annotations": ')
        file.writelines(json_list(entry for one in pictures() for entry in forms.coco_annotations(
            one, self.category_ids)))
        file.write("}\n")

    def _task(self, one: Labelled) -> dict[str, Any]:
        scores = [] if one.scores is None else one.scores.tolist()
        regions = [{**studio_tasks.region(f"label{id}", box, self.class_names[label - 1], one.width, one.height),
                    "score": score}
                   for id, box, label, score in zip(one.ids, one.boxes, one.labels, scores, strict=True)]
        return {"data": {"image": studio_tasks.image_address(one.file)},
                "predictions": [{"model_version": "frcnn_keras", "score": max(scores, default=0.0), "result": regions}]}

    def _picture(self, line: Line) -> str:
        """Where a line's picture is."""
        return os.path.abspath(self.out / line["picture"] if "picture" in line else line["file"])

    def _named(self, path: str | os.PathLike) -> str:
        """As label files call a picture: its path below `root`, with "/"."""
        return os.path.relpath(os.path.abspath(path), self.root).replace(os.sep, "/")

    def _address(self, picture: str) -> str:
        """As CSV does, which is read from where it lies: the whole path, of frames written beside it the way there."""
        inside = Path(os.path.abspath(self.out))
        return os.path.relpath(picture, inside / "csv").replace(os.sep, "/") if Path(picture).is_relative_to(
            inside) else picture


def common_root(pictures: Iterable[str | os.PathLike]) -> Path:
    """The folder that all pictures lie below."""
    folders = {os.path.dirname(os.path.abspath(path)) for path in pictures}
    try:
        return Path(os.path.commonpath(folders)) if folders else Path(".")
    except ValueError:  # on several drives
        return Path(".")
