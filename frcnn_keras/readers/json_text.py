"""JSON files as annotation programs write them."""

import json
import os
from pathlib import Path
from typing import Any

from frcnn_keras.errors import InputError


def load_json(path: str | os.PathLike) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: it cannot be read, or is no JSON; with line and column.
    """
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{path}: {place}: malformed JSON ({error.msg})") from error
    except (ValueError, RecursionError) as error:  # its encoding, a number of thousands of digits; its depth
        raise InputError(f"{path}: malformed JSON ({error})") from error
