import io

import numpy as np
from PIL import Image

from frcnn_keras.data.example import Example
from frcnn_keras.errors import InputError
from frcnn_keras.readers import look_alikes
from frcnn_keras.readers.look_alikes import Look, groups, looks


def clouds(seed, size=(96, 128)):
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC))


def encoded(pixels, kind="PNG", **settings):
    stream = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(stream, kind, **settings)
    return stream.getvalue()


def example(data):
    none = np.zeros(0, bool)
    return Example("x", "x", lambda: data, 1, 1, np.zeros((0, 4), np.float32), np.zeros(0, np.int32), none, none)


def together(*pictures):
    """Groups of more than one."""
    return [group for group in groups(looks([example(data) for data in pictures])) if len(group) > 1]


def test_the_same_bytes():
    one, other = encoded(clouds(1)), encoded(clouds(2))
    assert together(one, other, one, b"broken", b"broken", b"another") == [[0, 2], [3, 4]]


def test_pictures_saved_anew():
    one = clouds(1, (240, 320))
    again = [encoded(one, "JPEG", quality=60), encoded(np.clip(one.astype(int) + 6, 0, 255)),
             encoded(Image.fromarray(one).resize((160, 120)), "JPEG")]
    assert together(encoded(one), *again, encoded(clouds(2))) == [[0, 1, 2, 3]]


def test_what_cannot_be_read_is_like_nothing():
    def fail():
        raise InputError("gone")

    unread = example(b"")
    unread = unread.__class__(**{**unread.__dict__, "read": fail})
    assert groups(looks([unread, unread, example(encoded(clouds(1)))])) == [[0], [1], [2]]


def grey(seed):
    values = np.random.default_rng(seed).normal(size=256).astype(np.float32)
    values -= values.mean()
    return values / np.linalg.norm(values)


def test_one_bit_may_differ_where_pictures_correlate():
    same, other = grey(1), grey(2)
    found = [Look((1, place), hash, look) for place, (hash, look) in enumerate(
        [(0b1000, same), (0b1001, same), (0b1011, same), (0b1010, other), (0b1111000, same)])]
    assert groups(found) == [[0, 1, 2], [3], [4]]


def test_a_hash_that_many_have_says_nothing():
    """Of 12 pages all have the same hash; two show the same."""
    found = [Look((1, place), 7, grey(min(place, 10))) for place in range(12)]
    assert groups(found) == [[place] for place in range(10)] + [[10, 11]]
    assert groups(found[:10]) == [list(range(10))]  # few enough to be believed
    assert groups(found, alike=False) == [[place] for place in range(12)]
    flat = [Look((1, place), 0, np.zeros(256, np.float32)) for place in range(12)]
    assert groups(flat) == [[place] for place in range(12)]


def test_as_a_slow_loop_says():
    rng = np.random.default_rng(0)
    greys = [grey(seed) for seed in range(4)]
    found = [Look((1, int(rng.integers(90))), int(rng.choice([5] * 12 + list(range(0, 90, 3)))), greys[rng.integers(4)])
             for _ in range(60)]
    look_alikes_of = {place: {place} for place in range(60)}
    counts = np.bincount([look.hash for look in found])

    def like(one, other):
        correlated = one.grey @ other.grey >= look_alikes.ALIKE
        few = counts[one.hash] <= 10
        return one.content == other.content or (one.hash == other.hash and (few or correlated)) or (
            bin(one.hash ^ other.hash).count("1") == 1 and correlated)

    for one in range(60):
        for other in range(60):
            if like(found[one], found[other]) and look_alikes_of[one] is not look_alikes_of[other]:
                merged = look_alikes_of[one] | look_alikes_of[other]
                for place in merged:
                    look_alikes_of[place] = merged
    wanted = sorted({tuple(sorted(group)) for group in look_alikes_of.values()})
    assert sorted(map(tuple, groups(found))) == wanted and 1 < len(wanted) < 60
