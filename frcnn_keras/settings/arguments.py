"""Messages that name flags, for readers who call functions: each flag as the argument that it stands for."""

import re

from frcnn_keras.settings.options import leaves

_COMMAND = re.compile(r"((?:python -m frcnn_keras|frcnn) [a-z][a-z-]*[^;)`]*)")  # what a message tells to run
_FLAG = re.compile(r"(?<![^\s(\['\"`])--([a-z][a-z0-9-]*)")
_ARGUMENTS = {"max-detections": "limit", "max-proposals": "limit", "tiles": "from_tiles", "voc-from-zero": "from_zero",
              "coco-corners": "corners"}  # flags that no settings have


def in_arguments(message: str, settings: type | None = None) -> str:
    """`message` with `config.fit.batch` for `--batch`, `out` for `--out` and so on; commands in it stay as they are.

    settings: the dataclass that the function's argument `config` is of; flags that it has not are arguments themselves.
    """
    known = dict(_ARGUMENTS)
    for path, field, _ in leaves(settings) if settings else ():
        for flag in (field.metadata["flag"] or field.name, field.metadata["alias"]):
            if flag:
                known[flag.replace("_", "-")] = "config." + ".".join(path)

    def argument(found: re.Match) -> str:
        return known.get(found[1], found[1].replace("-", "_"))

    parts = _COMMAND.split(message)  # every second one is a command
    return "".join(part if number % 2 else _FLAG.sub(argument, part) for number, part in enumerate(parts))
