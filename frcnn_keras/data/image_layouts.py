"""What PNG, GIF, BMP and WebP files say of their picture, and whether they are whole."""

import struct
from typing import BinaryIO, NamedTuple

from frcnn_keras.data.image_bytes import CHUNKS, EXIF_BYTES, Layout, contains, length, piece, read
from frcnn_keras.errors import InputError

GIF_BLOCKS = 40_000  # of up to 255 bytes: 10 MB, up to the end of the first frame


class GifFrame(NamedTuple):
    """Where a GIF's first frame stands on its screen, and in its file."""

    top: int
    left: int
    height: int
    width: int
    offset: int  # of the frame's descriptor
    stop: int  # behind the frame's last block


def png_layout(file: BinaryIO) -> Layout:
    """EXIF counts in front of the picture, where PNG's third edition wants it."""
    name, width, height = read(file, 12, ">4sII")
    if name != b"IHDR":
        raise InputError("the PNG does not begin with its header chunk; write the image anew")
    return Layout((height, width), _chunk(file, 8, b"eXIf", riff=False))


def check_png(file: BinaryIO) -> None:
    if not contains(file, 8, b"IEND\xaeB\x60\x82"):
        raise InputError("the PNG is truncated (it has no IEND chunk); copy or download it again")


def webp_layout(file: BinaryIO) -> Layout:
    """Size by the first chunk: lossy, lossless, or the canvas of the extended form, which alone has EXIF."""
    (first,) = read(file, 12, "4s")
    if first == b"VP8 ":
        code, width, height = read(file, 23, "<3sHH")
        if code == b"\x9d\x01\x2a":
            return Layout((height & 0x3FFF, width & 0x3FFF))
    elif first == b"VP8L":
        code, bits = read(file, 20, "<BI")
        if code == 0x2F:
            return Layout(((bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1))
    elif first == b"VP8X":
        flags, *sides = read(file, 20, "<B3xHBHB")
        if flags & 0x02:
            raise InputError("an animated WebP is not read; convert it to a still image")
        exif = _chunk(file, 12, b"EXIF", riff=True) if flags & 0x08 else b""
        return Layout(((sides[3] << 16 | sides[2]) + 1, (sides[1] << 16 | sides[0]) + 1), exif)
    raise InputError("the WebP's header holds no size; write the image anew")


def check_webp(file: BinaryIO) -> None:
    webp_layout(file)
    (size,) = read(file, 4, "<I")
    if 8 + size > length(file):
        raise InputError("the WebP is truncated; copy or download it again")


def _chunk(file: BinaryIO, offset: int, wanted: bytes, *, riff: bool) -> bytes:
    """The data of the first chunk of a name: of a PNG's those in front of the picture, of a RIFF file's all."""
    for _ in range(CHUNKS):
        head = piece(file, offset, 8)
        if len(head) < 8:
            break
        name, size = struct.unpack("<4sI", head) if riff else struct.unpack(">I4s", head)[::-1]
        if not riff and name in (b"IDAT", b"IEND"):
            break
        if name == wanted:
            return piece(file, offset + 8, min(size, EXIF_BYTES))
        offset += 8 + size + (size & 1 if riff else 4)  # a byte of padding in RIFF, a checksum in PNG
    return b""


def gif_layout(file: BinaryIO) -> Layout:
    """The screen, which its first frame may be smaller than; larger where the frame reaches over it."""
    width, height = read(file, 6, "<HH")
    frame = gif_frame(file)
    return Layout((max(height, frame.top + frame.height), max(width, frame.left + frame.width)))


def check_gif(file: BinaryIO) -> None:
    """InputError where the first frame is not whole; what comes behind it, or does not, is not looked at."""
    gif_frame(file)


def gif_frame(file: BinaryIO) -> GifFrame:
    """The first frame. InputError where it is cut off or has no pixels."""
    (flags,) = read(file, 10, "B")
    offset, frame, inside, extensions = 13 + _palette(flags), None, False, 0
    for _ in range(GIF_BLOCKS):
        (block,) = read(file, offset, "B")
        if inside:  # an extension or the frame's pixels: blocks of `block` bytes, the last of none
            offset, inside = offset + 1 + block, block > 0
            if frame and not inside:
                return frame._replace(stop=offset)
        elif block == 0x21 and extensions < CHUNKS:
            offset, inside, extensions = offset + 2, True, extensions + 1
        elif block == 0x2C:
            left, top, width, height, flags = read(file, offset + 1, "<4HB")
            if not width or not height:
                break
            frame = GifFrame(top, left, height, width, offset, 0)
            offset, inside = offset + 11 + _palette(flags), True  # behind the code size
        else:
            break
    raise InputError("the GIF's first frame is damaged or missing; write the image anew")


def _palette(flags: int) -> int:
    """Bytes of the colour table that a screen or frame descriptor announces."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def bmp_layout(file: BinaryIO) -> Layout:
    width, height = read(file, 18, "<ii")
    return Layout((abs(height), width))  # a negative height means rows from top to bottom


def check_bmp(file: BinaryIO) -> None:
    """Refuses a BMP that TensorFlow would decode wrongly or not at all."""
    pixels, header = read(file, 10, "<II")
    height, width = bmp_layout(file).stored
    bits, compression = read(file, 28, "<HI")
    if header < 40 or bits not in (8, 24, 32) or compression not in (0, 3):
        raise InputError(f"a BMP of this kind ({bits} bits, compression {compression}) is not read; convert it to PNG")
    if bits == 8:  # the decoder takes the indices for grey values, which holds for a grey ramp alone
        (used,) = read(file, 46, "<I")
        if used > 256:
            raise InputError(f"the BMP's header says {used} colours of 8 bits; convert it to PNG")
        palette = read(file, 14 + header, f"{4 * (used or 256)}B")
        if any(palette[4 * i : 4 * i + 3] != (i, i, i) for i in range(used or 256)):
            raise InputError("a BMP with a colour palette is not read; convert it to PNG")
    row = (width * bits + 31) // 32 * 4
    surplus = length(file) - (pixels + row * height)
    if surplus < 0:
        raise InputError("the BMP is truncated (pixels are missing); copy or download it again")
    if surplus:  # TensorFlow decodes none of these
        raise InputError(f"the BMP has {surplus} bytes behind its pixels; convert it to PNG")
