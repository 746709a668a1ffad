"""Names of files and folders made of any text, on every system."""

import re
from collections.abc import Iterable

_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)  # Windows opens these whatever stands behind them
_LONGEST = 120  # bytes, of the 255 that disks take: a number and a suffix are to have room


def safe_name(text: str, empty: str = "_") -> str:
    """A name that is no path, hidden or reserved, as like the text as can be; `empty` where nothing is left."""
    name = _UNSAFE.sub("_", text).strip().rstrip(". ")
    name = name.encode()[:_LONGEST].decode(errors="ignore").rstrip(". ")
    if not name:
        return empty
    return f"_{name}" if name.startswith(".") or _DEVICES.fullmatch(name) else name


def safe_names(texts: Iterable[str], empty: str = "_") -> list[str]:
    """A name for each text, no two the same where names have no case: later ones are numbered."""
    taken: set[str] = set()
    names = []
    for text in texts:
        name = first = safe_name(text, empty)
        number = 2
        while name.casefold() in taken:
            name, number = f"{first}-{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names
