"""Which findings a user accepts: a file of their ids or numbers, or a least score."""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.errors import InputError, one_line


def id_of(one: Finding) -> str:
    """Ten letters that stay the finding's whatever its place in the list: of kind, picture, label and box."""
    told = json.dumps([one.kind, one.image, one.file, one.annotation, one.label, one.suggested,
                       [round(edge, 2) for edge in one.box]])
    return hashlib.sha256(told.encode()).hexdigest()[:10]


def accepted(findings: Sequence[Finding], file: str | Path | None, least: float | None) -> tuple[Finding, ...]:
    """Those that a file names and that score `least` or more; best first, as they were.

    file: a JSON list of ids, of numbers from 1, or of findings as audit.json has them; or text, an id or a number a
        line, also as the first column of a table such as audit.csv without the lines of what is refused.

    Raises:
        InputError: the file cannot be read, or names a finding that there is not.
    """
    chosen = set(range(len(findings))) if file is None else _named(findings, Path(file))
    return tuple(one for place, one in enumerate(findings) if place in chosen
                 and (least is None or one.score >= least))


def _named(findings: Sequence[Finding], file: Path) -> set[int]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        entries = json.loads(text) if text.lstrip().startswith("[") else _lines(text)
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        raise InputError(f"{file}: cannot be read ({one_line(error)}); it is a JSON list, or lines, of findings' ids "
                         "or numbers") from error
    places = {id_of(one): place for place, one in enumerate(findings)}
    return {_place(entry, places, len(findings), f"{file}: entry {number}") for number, entry in enumerate(entries, 1)}


def _lines(text: str) -> list[str]:
    """The first column, without empty lines, comments and a table's head."""
    rows = [row[0].strip() for row in csv.reader(io.StringIO(text)) if row and row[0].strip()]
    rows = [row for row in rows if not row.startswith("#")]
    return rows[1:] if rows and rows[0] == "id" else rows


def _place(entry: Any, places: dict[str, int], count: int, where: str) -> int:
    word = entry.get("id") if isinstance(entry, dict) else entry
    if isinstance(word, str) and word in places:
        return places[word]
    text = str(word)
    if not isinstance(word, bool) and text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= count:
        return int(text) - 1
    raise InputError(f"{where}: no finding is called {text:.40}; there are 1 to {count}, and the ids of audit.json")
