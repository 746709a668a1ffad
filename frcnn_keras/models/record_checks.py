"""What the records that describe a detector are checked by where they are made, and what they all have."""

import dataclasses
from typing import Any

from frcnn_keras.settings.ranges import Range

LEVELS = range(1, 17)


class Keywords:
    """Mixed into a record whose fields are the keywords of a function of `ops`."""

    def keywords(self) -> dict:
        """The fields by name."""
        record: Any = self
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(record)}


def require(holds: bool, what: str, received: object) -> None:
    """ValueError unless it holds."""
    if not holds:
        raise ValueError(f"{what}. Received: {received}")


def within(name: str, value: object, allowed: Range, kind: type = float) -> None:
    """ValueError unless a number, or each of a tuple, is in range."""
    line = allowed.fault(value, kind)
    if line:
        raise ValueError(f"{name} {line}")
