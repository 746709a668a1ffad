"""What is fuzzed: a small folder of valid files, which of them are spoilt, and the function that then reads."""

import dataclasses
from collections.abc import Callable
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Target:
    """share: of the inputs of a run, beside the others'; most: inputs at most, for what is slow."""

    name: str
    files: dict[str, bytes]  # by path below the folder
    spoilt: tuple[str, ...]  # of these, one an input
    read: Callable[[Path], object]  # the folder's path -> anything, or InputError
    share: float = 1.0
    most: int | None = None

    def write(self, folder: Path) -> None:
        """All the files, as they should be."""
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
