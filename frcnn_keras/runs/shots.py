"""What is looked at, one after another: pictures, frames, pictures that come into a folder."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from frcnn_keras.data.growing_folder import Arrived, Stamp
from frcnn_keras.data.image_paths import valid
from frcnn_keras.data.piped_frames import STDIN, Piped
from frcnn_keras.data.video import Video, is_stream

_DRAWN = (".jpg", ".jpeg", ".png")  # what is written; other kinds become the last
_RATE = 10.0  # frames a second of an MP4 where nothing says it


@dataclasses.dataclass(frozen=True)
class Shot:
    """One picture or frame."""

    file: str  # of the picture or the video, as results name it
    image: Any  # a path, encoded bytes, or (H, W, 3) uint8 RGB
    name: str  # of its drawn picture; what else is made of it is called after it
    number: int | None = None  # of a picture among those given, from 1
    frame: int | None = None  # of a frame in its video, from 0
    seconds: float | None = None
    stamp: Stamp | None = None  # of a picture in a folder that is watched
    video: str = ""  # the name of the MP4 that it is drawn into; "" where it becomes a picture
    rate: float = _RATE  # frames a second of that MP4
    lossy: bool = False  # whether a fault of it alone is passed over: the next one is on its way

    @property
    def called(self) -> str:
        """What messages call it."""
        return self.file if self.frame is None else f"{self.file}: frame {self.frame}"

    @property
    def stem(self) -> str:
        """What the names of files made of it begin with."""
        return Path(self.name).stem


def picture_name(path: Path) -> str:
    """The name of a picture's drawn one: its own, as a PNG where its kind is not written."""
    return f"{path.stem}{path.suffix if path.suffix.lower() in _DRAWN else '.png'}"


def of_pictures(pictures: Iterable[tuple[Path, str]], numbered: bool = True) -> Iterator[Shot]:
    """pictures: (path, name of the drawn one)."""
    for number, (path, name) in enumerate(pictures, 1):
        yield Shot(valid(str(path)), path, name, number if numbered else None)


def of_frames(video: Video | Piped, name: str) -> Iterator[Shot]:
    """name: of the MP4. Standard input's pictures are drawn one by one, as each may have a size of its own."""
    stem = Path(name).stem
    for frame in video:
        encoded = isinstance(frame.image, bytes)
        suffix = ".png" if encoded and frame.image[:4] == b"\x89PNG" else ".jpg"
        yield Shot(valid(video.name), frame.image, f"{stem}-{frame.number:06}{suffix}", None, frame.number,
                   frame.seconds, video="" if encoded and video.source == STDIN else name,
                   rate=(video.fps or _RATE) / video.every, lossy=is_stream(video.source))


def of_arrivals(arrivals: Iterable[Arrived]) -> Iterator[Shot]:
    """Their names are their own whole ones, so that a.webp and a.png do not meet in whatever order they come."""
    for path, stamp in arrivals:
        name = path.name if path.suffix.lower() in _DRAWN else f"{path.name}.png"
        yield Shot(valid(str(path)), path, name, stamp=stamp, lossy=True)
