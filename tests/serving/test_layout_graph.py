import io

import numpy as np
import pytest

from frcnn_keras.data import image_layouts, jpeg_layout
from frcnn_keras.serving import layout_graph
from tests.encoded_pictures import TURNED, WHOLE, exif_segment, jpeg_with, turned

READERS = {"JPEG": (layout_graph.jpeg, jpeg_layout.jpeg_layout), "PNG": (layout_graph.png, image_layouts.png_layout),
           "WEBP": (layout_graph.webp, image_layouts.webp_layout), "BMP": (layout_graph.bmp, image_layouts.bmp_layout)}


def agree(kind, encoded):
    in_graph, in_python = READERS[kind]
    found, wanted = in_graph(np.frombuffer(encoded, np.uint8)), in_python(io.BytesIO(encoded))
    assert found.fine and tuple(found.size.numpy()) == wanted.stored
    start, stop = found.exif.numpy()
    assert encoded[start:stop] == wanted.exif
    return wanted.exif


@pytest.mark.parametrize("kind, orientation", TURNED[::2])
def test_size_and_exif_block(kind, orientation):
    assert agree(kind, turned(kind, orientation))


@pytest.mark.parametrize("name, kind", [("jpg", "JPEG"), ("progressive", "JPEG"), ("16 bit", "PNG"), ("webp", "WEBP"),
                                        ("lossless webp", "WEBP"), ("webp with alpha", "WEBP"), ("bmp", "BMP"),
                                        ("grey bmp", "BMP")])
def test_pictures_without_exif(name, kind):
    assert not agree(kind, WHOLE[name])
    assert not READERS[kind][0](np.frombuffer(WHOLE[name][:-3], np.uint8)).fine


def test_stray_bytes_are_counted_together():
    """As many as may stand there, in two places, and one more."""
    half = jpeg_layout.STRAY // 2
    agree("JPEG", jpeg_with(bytes(half), exif_segment(6), bytes(half)))
    many = jpeg_with(bytes(half), exif_segment(6), bytes(half + 1))
    assert not layout_graph.jpeg(np.frombuffer(many, np.uint8)).fine
    with pytest.raises(ValueError, match="stray"):
        jpeg_layout.jpeg_layout(io.BytesIO(many))
