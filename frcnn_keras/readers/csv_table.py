"""The lines of a CSV of objects, whichever way programs write it: separators, encodings, columns by their names."""

import csv
import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.validation import RawObject

_COLUMNS = {  # the words that stand for each column in a header, likelier ones first
    "path": ("path", "filename", "file_name", "filepath", "file_path", "file", "image", "image_path", "imagepath",
             "image_name", "image_file", "img", "img_path", "image_id", "imageid"),
    "x1": ("x1", "xmin", "x_min", "left"), "y1": ("y1", "ymin", "y_min", "top"),
    "x2": ("x2", "xmax", "x_max", "right"), "y2": ("y2", "ymax", "y_max", "bottom"),
    "class": ("class", "class_name", "classname", "label", "label_name", "labelname", "category", "name"),
    "width": ("width", "image_width", "img_width"), "height": ("height", "image_height", "img_height"),
    "difficult": ("difficult",), "split": ("split", "subset", "partition"),
}
_BOX = ("x1", "y1", "x2", "y2")
_PLAIN = ("path", *_BOX, "class")  # the columns of a file without a header
_NEEDED = "path,x1,y1,x2,y2,class, or with a header filename,width,height,class,xmin,ymin,xmax,ymax in any order"
_SEPARATORS = (",", ";", "\t")
_LONGEST = 100_000  # characters of a line
_MOST = 200  # columns of a header
_FLAGS = {"": False, "0": False, "1": True, "false": False, "true": True}
_MARKS = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class Row(NamedTuple):
    """One line: an image, and an object in it."""

    line: int
    path: str  # of the image, as it stands there
    raw: RawObject | None  # None where the line stands for an image without objects
    stated: tuple[int, int]  # (height, width) of the image; 0 where the line does not say
    split: str = ""  # what a column of splits says


class Broken(NamedTuple):
    """A line that holds no object that could be read."""

    line: int
    message: str


class Table(NamedTuple):
    """How the lines are to be read."""

    separator: str
    columns: dict[str, int]  # where each stands
    width: int  # cells of a line
    header: bool


def rows(path: Path) -> Iterator[Row | Broken]:
    """Every line that is not empty, without the header; the file is read as they are asked for.

    Raises:
        InputError: the file cannot be read, is no text or no CSV, or its header lacks a column.
    """
    encoding = "utf-8-sig"
    number = 0
    try:
        with open(path, "rb") as file:
            start = file.read(4)
            encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), encoding)
        with open(path, encoding=encoding, newline="") as file:
            lines = _lines(path, file)
            skipped, first, separator = _first(path, lines)
            if first is None:
                return
            table = _table(path, skipped + 1, first, separator)
            reader = csv.reader(itertools.chain([first], lines), delimiter=table.separator, strict=True)
            for cells in reader:
                number = skipped + reader.line_num
                cells = [cell.strip() for cell in cells]
                if any(cells) and not (table.header and number == skipped + 1):
                    yield _row(number, cells, table)
    except csv.Error as error:
        raise InputError(f"{path}: line {number + 1}: malformed CSV ({error})") from error
    except UnicodeError as error:
        raise InputError(f"{path}: {_no_text(path, encoding, error)}") from error
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{printable(str(path))}: cannot be read ({reason})") from error


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    for number in itertools.count(1):
        line = file.readline(_LONGEST)
        if len(line) == _LONGEST:
            raise InputError(f"{path}: line {number}: over {_LONGEST:,} characters; this is no CSV of objects")
        if not line:
            return
        yield line


def _first(path: Path, lines: Iterator[str]) -> tuple[int, str | None, str]:
    """(lines passed over, the first with content, the separator that Excel's `sep=;` says)"""
    separator = ""
    for skipped, line in enumerate(lines):
        if "\0" in line:
            raise InputError(f"{path}: line {skipped + 1}: holds NUL characters, as UTF-16 without its mark does; save "
                             "the file as UTF-8")
        if match := re.fullmatch(r'"?sep=(.)"?\s*', line):
            separator = match[1]
        elif line.strip(" \t\r\n,;"):
            return skipped, line, separator
    return 0, None, separator


def _table(path: Path, line: int, first: str, separator: str) -> Table:
    """The separator with which the first line makes sense, and its columns."""
    tables = [_read_as(first, mark) for mark in ([separator] if separator else _SEPARATORS)]
    whole = next((table for table in tables if table.columns.keys() >= set(_PLAIN)), None)
    table = whole or max(tables, key=lambda table: table.width)
    lacking = [name for name in _PLAIN if name not in table.columns]
    if table.header and lacking:
        raise InputError(f"{path}: line {line}: the header lacks {', '.join(lacking)}; the columns are {_NEEDED}; "
                         f"received: {printable(first.strip())[:100]}")
    return table if table.header or whole else table._replace(columns=_plain(), width=len(_PLAIN))


def _plain() -> dict[str, int]:
    return {name: place for place, name in enumerate(_PLAIN)}


def _read_as(first: str, separator: str) -> Table:
    """What the first line is with a separator: a header, an object's line, or (no columns) neither."""
    try:
        cells = [cell.strip() for cell in next(csv.reader([first], delimiter=separator))]
    except (csv.Error, TypeError, ValueError):  # a separator that csv does not take
        cells = [first]
    if len(cells) > _MOST:
        return Table(separator, {}, len(cells), False)
    words = [re.sub(r"[\s-]+", "_", cell.lower()) for cell in cells]
    numbers = [_number(cell, separator) is not None for cell in cells]
    known = sum(word in _COLUMNS[name] for word in words for name in _BOX)
    if not any(numbers) and (known > 1 or len(cells) > 4 and all(cells[1:5])):
        return Table(separator, _columns(words), len(cells), True)
    trimmed = _trimmed(cells, len(_PLAIN))
    if len(trimmed) == len(_PLAIN) and (all(numbers[1:5]) or not any(trimmed[1:])):
        return Table(separator, _plain(), len(_PLAIN), False)
    return Table(separator, {}, len(cells), False)


def _columns(words: list[str]) -> dict[str, int]:
    """Where each column stands by a header's words. `name` is the class, or else the file where the class is told."""
    columns = {}
    for name, meanings in _COLUMNS.items():
        word = next((word for word in meanings if words.count(word) == 1), None)
        if word is not None:
            columns[name] = words.index(word)
    if "path" not in columns and words.count("name") == 1 and columns["class"] != words.index("name"):
        columns["path"] = words.index("name")
    if not set(_PLAIN) <= columns.keys() and len(words) == 6 and all(words[1 + place] in _COLUMNS[name]
                                                                     for place, name in enumerate(_BOX)):
        return _plain()  # the usual order, its ends called something else
    return columns


def _trimmed(cells: list[str], width: int) -> list[str]:
    """Cells without the empty ones behind the last column, as spreadsheets leave them."""
    end = len(cells)
    while end > width and not cells[end - 1]:
        end -= 1
    return cells[:end]


def _row(line: int, cells: list[str], table: Table) -> Row | Broken:
    """What one line says."""
    try:
        return _parse(line, _trimmed(cells, table.width), table)
    except InputError as error:
        return Broken(line, str(error))


def _parse(line: int, cells: list[str], table: Table) -> Row:
    received = printable(table.separator.join(cells))[:100]
    if len(cells) != table.width:
        needed = f"{table.width} columns as in the header" if table.header else "six columns path,x1,y1,x2,y2,class"
        raise InputError(f"{needed} are needed; received {len(cells)}: {received}")
    path, *box, name = (cells[table.columns[column]] for column in _PLAIN)
    width, height, difficult, split = (cells[table.columns[column]] if column in table.columns else ""
                                       for column in ("width", "height", "difficult", "split"))
    if not path:
        raise InputError(f"the image's path is missing; received: {received}")
    if "\0" in "".join(cells):
        raise InputError(f"it holds a NUL character; received: {received}")
    stated = _side(height, "height", table.separator), _side(width, "width", table.separator)
    if not any((*box, name)):
        return Row(line, path, None, stated, split)
    numbers = [_number(cell, table.separator) for cell in box]
    if None in numbers:
        raise InputError(f"x1,y1,x2,y2 must be numbers; received: {printable(','.join(box))[:100]}")
    if difficult.lower() not in _FLAGS:
        raise InputError(f"difficult must be 0 or 1; received: {printable(difficult)[:100]}")
    item = f"line {line}" + (f" ({printable(name[:80])})" if name else "")
    return Row(line, path, RawObject(name, tuple(numbers), item, _FLAGS[difficult.lower()]), stated, split)


def _number(text: str, separator: str) -> float | None:
    """A number; with a decimal comma where commas do not separate cells. None for anything else."""
    if separator != "," and re.fullmatch(r"[-+]?[0-9]*,[0-9]+", text):
        text = text.replace(",", ".")
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def _side(text: str, name: str, separator: str) -> int:
    """A stated width or height; 0 where there is none."""
    number = _number(text, separator) if text else 0.0
    if number is None or not math.isfinite(number) or number < 0 or number != int(number):
        raise InputError(f"{name} must be a whole number of pixels; received: {printable(text)[:100]}")
    return int(number)


def _no_text(path: Path, encoding: str, error: UnicodeError) -> str:
    """What is wrong with a file that is no text in an encoding, and where."""
    reason, line = getattr(error, "reason", None) or str(error), 0
    if encoding == "utf-8-sig":
        with open(path, "rb") as file:
            for line, data in enumerate(file, 1):
                try:
                    data.decode()
                except UnicodeDecodeError:
                    break
    return (f"{f'line {line}: ' if line else ''}not a text file in {encoding.upper().removesuffix('-SIG')} ({reason}); "
            "save it as UTF-8, from Latin-1 with: iconv -f LATIN1 -t UTF-8 FILE > NEW")
