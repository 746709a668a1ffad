"""Looking at one picture or frame after another: others are read, drawn and written while one is computed."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from frcnn_keras.data.growing_folder import GrowingFolder
from frcnn_keras.data.video import is_stream
from frcnn_keras.errors import InputError
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.lines import read_lines
from frcnn_keras.files.safe_names import safe_names
from frcnn_keras.progress import Progress, conveyed, say
from frcnn_keras.runs.class_filter import wanted_labels
from frcnn_keras.runs.detector import Detector
from frcnn_keras.runs.found_lines import stamps_of
from frcnn_keras.runs.looking import Looking
from frcnn_keras.runs.prelabels import Prelabels, common_root
from frcnn_keras.runs.results import FRAMES, LINES, RESULTS, Asked, Results
from frcnn_keras.runs.shots import Shot, of_arrivals
from frcnn_keras.runs.sources import Sources


@dataclasses.dataclass(frozen=True)
class Request:
    """What is looked at, and what is to be made of it."""

    sources: Sources | None  # None where a folder is watched
    watch: Path | None = None
    idle: float | None = None  # seconds without a new picture after which watching ends
    classes: Sequence[str] | None = None  # names; see class_filter.wanted_labels
    save: Sequence[str] = ()  # of prelabels.FORMS
    crops: bool = False
    draw: bool = True
    line_width: int | None = None
    text_height: int | None = None
    skip_bad: bool = False  # whether pictures that cannot be read are passed over and said
    told: Callable[[str], None] | None = None  # is given every line of LINES as it is written; of RESULTS none

    @property
    def in_lines(self) -> bool:
        """Whether LINES is written as it goes, and not RESULTS in the end."""
        return self.sources is None or bool(self.sources.videos)


class Predicting:
    """`Predicting(ledger, request)` looks what is in the way; `run(detector)` does the work.

    Raises:
        InputError: it would write over what is a user's.
    """

    def __init__(self, ledger: Ledger, request: Request):
        self.ledger, self.request, self.sources = ledger, request, request.sources
        if self.sources is None:
            self.folder = Path(os.path.abspath(request.watch or "."))
            if not self.folder.is_dir():
                raise InputError(f"{request.watch}: there is no such folder to watch")
        self.lines = self._lines_name() if request.in_lines else ""
        if self.sources is not None:
            self.names = self.sources.names(ledger, Path(self.lines).stem.removeprefix(Path(LINES).stem))
            ledger.require_free([*(() if self.lines else [RESULTS]), *(self.names if request.draw else ())], "--out",
                                reads=self.sources.files)

    def run(self, detector: Detector) -> Results:
        """Looks at all, and writes what is found. InputError says too where the rest is, where something is written
        when work is broken off."""
        request, names = self.request, detector.class_names
        wanted = wanted_labels(request.classes, names) if request.classes else None
        prelabels = self._prelabels(detector) if request.save else None
        looking = Looking(detector, wanted, request.draw, request.line_width, request.text_height,
                          safe_names(names, "class") if request.crops else None, prelabels is not None)
        asked = Asked(self.lines, self.sources is None, self.sources is None or self.sources.passing, request.crops,
                      prelabels, request.told if self.lines else None)
        results = Results(self.ledger, asked)
        total = self.sources.total() if self.sources else None  # opens videos: before anything is written
        try:
            with results:
                self._look(looking, results, total)
        except InputError as error:
            if not (self.lines and results.pictures):
                raise
            raise InputError(f"{error}; what was found before is in {results.path}") from error
        return results

    def _look(self, looking: Looking, results: Results, total: int | None) -> None:
        unit = "images" if self.sources is None or not self.sources.videos else "frames"
        folder = None if self.sources else GrowingFolder(self.folder, self._done(), say, self.request.idle)
        shots: Iterator[Shot] = of_arrivals(folder) if folder else self.sources.shots(self.names)
        try:
            with Progress("predict", total, unit) as bar:
                for seen in conveyed(looking, shots):
                    if seen.fault is None:
                        results.add(seen)
                    elif self.request.skip_bad or seen.shot.lossy:
                        say(f"left out: {seen.fault}")
                    else:
                        raise seen.fault
                    del seen  # a picture's worth of memory, while the next one is waited for
                    bar.advance()
        finally:
            if folder:
                folder.close()

    def _done(self):
        """What earlier runs have taken of the folder that is watched."""
        path = self.ledger.folder / self.lines
        return stamps_of(read_lines(path), self.folder) if path.exists() and path.stat().st_size else {}

    def _lines_name(self) -> str:
        """LINES; numbered where what is there was cut off by a kill, edited since, or does not come again."""
        path = self.ledger.folder / LINES
        if not os.path.lexists(path):
            return LINES
        if not self.ledger.begun(LINES):
            self.ledger.require_free([LINES], "--out")
        if self.sources is None or (self.ledger.owns(LINES) and not self.sources.passing and _comes_again(path)):
            return LINES
        return self.ledger.new_name(LINES)

    def _prelabels(self, detector: Detector) -> Prelabels:
        if self.sources is None:
            root, pictures = self.folder, []
        else:
            pictures = self.sources.pictures
            frames = [self.ledger.folder / FRAMES / "frame"] if self.sources.videos else []
            root = common_root([*pictures, *frames])
        found = Prelabels(self.ledger.folder, self.request.save, root, detector.class_names, detector.category_ids)
        found.require_free(pictures)
        return found


def _comes_again(path: Path) -> bool:
    """Whether lines are of video files alone, by the first: the same start writes them again."""
    line = next(read_lines(path), None)
    return line is None or not ("modified" in line or line["file"] == "stdin" or is_stream(line["file"]))
