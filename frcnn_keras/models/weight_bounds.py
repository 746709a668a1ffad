"""How much a file of weights may unpack to, and zip and HDF5 files looked through before a library reads them whole.

Weights hardly compress, so a file that claims many times its own size was made to fill memory: zip members and HDF5
chunks can claim a thousandfold, and datasets that are not stored at all any number.
"""

import io
import zipfile
from pathlib import Path
from typing import IO, Any

_MEMBERS = 10**5
_CHUNK = 2**20
_MAX_TABLE = 2**26  # bytes of a .keras file's configuration


def unpacked_limit(size: int) -> int:
    """Bytes that a file of `size` bytes may unpack to: four times its own, and no more than 512 MiB above."""
    return size + min(3 * size + 2**24, 2**29)


class Archive:
    """A zip file whose members together unpack to no more than the limit.

    Raises:
        zipfile.BadZipFile: it is broken, or claims more.
    """

    def __init__(self, file: IO[bytes], size: int):
        self.zip = zipfile.ZipFile(file)
        self.left = unpacked_limit(size)
        members = self.zip.infolist()
        if len(members) > _MEMBERS:
            raise zipfile.BadZipFile(f"it has {len(members)} members")
        self.members = {info.filename: info for info in members}

    def size(self, name: str) -> int:
        """Bytes that a member unpacks to, as it claims; KeyError where there is none."""
        return self.members[name].file_size

    def read(self, name: str) -> bytes:
        """A member's bytes, as many as it claims: a stream may hold a thousand times more."""
        info = self.members[name]
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile("it is packed in a way that no file of weights is")
        self.left -= info.file_size
        if self.left < 0:
            raise zipfile.BadZipFile("it unpacks to many times its own size")
        parts, missing = [], info.file_size
        with self.zip.open(info) as stream:
            while missing:
                part = stream.read(min(missing, _CHUNK))
                if not part:
                    raise EOFError("it is cut short")
                parts.append(part)
                missing -= len(part)
        return b"".join(parts)


def check_weights_file(path: str | Path) -> None:
    """Looks through a .h5 or .keras file.

    Raises:
        ValueError, zipfile.BadZipFile, OSError, ...: it claims many times its own size, has numbers in other files, or
            is broken. What is neither zip nor HDF5 is left to whom it is for.
    """
    path = Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            _check_hdf5(file, unpacked_limit(size))
            return
        archive = Archive(file, size)
        for name in archive.members:
            if name.endswith(".json") and archive.size(name) > _MAX_TABLE:
                raise zipfile.BadZipFile(f"its {name} has {archive.size(name)} bytes")
            content = archive.read(name)
            if name.endswith(".h5"):
                _check_hdf5(io.BytesIO(content), unpacked_limit(size))


def _check_hdf5(file: Any, limit: int) -> None:
    """ValueError where datasets together are larger than the limit, or lie elsewhere."""
    import h5py

    try:
        opened = h5py.File(file, "r")
    except OSError:
        return
    claimed = seen = 0

    def look(name: str, link: Any) -> str | None:
        """Of a link; an exception would not come through HDF5, so what is wrong is returned, which ends the visit."""
        nonlocal seen
        seen += 1
        if seen > _MEMBERS:
            return f"it has more than {_MEMBERS} parts"
        return None if isinstance(link, h5py.HardLink) else "it points to other places, or other files"

    def measure(name: str, part: Any) -> str | None:
        nonlocal claimed
        if not isinstance(part, h5py.Dataset):
            return None
        if part.external or part.is_virtual:
            return "its numbers lie in other files"
        claimed += part.size * part.dtype.itemsize
        return "it unpacks to many times its own size" if claimed > limit else None

    with opened:
        wrong = opened.visititems_links(look) or opened.visititems(measure)
    if wrong:
        raise ValueError(wrong)
