"""Messages that name flags, for readers who call functions: each flag as the argument that it stands for."""

import re

from frcnn_keras.settings.options import leaves

_FLAG = re.compile(r"--([a-z][a-z0-9-]*)")
_ARGUMENTS = {"nms": "nms", "max-detections": "limit", "tiles": "from_tiles"}  # flags that no settings have


def in_arguments(message: str, settings: type | None = None) -> str:
    """`message` with `config.fit.batch` for `--batch`, `out` for `--out` and so on.

    settings: the dataclass that the function's argument `config` is of; flags that it has not are arguments themselves.
    """
    known = dict(_ARGUMENTS)
    for path, field, _ in leaves(settings) if settings else ():
        for flag in (field.metadata["flag"] or field.name, field.metadata["alias"]):
            if flag:
                known.setdefault(flag.replace("_", "-"), "config." + ".".join(path))
                known[flag.replace("_", "-")] = "config." + ".".join(path)

    def argument(match: re.Match) -> str:
        return known.get(match[1], match[1].replace("-", "_"))

    return _FLAG.sub(argument, message)
