"""What a folder was begun with, the same for all stages: a second start asks for the same, or is told what differs."""

from pathlib import Path
from typing import Any

from frcnn_keras.data.records import FORMAT
from frcnn_keras.errors import InputError
from frcnn_keras.files import read_sealed, seal, write_json
from frcnn_keras.settings import options


def stored_form(request: Any) -> dict:
    """A request, a dataclass, as it is written: with the format's number."""
    return {"format": FORMAT, **options.to_dict(request)}


def differs(path: Path, request: Any) -> str:
    """What the request at `path` differs in from this one: `name: old -> new`; empty where they are the same."""
    return options.difference(_stored(path), stored_form(request))


def begin(path: Path, request: Any, begun: bool, flag: str = "--run", write: bool = True) -> None:
    """Writes the request, or checks that an earlier start that got anywhere (`begun`) asked for the same.

    flag: names the folder in messages. write: False for a worker that leaves writing to the chief.

    Raises:
        InputError: it was begun with another config; names the difference.
    """
    if path.exists() and begun:
        difference = differs(path, request)
        if difference:
            raise InputError(f"{path}: was begun with another config ({difference}); give that config, another {flag}, "
                             "or --fresh to start over")
    elif write:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, seal(stored_form(request)))


def read_request(path: Path, record: type) -> Any:
    """The request at `path` as a record.

    Raises:
        InputError: it is absent, damaged or of another format version.
    """
    stored = _stored(path)
    try:
        return options.from_dict(record, {name: value for name, value in stored.items() if name != "format"})
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); start that stage over with --fresh") from error


def _stored(path: Path) -> dict:
    """What was written at `path`; InputError unless it is whole, and of the format that this version writes."""
    stored, intact = read_sealed(path)
    if not isinstance(stored, dict):
        raise InputError(f"{path}: holds no settings; start that stage over with --fresh")
    if stored.get("format") != FORMAT:
        raise InputError(f"{path}: is of format {stored.get('format', 1)}, and this version reads {FORMAT}; start that "
                         "stage over with --fresh")
    if not intact:
        raise InputError(f"{path}: damaged (its content is not what its seal says); start that stage over with "
                         "--fresh")
    return stored
