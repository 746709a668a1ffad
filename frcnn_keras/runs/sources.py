"""What a user names to be looked at: files, folders, patterns, videos, streams, cameras, standard input."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from frcnn_keras.data.image_files import list_images
from frcnn_keras.data.image_paths import IMAGE_SUFFIXES
from frcnn_keras.data.piped_frames import STDIN, open_frames
from frcnn_keras.data.video import Video, is_stream
from frcnn_keras.data.video_kinds import VIDEO_SUFFIXES, video_suffix
from frcnn_keras.errors import InputError
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.runs.shots import Shot, of_frames, of_pictures, picture_name


class Sources:
    """The pictures and videos that texts name, in their order."""

    def __init__(self, texts: Sequence[str], every: int = 1):
        """every: of videos, which frames are looked at. InputError: a text names nothing."""
        self.every = every
        self.items: list[Path | str] = [item for text in texts for item in _named(text)]
        self.videos = [item for item in self.items if _moves(item)]
        if self.items.count(STDIN) > 1:
            raise InputError("standard input (-) can be read once; name it once")

    @property
    def files(self) -> list[Path]:
        """Those of them that are files, which are not to be written over."""
        return [item for item in self.items if isinstance(item, Path)]

    @property
    def pictures(self) -> list[Path]:
        """Those of them that do not move."""
        return [item for item in self.files if item not in set(self.videos)]

    @property
    def passing(self) -> bool:
        """Whether one of them is no file: what it showed does not come again."""
        return any(isinstance(item, str) for item in self.items)

    def names(self, ledger: Ledger, mark: str = "") -> list[str]:
        """The drawn file's name of each; new ones for what does not come again. mark: behind the stem of those."""
        return [ledger.new_name(Path(name).stem + mark + ".mp4") if isinstance(item, str) else name
                for item, name in zip(self.items, output_names(self.items), strict=True)]

    def total(self) -> int | None:
        """How many pictures and frames there are to look at; None where that is not known."""
        if self.passing:
            return None
        counts = [Video(video).count for video in self.videos]
        return None if None in counts else len(self.pictures) + sum(-(-count // self.every) for count in counts)

    def shots(self, names: Iterable[str]) -> Iterator[Shot]:
        """names: of the drawn files, one each."""
        if not self.videos:
            yield from of_pictures(zip(self.files, names, strict=True))
            return
        for item, name in zip(self.items, names, strict=True):
            if _moves(item):
                yield from of_frames(open_frames(item, self.every), name)
            else:
                yield from of_pictures([(Path(item), name)], numbered=False)


def output_names(items: Iterable[Path | str]) -> list[str]:
    """A drawn file's name for every picture and video: its own, numbered where folders hold the same name twice."""
    taken: set[str] = set()
    names = []
    for item in items:
        name = _video_name(item) if _moves(item) else picture_name(Path(item))
        stem, suffix, number = Path(name).stem, Path(name).suffix, 2
        while name.lower() in taken:
            name = f"{stem}-{number}{suffix}"
            number += 1
        taken.add(name.lower())
        names.append(name)
    return names


def _video_name(item: Path | str) -> str:
    """Of its MP4."""
    if isinstance(item, Path):
        return f"{item.stem}.mp4"
    return "stdin.mp4" if item == STDIN else "camera.mp4" if item.startswith("camera:") else "stream.mp4"


def _moves(item: Path | str) -> bool:
    """Whether an item of Sources has frames: a file by its suffix; by its content where it has no picture's."""
    if isinstance(item, str):
        return True
    name = item.name.lower()
    if name.endswith(VIDEO_SUFFIXES):
        return True
    if name.endswith(IMAGE_SUFFIXES) or not item.is_file():
        return False
    try:
        with open(item, "rb") as file:
            return bool(video_suffix(file.read(16)))
    except OSError:
        return False  # whoever reads it as a picture says why


def _named(text: str) -> list[Path | str]:
    """What one text names: of a folder its pictures, and its videos where it has no pictures."""
    if text == STDIN or is_stream(text):
        return [text]
    if not os.path.isfile(text) and not os.path.isdir(text):
        if text.lower().endswith(VIDEO_SUFFIXES) and not any(mark in text for mark in "*?["):
            raise InputError(f"{text}: there is no such video file")
        return list(list_images(text, IMAGE_SUFFIXES + VIDEO_SUFFIXES))
    try:
        return list(list_images(text))
    except InputError as error:
        try:
            return list(list_images(text, VIDEO_SUFFIXES))
        except InputError:
            raise error from None
