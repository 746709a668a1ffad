"""What is written of all that is looked at, as it comes: memory does not grow with the number of pictures."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from frcnn_keras.errors import InputError
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.lines import Lines, read_lines
from frcnn_keras.files.stored import json_list
from frcnn_keras.files.whole import done_with, temporary_name, tidy_folder
from frcnn_keras.pictures.video_file import VideoFile
from frcnn_keras.runs.found_lines import Line, coco_results, line_of
from frcnn_keras.runs.looking import Seen
from frcnn_keras.runs.prelabels import Prelabels

RESULTS, LINES = "detections.json", "detections.jsonl"
CROPS, FRAMES = "crops", "images"  # folders of what is cut out, and of frames to be labelled


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is to be written into a folder."""

    lines: str = ""  # the name of the file of JSON lines; "" for RESULTS, which pictures have in the end
    go_on: bool = False  # whether lines go behind those that are there
    keep: bool = False  # whether what an earlier run cut out, and its frames, stay
    crops: bool = False
    prelabels: Prelabels | None = None
    told: Callable[[str], None] | None = None  # is given every line as it is written


class Results:
    """`with Results(ledger, asked) as results: results.add(seen)`.

    With lines, what was written stays when the work is broken off by bad input or by its user, and is brought to an
    end: the MP4 that is being written, and label files. Without, it is as if nothing had been begun.
    """

    def __init__(self, ledger: Ledger, asked: Asked):
        self.ledger, self.asked, self.folder = ledger, asked, ledger.folder
        self.pictures = self.detections = 0
        self._video: tuple[str, VideoFile] | None = None
        self._open = contextlib.ExitStack()  # the MP4
        self._within = {name: Ledger(self.folder / name) for name in (CROPS, FRAMES)}
        self.path = self.folder / asked.lines if asked.lines else temporary_name(self.folder / RESULTS, ".jsonl", False)

    def __enter__(self) -> "Results":
        if self.asked.lines:
            self.ledger.begin(self.asked.lines)
        for ledger in self._within.values():
            self._tidy(ledger)
        self._lines = Lines(self.path, self.asked.go_on)
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._lines.close()
        try:
            if kind and self.asked.lines and not self.pictures and not self.asked.go_on:
                self.path.unlink()  # nothing was begun
            elif kind is None or (self.asked.lines and issubclass(kind, (InputError, KeyboardInterrupt))):
                self._finish()
            else:
                self._open.__exit__(kind, error, trace)
        finally:
            if not self.asked.lines:
                self.path.unlink(missing_ok=True)
                done_with(self.path)

    def add(self, seen: Seen) -> None:
        """Writes what was made of one shot, its line last: what has a line is done."""
        shot = seen.shot
        if isinstance(seen.drawn, bytes):
            name = self.ledger.free_name(shot.name) if self.asked.lines else shot.name
            self.ledger.write(name, seen.drawn, quick=True)  # waiting for the disk three times a picture costs a fifth
        elif seen.drawn is not None:
            self._write_frame(seen)
        for name, data in seen.crops:
            self._write(self._within[CROPS], name, data)
        picture = f"{FRAMES}/{self._write(self._within[FRAMES], shot.name, seen.original)}" if seen.original else ""
        text = self._lines.write(line_of(seen, picture))
        self.pictures += 1
        self.detections += len(seen.found or ())
        if self.asked.told:
            self.asked.told(text)

    def _tidy(self, ledger: Ledger) -> None:
        """What an earlier run wrote into a folder that is written anew goes; a user's files stay."""
        if not ledger.folder.is_dir():
            return
        for folder in (ledger.folder, *filter(Path.is_dir, ledger.folder.iterdir())):
            tidy_folder(folder)
        anew = self.asked.crops if ledger is self._within[CROPS] else self.asked.prelabels
        for name in ledger.names() if anew and not self.asked.keep else ():
            ledger.remove(name)
        ledger.tidy()

    def _write(self, ledger: Ledger, name: str, data: bytes) -> str:
        """Writes a file below a folder, and gives its name there, which is never a user's file's."""
        name = ledger.free_name(name)
        try:
            (ledger.folder / name).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{ledger.folder / name}: cannot be written ({error.strerror}); give another "
                             "--out") from error
        ledger.write(name, data, quick=True)
        return name

    def _write_frame(self, seen: Seen) -> None:
        """Appends a frame to its MP4; the one before is finished."""
        name = seen.shot.video
        if self._video is None or self._video[0] != name:
            self._open.close()
            video = VideoFile(self._open.enter_context(self.ledger.file(name)), seen.shot.rate)
            self._open.callback(video.close)
            self._video = name, video
        try:
            self._video[1].write(seen.drawn)
        except InputError:  # there is no MP4
            self._open.__exit__(*sys.exc_info())
            raise

    def _finish(self) -> None:
        self._open.close()
        if self.asked.lines:
            self.ledger.finish(self.asked.lines)
        else:
            with self.ledger.file(RESULTS) as path, open(path, "w", encoding="utf-8", newline="") as file:
                file.writelines(json_list(coco_results(self.lines())))
        if self.asked.prelabels:
            self.asked.prelabels.write(self.lines)

    def lines(self) -> Iterator[Line]:
        """All that was found, from the first; of earlier runs too, where they are gone on with."""
        return read_lines(self.path)
