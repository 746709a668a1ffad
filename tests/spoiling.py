"""Input spoilt at random, from a seed: bytes flipped, cut, spliced; values that are none; keys dropped."""

import copy
import random
import re

VALUES = (None, True, 0, -1, 1.5, "", "1", "x" * 300, "\ud800", "a\0b", "\x1b[31m", [], {}, [[]], 10**400, 1e308,
          float("nan"), float("inf"), -1e308, "../../a", "C:\\x\\y.jpg", "%00", "1e999", 2**63, [1, 2], {"id": 1})
PIECES = (b"\0", b"\xff", b"\xff\xfe", b"<!DOCTYPE a>", b"</object>", b"<part><bndbox>", b"1e999", b"9" * 400, b"nan",
          b"&#0;", b"&#27;", b"&lt;", b"\xed\xa0\x80", b"\\ud800", b"[" * 50, b"{", b"\n", b"\r", b"\"", b"'", b",",
          b"-1", b"../", b"\\", b'<?xml version="1.0" encoding="utf-16"?>', b"<a>" * 2000, b"%2e%2e", b"\x1b[2J",
          b"A" * 300)


def spoilt_bytes(chance: random.Random, data: bytes) -> bytes:
    """`data` with one to four faults."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((1, 1, 4, 30)))
        kind = chance.randrange(5)
        if kind == 0 and start < end:
            data[start] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[start:end]
        elif kind == 2:
            data[start:start] = chance.choice(PIECES)
        elif kind == 3:
            data[start:end] = chance.choice(PIECES)
        else:
            data[start:start] = data[: end - start]
    return bytes(data)


def spoilt_texts(chance: random.Random, data: bytes) -> bytes:
    """XML with one to three of its texts replaced."""
    for _ in range(chance.randint(1, 3)):
        place = chance.choice(list(re.finditer(rb">[^<]*<", data)))
        data = data[: place.start() + 1] + chance.choice(PIECES) + data[place.end() - 1 :]
    return data


def spoilt_json(chance: random.Random, value):
    """A copy of a JSON value with one to three faults somewhere in it."""
    root = [copy.deepcopy(value)]
    for _ in range(chance.randint(1, 3)):
        places = [(holder, key) for holder in _holders(root) for key in (holder if isinstance(holder, dict) else
                                                                         range(len(holder)))]
        holder, key = chance.choice(places)
        kind = chance.randrange(4)
        if kind == 0 and holder is not root:
            del holder[key]
        elif kind == 1 and isinstance(holder, list) and holder is not root:
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
        if not root:
            root.append(None)
    return root[0]


def _holders(value):
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _holders(item)
