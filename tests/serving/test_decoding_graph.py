"""The graph takes and refuses what data.decoding does, and gives the same pixels."""

import random

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data.decoding import decode
from frcnn_keras.data.image_header import SERVED_PIXELS, image_header
from frcnn_keras.errors import InputError
from frcnn_keras.serving.decoding_graph import UNREADABLE, decoded, header
from tests.encoded_pictures import (
    REFUSED,
    TIFFS,
    TURNED,
    WHOLE,
    encode,
    exif_segment,
    gif_of,
    hostile,
    jpeg_with,
    picture,
    segment,
    turned,
)

in_graph = tf.function(lambda encoded: decoded(encoded, SERVED_PIXELS), autograph=False,
                       input_signature=[tf.TensorSpec((), tf.string)])
layout_in_graph = tf.function(header, autograph=False, input_signature=[tf.TensorSpec([None], tf.uint8)])


def served(encoded):
    """The pixels, or None."""
    try:
        image, problem = in_graph(encoded)
    except tf.errors.InvalidArgumentError:
        return None
    assert (image.shape[0] == 0) == bool(problem.numpy())
    return None if problem.numpy() else image.numpy()


def predicted(encoded):
    try:
        return decode(encoded, "a").numpy()
    except InputError:
        return None


def agree(encoded):
    """Whether both take it; fails where they differ."""
    wanted, found = predicted(encoded), served(encoded)
    assert (wanted is None) == (found is None)
    if wanted is not None:
        np.testing.assert_array_equal(found, wanted)
    return wanted is not None


@pytest.mark.parametrize("name", WHOLE)
def test_every_kind(name):
    assert agree(WHOLE[name])


@pytest.mark.parametrize("kind, orientation", TURNED)
def test_the_eight_orientations(kind, orientation):
    assert agree(turned(kind, orientation))


@pytest.mark.parametrize("name", REFUSED)
def test_what_predict_refuses(name):
    assert not agree(REFUSED[name][0])


@pytest.mark.parametrize("name", TIFFS)
def test_tiff_is_predicts_alone(name):
    assert predicted(TIFFS[name]) is not None and served(TIFFS[name]) is None


XMP = segment(b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>")


@pytest.mark.parametrize("parts", [
    (segment(b"JFIF\0" + bytes(9), 0xE0), exif_segment(6)), (XMP, exif_segment(6)), (exif_segment(6), XMP),
    (exif_segment(6), exif_segment(3)), (b"\xff\xff\xff", exif_segment(6), b"\xff\xff"),
    (segment(b"Exif\0\0" + jpeg_with(exif_segment(3), jpeg=encode(".jpg", picture(8, 8)))),), (segment(b"Exif"),),
    (segment(b""), exif_segment(5, ">")), (exif_segment(9),), (exif_segment(6, kind=4),),
    (exif_segment(6, start=2**32 - 1),), (exif_segment(6, entries=65535),), (b"\0" * 70_000, exif_segment(6)),
    *((exif_segment(6)[:length],) for length in (4, 9, 12, 20, 30))])
def test_exif_among_other_segments(parts):
    encoded = jpeg_with(*parts)
    agree(encoded)
    try:
        wanted = image_header(encoded)
    except InputError:
        return
    layout = layout_in_graph(np.frombuffer(encoded, np.uint8))
    assert tuple(layout.size.numpy()) == wanted.stored


@pytest.mark.parametrize("screen, corner", [((5, 7), (0, 0)), ((9, 20), (2, 3)), ((3, 4), (0, 0)), ((5, 7), (4, 6))])
@pytest.mark.parametrize("ending", [b";", b"", b";behind"])
def test_gif_frames(screen, corner, ending):
    assert agree(gif_of(screen, corner, ending=ending)[0])


@pytest.mark.parametrize("name", WHOLE)
def test_cut_anywhere_and_with_bytes_behind(name):
    encoded = WHOLE[name]
    cuts = {*range(0, 60, 3), *range(60, len(encoded), max(1, len(encoded) // 25)), len(encoded) - 1, len(encoded) - 2}
    taken = [length for length in cuts if agree(encoded[:length])]
    assert not taken or "gif" in name  # whose first frame is whole
    assert all(length > len(encoded) // 4 for length in taken)
    for extra in (b"\0", b"behind", b"\xff\xd9", bytes(70_000)):
        agree(encoded + extra)


@pytest.mark.parametrize("name", hostile())
def test_hostile_headers(name):
    encoded, taken = hostile()[name]
    assert agree(encoded) is bool(taken) or taken is None


@pytest.mark.parametrize("seed", range(3))
def test_mutated_pictures(seed):
    """Bytes changed, most often near the front, where headers are."""
    rng = random.Random(seed)
    pictures = [*WHOLE.values(), *(turned(*one) for one in TURNED[::3]), gif_of((9, 20), (2, 3))[0]]
    taken = 0
    for _ in range(400):
        data = bytearray(rng.choice(pictures))
        near = min(len(data), rng.choice([32, 64, 200, 10**6]))
        for _ in range(rng.choice([1, 1, 2, 4])):
            data[rng.randrange(near)] = rng.choice([0, 1, 255, 0xD9, 0xDA, rng.randrange(256)])
        taken += agree(bytes(data))
    assert 40 < taken < 350


def test_the_limit_of_pixels_is_named():
    limited = tf.function(lambda encoded: decoded(encoded, 37 * 53 - 1), autograph=False,
                          input_signature=[tf.TensorSpec((), tf.string)])
    for encoded in WHOLE.values():
        image, problem = limited(encoded)
        assert image.shape == (0, 0, 3)
        assert problem.numpy() == b"it has 53 x 37 pixels, more than the 1960 that this model takes: scale it down"
    assert in_graph(b"no image")[1].numpy().decode() == UNREADABLE
