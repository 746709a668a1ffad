"""The one place that knows paths of a data set: how annotations spell them, and which file below a folder is meant."""

import ntpath
import os
import posixpath
import unicodedata
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from frcnn_keras.data.own_folders import own
from frcnn_keras.errors import InputError, printable

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".jfif", ".jpe")
_DEPTH = 8  # parts of a path, from its end, by which a file is looked up: what stands further in front says no more
_MOST = 64  # paths that are kept of those with one end; two are too many already
_LISTED = 2_000_000  # files and folders that are looked at before it is said that this is no folder of images


class ImageFolder:
    """The images below a folder, found by the names that annotations give them. It is listed once, when needed."""

    def __init__(self, root: str | os.PathLike):
        self.root = Path(root)
        self._listed: Names | None = None

    def find(self, name: str) -> Path:
        """The image that an annotation calls `name`.

        The file of that very name, its path relative to the folder, as it is spelled or with backslashes, `./`, `..`
        and URL escapes resolved. Else one in a sub-folder, or what a path of another machine ends with; letters' case
        and Unicode's composition do not matter then. Else the same with another image suffix, or with any.

        Raises:
            InputError: there is none, or two fit.
        """
        for named in (self.named, self.by_stem):
            path = named(name)
            if path is not None:
                return path
        raise InputError(f"there is no image {shown(name)} in {self.root}")

    def named(self, name: str, below: str = "") -> Path | None:
        """The image of that name, its suffix included; None where there is none. See `find`.

        below: a sub-folder that is looked into first; where it holds images, no other sub-folder is guessed. Raises
        InputError where two fit.
        """
        spelled = [spelling for spelling in spellings(name) if not is_hidden(spelling)]
        for folder in dict.fromkeys((below, "")):
            for spelling in spelled:
                path = os.path.join(self.root, folder, spelling)
                if os.path.isfile(path):  # False for a name that no file can have: too long, with NUL
                    return Path(path)
        inside = f"{below}/" if self.holds(below) else ""
        for spelling in spelled:
            found = self._names().with_suffix(inside + spelling)
            if found is not None:
                return self.root / found
        return None

    def holds(self, folder: str) -> bool:
        """Whether there are images below a sub-folder; never in "", the folder itself."""
        return folded(folder) in self._names().folders

    def by_stem(self, name: str) -> Path | None:
        """The image whose name without its suffix is `name`, which may have an image's suffix; None where there is
        none. Raises InputError where two fit."""
        for spelling in spellings(name):
            if not is_hidden(spelling):
                found = self._names().without_suffix(without_suffix(spelling))
                if found is not None:
                    return self.root / found
        return None

    def id_of(self, path: str | os.PathLike) -> str:
        """An image's id: its path below the folder, with suffix, parted by "/"; of an image elsewhere the way there."""
        try:
            relative = os.path.relpath(path, self.root)
        except ValueError:  # on another drive
            relative = os.fspath(path)
        return valid(relative.replace(os.sep, "/"))

    def images(self) -> list[Path]:
        """All images below the folder, sorted; hidden files and folders are none."""
        return [self.root / name for name in self._names().all]

    def _names(self) -> "Names":
        if self._listed is None:
            self._listed = Names(files_below(self.root, IMAGE_SUFFIXES))
        return self._listed


class Names:
    """Paths relative to one folder, looked up whole or by their ends: dictionaries, so that a look-up lists nothing."""

    def __init__(self, paths: list[str]):
        self.all = paths
        self.folders: set[str] = set()  # that they lie below, folded
        self._whole, self._stems = Ends(), Ends()
        for path in paths:
            folder = folded(os.path.dirname(path))
            while folder and folder not in self.folders:
                self.folders.add(folder)
                folder = os.path.dirname(folder)
            self._whole.add(path, path)
            self._stems.add(os.path.splitext(path)[0], path)

    def with_suffix(self, name: str) -> str | None:
        """The path that `name` means; InputError where two fit."""
        return self._whole.find(name)

    def without_suffix(self, stem: str) -> str | None:
        """The path that `stem` and a suffix mean; InputError where two fit."""
        return self._stems.find(stem)


class Ends:
    """Which path is meant by a name that says less of it, or more."""

    def __init__(self):
        self._paths: dict[str, list[tuple[str, str]]] = {}  # (key, path) by the folded key
        self._ends: dict[str, list[tuple[str, str]]] = {}  # by what it ends with, the key itself left out

    def add(self, key: str, path: str) -> None:
        first, *others = _tails(folded(key))
        self._paths.setdefault(folded(key), []).append((key, path))
        for tail in others if first == folded(key) else (first, *others):
            if len(self._ends.setdefault(tail, [])) < _MOST:
                self._ends[tail].append((key, path))

    def find(self, name: str) -> str | None:
        """The path whose key is `name`; else whose key ends with it; else whose key is its longest end.

        Never one that shares an end alone: cam2/1.jpg is not cam1/1.jpg. InputError where two fit equally.
        """
        whole, *ends = _tails(folded(name))
        for found in (self._paths.get(folded(name)), self._ends.get(whole), *map(self._paths.get, ends)):
            if found:
                exact = [path for key, path in found if name.endswith(key) or key.endswith(name)]
                choice = exact if len(exact) == 1 else [path for _, path in found]
                if len(choice) > 1:
                    raise InputError(f"{shown(name)} fits both {printable(choice[0])} and {printable(choice[1])}; name "
                                     "the image in full, with its suffix")
                return choice[0]
        return None


def _tails(path: str) -> Iterator[str]:
    """a/b/c, b/c, c"""
    parts = path.split("/")[-_DEPTH:]
    return ("/".join(parts[start:]) for start in range(len(parts)))


def folded(path: str) -> str:
    """A path as it is compared where letters' case and Unicode's composition are not to matter."""
    return unicodedata.normalize("NFC", path).casefold()


def spellings(name: str) -> list[str]:
    """What a name in an annotation can mean, what is likelier first: itself, its parts parted by "/" and resolved, its
    URL escapes replaced. None for a name that no file can have."""
    if not name.strip() or "\0" in name or len(name) > 4096:
        return []
    unquoted = urllib.parse.unquote(name.strip(), errors="surrogateescape") if "%" in name else name
    meant = [posixpath.normpath(text) for text in (name, name.strip(), _forward(name.strip()), _forward(unquoted))]
    return [text for text in dict.fromkeys(meant) if text.strip("./") and "\0" not in text]


def _forward(name: str) -> str:
    """A path with "/" between its parts, without a drive or a URL's scheme."""
    name = name[len("file://"):] if name.lower().startswith("file://") else name
    return ntpath.splitdrive(name)[1].replace("\\", "/") if "\\" in name or name[1:2] == ":" else name


def without_suffix(name: str) -> str:
    """A name without an image's suffix; another name as it is: "one.v2" has none."""
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in IMAGE_SUFFIXES else name


def is_hidden(name: str) -> bool:
    """Whether a file is none of the user's: .DS_Store, and ._a.jpg beside a.jpg, which are no images."""
    return os.path.basename(name).startswith(".")


def files_below(root: str | os.PathLike, suffixes: tuple[str, ...], left_out: list[str] | None = None) -> list[str]:
    """Sorted paths, relative to the folder and parted by "/", of the files below it with one of these suffixes in any
    case. Hidden files and folders are left out, and __MACOSX; so is what this package wrote into its sub-folders, whose
    names go to `left_out`. Links are followed, each folder once.

    Raises:
        InputError: a folder that cannot be listed.
    """
    found: list[str] = []
    waiting, seen, looked = [""], set(), 0
    while waiting:
        if looked > _LISTED:
            raise InputError(f"{root}: more than {_LISTED} files lie below this folder; name one that holds images")
        folder = waiting.pop()
        try:
            status = os.stat(os.path.join(root, folder))
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(os.path.join(root, folder)) as listed:
                entries = list(listed)
            looked += len(entries)
            ours = own(os.path.join(root, folder), {entry.name for entry in entries}) if folder else ()
            if ours and left_out is not None:
                left_out.append(folder)
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if is_hidden(entry.name) or entry.name == "__MACOSX" or entry.name in ours:
                    continue
                if entry.name.lower().endswith(suffixes) and entry.is_file():
                    found.append(path)
                elif entry.is_dir():
                    waiting.append(path)
        except OSError as error:
            raise InputError(f"{os.path.join(root, folder)}: the folder cannot be listed ({error.strerror})") from error
    return sorted(found)


def shown(name: str, limit: int = 120) -> str:
    """A name as messages quote it: printable, on one line, of bearable length."""
    return repr(name if len(name) <= limit else name[: limit - 3] + "...")


def valid(name: str) -> str:
    """A name as text that can be written: bytes of file names that are no UTF-8, as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") if _escaped(name) else name


def _escaped(name: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in name)
