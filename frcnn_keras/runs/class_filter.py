"""Which classes are asked for, by name."""

import difflib
from collections.abc import Sequence

from frcnn_keras.errors import InputError
from frcnn_keras.readers.class_names import parse_names


def wanted_labels(texts: Sequence[str], class_names: Sequence[str]) -> frozenset[int]:
    """Labels 1..C of the names in `texts`, each a name as it is, or several as `class_names.parse_names` parts them.

    Raises:
        InputError: a name that is none of the classes; says which is nearest.
    """
    labels = {name: label for label, name in enumerate(class_names, 1)}
    names = [name for text in texts for name in ([text] if text in labels else parse_names(text)) if name]
    for name in names:
        if name not in labels:
            raise InputError(_unknown(name, class_names))
    if not names:
        raise InputError(f"--classes names no class; there are {', '.join(class_names)}")
    return frozenset(labels[name] for name in names)


def _unknown(name: str, class_names: Sequence[str]) -> str:
    folded = {other.casefold(): other for other in class_names}
    near = difflib.get_close_matches(name.casefold(), folded, 1, 0.0)
    hint = f"; the nearest is {folded[near[0]]}" if near else ""
    return f"--classes: the detector knows no class {name}{hint} (it knows {', '.join(class_names)})"
