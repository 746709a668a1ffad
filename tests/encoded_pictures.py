"""Small encoded pictures of every kind, whole, turned and hostile."""

import io
import struct

import cv2
import numpy as np
from PIL import Image


def picture(height=37, width=53, seed=0):
    return cv2.GaussianBlur(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8), (5, 5), 0)


RGB = picture()
ALPHA = np.dstack([RGB, RGB[..., 0]])
DEEP = RGB.astype(np.uint16) * 257


def encode(suffix, image=RGB, options=()):
    """By OpenCV."""
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


def pillow(form, mode="RGB", image=RGB, **options):
    """By Pillow, the picture converted to a mode."""
    file = io.BytesIO()
    one = Image.fromarray(image)
    (one if one.mode == mode else one.convert(mode)).save(file, form, **options)
    return file.getvalue()


def block(orientation, order="<", kind=3, count=1, tag=0x0112, start=8, entries=1, prefix=b""):
    """EXIF with one directory of equal entries, any part of which may lie."""
    entry = struct.pack(f"{order}HHIHH", tag, kind, count, orientation, 0)
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, start)
    return prefix + head + bytes(max(0, min(start, 500) - 8)) + struct.pack(f"{order}H", entries) + entry + bytes(4)


def segment(payload, marker=0xE1):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(payload) + 2) + payload


def jpeg_with(*parts, jpeg=None):
    """A JPEG with bytes put in behind its start."""
    jpeg = jpeg or encode(".jpg")
    return jpeg[:2] + b"".join(parts) + jpeg[2:]


def exif_segment(*args, **kwargs):
    return segment(b"Exif\0\0" + block(*args, **kwargs))


def png_with(name, payload, png=None):
    """A PNG with a chunk behind its header chunk."""
    import zlib

    png = png or encode(".png")
    chunk = struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))
    return png[:33] + chunk + png[33:]


def gif_of(screen, corner, height=5, width=7, ending=b";"):
    """A GIF whose frame of (height, width) stands at corner (top, left) of a screen (height, width)."""
    colours = np.random.default_rng(1).integers(0, 256, (height, width)).astype(np.uint8)
    gif = bytearray(pillow("GIF", "L", colours))
    place = gif.index(b"," + struct.pack("<4H", 0, 0, width, height))
    gif[6:10] = struct.pack("<HH", *screen[::-1])
    gif[place + 1 : place + 5] = struct.pack("<HH", *corner[::-1])
    return bytes(gif[:-1]) + ending, np.repeat(colours[..., None], 3, 2)


TURNED = [(kind, orientation) for kind in ("JPEG", "PNG", "WEBP") for orientation in range(1, 9)]


def turned(kind, orientation, image=RGB):
    """A picture as stored, with that EXIF orientation, in big-endian order where that is odd."""
    data = block(orientation, "<>"[orientation % 2])
    if kind == "WEBP":
        return pillow(kind, image=image, exif=b"Exif\0\0" + data)
    return pillow(kind, image=image, exif=data if kind == "PNG" else b"Exif\0\0" + data)


WHOLE = {
    "jpg": encode(".jpg"),
    "progressive": encode(".jpg", options=[cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    "restart markers": encode(".jpg", options=[cv2.IMWRITE_JPEG_RST_INTERVAL, 1]),
    "grey jpg": encode(".jpg", RGB[..., 0]),
    "cmyk": pillow("JPEG", "CMYK"),
    "png": encode(".png"),
    "16 bit": encode(".png", DEEP),
    "16 bit grey": encode(".png", DEEP[..., 0]),
    "palette": pillow("PNG", "P"),
    "alpha": pillow("PNG", "RGBA", ALPHA),
    "1 bit": pillow("PNG", "1"),
    "bmp": encode(".bmp"),
    "grey bmp": encode(".bmp", RGB[..., 0]),
    "bmp with alpha": encode(".bmp", ALPHA),
    "gif": pillow("GIF", "P"),
    "animated gif": pillow("GIF", "P", save_all=True, duration=90, append_images=[Image.fromarray(RGB[::-1])]),
    "webp": pillow("WEBP"),
    "lossless webp": pillow("WEBP", lossless=True),
    "webp with alpha": pillow("WEBP", "RGBA", ALPHA),
    "lossless webp with alpha": pillow("WEBP", "RGBA", ALPHA, lossless=True),
}
TIFFS = {
    "plain": pillow("TIFF"),
    "grey": pillow("TIFF", "L"),
    "1 bit": pillow("TIFF", "1"),
    "palette": pillow("TIFF", "P"),
    "alpha": pillow("TIFF", "RGBA", ALPHA),
    "cmyk": pillow("TIFF", "CMYK"),
    "lzw": pillow("TIFF", compression="tiff_lzw"),
    "deflate": pillow("TIFF", compression="tiff_adobe_deflate"),
    "fax": pillow("TIFF", "1", compression="group4"),
    "pages": pillow("TIFF", save_all=True, append_images=[Image.fromarray(picture(20, 30))]),
    "16 bit": encode(".tiff", DEEP[..., ::-1]),
}
REFUSED = {  # kinds that nothing here decodes, and a word of the message
    "animated webp": (pillow("WEBP", save_all=True, append_images=[Image.fromarray(RGB[::-1])]), "animated"),
    "palette bmp": (pillow("BMP", "P"), "palette"),
    "1 bit bmp": (pillow("BMP", "1"), "1 bits"),
    "12 bit jpeg": (WHOLE["jpg"].replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), "12 bits"),
    "avif": (b"\0\0\0\x1cftypavif" + bytes(200), "AVIF"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(200), "HEIC"),
    "jpeg xl": (b"\xff\x0a" + bytes(200), "JPEG XL"),
    "bigtiff": (pillow("TIFF", big_tiff=True), "BigTIFF"),
    "html": (b"<html>not found</html>", "HTML"),
    "empty": (b"", "empty"),
    "riff of another kind": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "not a JPEG"),
}


def hostile():
    """name -> (encoded, whether it is an image all the same): each made to cost much time or memory."""
    jpeg, png = WHOLE["jpg"], WHOLE["png"]
    many = b"".join(segment(b"") for _ in range(200_000))
    colours = bytearray(WHOLE["grey bmp"])
    colours[46:50] = b"\xff\xff\xff\xff"
    wide = bytearray(png)
    wide[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    tall = bytearray(WHOLE["bmp"])
    tall[18:26] = struct.pack("<ii", 2**31 - 1, -(2**31))
    return {
        "header and zeros": (jpeg[:20] + bytes(3_000_000), False),
        "header and fill bytes": (jpeg[:2] + b"\xff" * 3_000_000, False),
        "restart markers": (jpeg[:2] + b"\xff\xd0" * 1_500_000, False),
        "empty segments": (jpeg_with(many), False),
        "zeros in the scan": (jpeg[:-2] + bytes(3_000_000), False),
        "colours": (bytes(colours), False),
        "png of 4 exapixels": (bytes(wide), False),
        "bmp of 4 exapixels": (bytes(tall), False),
        "empty chunks": (png[:33] + (bytes(4) + b"teXt" + bytes(4)) * 200_000 + png[33:], None),
        "gif of tiny blocks": (WHOLE["gif"][:205] + b",\0\0\0\0\xff\0\xff\0\0\x08" + b"\x01\x00" * 0 +
                               b"\x01\x07" * 1_500_000, False),
        "gif of extensions": (b"GIF89a\x05\0\x05\0\0\0\0" + b"!\xfe\0" * 1_000_000, False),
        "webp chunks": (b"RIFF" + struct.pack("<I", 2_000_022) + b"WEBPVP8X\x0a\0\0\0\x08\0\0\0\x05\0\0\x05\0\0"
                        + b"ABCD\0\0\0\0" * 250_000, False),
        "tiff fields": (b"II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHII", 33000, 7, 700_000, 8) * 65535, False),
        "tiff values": (b"II*\0\x08\0\0\0\x20\0" + struct.pack("<HHII", 33000, 7, 700_000, 8) * 32
                        + bytes(800_000), False),
    }
