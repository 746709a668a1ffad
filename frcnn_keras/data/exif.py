"""How EXIF says that a picture is to be turned."""

import struct

ORIENTATION = 0x0112
_SHORT = 3
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


def orientation(exif: bytes) -> int:
    """EXIF orientation, 1..8, of a block of EXIF: a TIFF header and its first directory, with or without "Exif\\0\\0".

    1, upright as stored, for everything that is damaged, missing or out of range. Linear in the block's length: no
    other directory is followed, so that offsets cannot lead in circles. serving.graph_exif does the same in a graph.
    """
    exif = exif.removeprefix(b"Exif\0\0")
    order = _ORDERS.get(exif[:4])
    if order is None or len(exif) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start < 8 or start + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    return directory_orientation(exif[start + 2 : start + 2 + 12 * count], order)


def directory_orientation(entries: bytes, order: str) -> int:
    """That of a TIFF directory's entries, 12 bytes each; order: < or >, as struct has it. The first such entry counts,
    as in Pillow and OpenCV."""
    for tag, kind, count, value in struct.iter_unpack(f"{order}HHIHxx", entries[: len(entries) // 12 * 12]):
        if tag == ORIENTATION:
            return value if kind == _SHORT and count == 1 and 1 <= value <= 8 else 1
    return 1
