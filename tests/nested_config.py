"""A config of every kind of field, one within another."""

import dataclasses

from frcnn_keras.settings.options import option


@dataclasses.dataclass(frozen=True)
class Inner:
    rate: float = option(0.5, "a rate", flag="inner-rate")
    names: tuple[str, ...] = option((), "some names")


@dataclasses.dataclass(frozen=True)
class Outer:
    inner: Inner = Inner()
    count: int = option(3, "a count")
    scales: tuple[float, ...] = option((1.0, 2.0), "some scales")
    mirror: bool = option(True, "a switch")
    mode: str = option("a", "a mode", choices=("a", "b"))
