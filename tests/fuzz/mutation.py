"""Spoils bytes: bits, spans, numbers, lines, JSON's types, members of archives and records, with right checksums."""

import copy
import io
import json
import random
import re
import struct
import zipfile

import google_crc32c

NUMBERS = (b"0", b"-1", b"1", b"1e308", b"1e999", b"-1e999", b"nan", b"NaN", b"Infinity", b"inf", b"2147483648",
           b"-0", b"4294967296", b"9223372036854775808", b"0.5", b"1e-320", b"9" * 400, b"9" * 5000, b"0x10", b"true",
           b"null", b'""')
TOKENS = (b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\t", b",", b";", b'"', b"'", b"\\",
          b"/", b"../", b"<", b">", b"&", b"&amp;", b"&#0;", b"&x;", b"<!DOCTYPE a [<!ENTITY x 'y'>]>", b"[", b"]",
          b"{", b"}", b"(" * 50, b"[" * 2000, b'{"a":' * 2000, b"<a>" * 2000, b" " * 3000, b"\x1b[31m",
          "\u202e\u00e9\U0001f600".encode(), b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"a" * 300, b"-1/1",
          b"file:///etc/passwd", b"http://x/y", b"con", b"\x80", b"PK\x03\x04")
JSON_VALUES = (None, True, False, 0, -1, 1.5, 2**31, 2**63, 10**400, 1e308, float("nan"), float("inf"), "", "1",
               "\ud800", "\x00\x1b", "x" * 3000, [], [[]], [None], {}, {"a": 1}, [1, 2, 3, 4], ["1", "2", "3", "4"],
               [1e308] * 4)


def spoilt(rng: random.Random, data: bytes, others: tuple[bytes, ...] = ()) -> bytes:
    """A mutation of `data`; others: more valid input of the kind, to splice with."""
    inner = rng.random()
    if data[:2] == b"PK" and inner < 0.7:
        return _within_zip(rng, data)
    if inner < 0.7 and _is_tfrecord(data):
        return _within_records(rng, data)
    if data[:1] in (b"{", b"[") and inner < 0.6:
        changed = _json(rng, data)
        if changed is not None:
            return changed
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6))):
        data = rng.choice(_CHANGES)(rng, data, others)
    return data


def _place(rng: random.Random, data: bytes) -> int:
    """Anywhere, and more often where headers are."""
    return rng.randrange(min(len(data), rng.choice((8, 64, 512, 2**40))) + 1)


def _bits(rng, data, others):
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64)) if data else 0):
        changed[min(_place(rng, data), len(data) - 1)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _byte(rng, data, others):
    at = _place(rng, data)
    return data[:at] + rng.choice((b"\0", b"\xff", b"\x7f", b"\x80", bytes([rng.randrange(256)]))) + data[at + 1:]


def _word(rng, data, others):
    """A binary number of some size, an extreme one."""
    at, form = _place(rng, data), rng.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    most = 2**(8 * struct.calcsize(form)) - 1
    value = rng.choice((0, 1, most, most // 2, most // 2 + 1, most - 1, len(data), rng.randrange(most)))
    return data[:at] + struct.pack(form, min(value, most)) + data[at + struct.calcsize(form):]


def _cut(rng, data, others):
    return data[:_place(rng, data)] if rng.random() < 0.5 else data[_place(rng, data):]


def _without(rng, data, others):
    at = _place(rng, data)
    return data[:at] + data[at + rng.choice((1, 2, 7, 50, 500)):]


def _twice(rng, data, others):
    at = _place(rng, data)
    part = data[at:at + rng.choice((1, 4, 30, 300))]
    return data[:at] + part * rng.choice((2, 2, 3, 200)) + data[at + len(part):]


def _token(rng, data, others):
    at = _place(rng, data)
    return data[:at] + rng.choice(TOKENS) + data[at + rng.choice((0, 0, 1, 4)):]


def _noise(rng, data, others):
    at = _place(rng, data)
    return data[:at] + rng.randbytes(rng.choice((1, 3, 16, 200))) + data[at + rng.choice((0, 16)):]


def _number(rng, data, others):
    """Another number in place of one that is written out."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", data[:20000]))
    if not found:
        return _word(rng, data, others)
    one = rng.choice(found)
    return data[:one.start()] + rng.choice(NUMBERS) + data[one.end():]


def _lines(rng, data, others):
    """Lines twice, gone or in another order."""
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return _twice(rng, data, others)
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    change = rng.randrange(3)
    if change == 0:
        lines.insert(first, lines[second])
    elif change == 1:
        del lines[first]
    else:
        lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def _splice(rng, data, others):
    other = rng.choice(others) if others else data
    return data[:_place(rng, data)] + other[_place(rng, other):]


_CHANGES = (_bits, _bits, _byte, _word, _word, _cut, _without, _twice, _token, _token, _noise, _number, _number, _lines,
            _splice)


def _json(rng: random.Random, data: bytes) -> bytes | None:
    """A value of another type, a key that is gone or new, a list that is doubled; None for what is no JSON."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = _changed(rng, value)
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _changed(rng: random.Random, value):
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.12:
        return copy.deepcopy(rng.choice(JSON_VALUES))
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key, change = rng.choice(keys), rng.randrange(8)
    if change == 0:
        del value[key]
    elif change == 1 and isinstance(value, list):
        value.append(copy.deepcopy(value[key]))
    elif change == 1:
        value[rng.choice(("id", "x", "", "\ud800", str(key) + " "))] = copy.deepcopy(rng.choice(JSON_VALUES))
    elif change == 2 and isinstance(value, dict):
        value[key] = copy.deepcopy(value[rng.choice(keys)])
    else:
        value[key] = _changed(rng, value[key])
    return value


def _within_zip(rng: random.Random, data: bytes) -> bytes:
    """One member spoilt, or named otherwise, in an archive that is whole."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen, stream = rng.choice(list(members)), io.BytesIO()
    with zipfile.ZipFile(stream, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in members.items():
            if name == chosen and rng.random() < 0.08:
                continue
            if name == chosen and rng.random() < 0.1:
                name += rng.choice(("x", "/", "\x1b", "/../y"))
            archive.writestr(name, spoilt(rng, content, tuple(members.values())) if name == chosen else content)
    return stream.getvalue()


def _masked(data: bytes) -> bytes:
    """TFRecord's checksum."""
    value = google_crc32c.value(data)
    return struct.pack("<I", (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _is_tfrecord(data: bytes) -> bool:
    return len(data) >= 16 and struct.unpack("<Q", data[:8])[0] <= len(data) - 16 and data[8:12] == _masked(data[:8])


def _within_records(rng: random.Random, data: bytes) -> bytes:
    """One record's content spoilt, its checksums set right."""
    parts, at = [], 0
    while at + 12 <= len(data):
        (length,) = struct.unpack("<Q", data[at:at + 8])
        parts.append(data[at + 12:at + 12 + length])
        at += length + 16
    chosen = rng.randrange(len(parts))
    parts[chosen] = spoilt(rng, parts[chosen], tuple(parts))
    return framed(parts)


def framed(parts: list[bytes]) -> bytes:
    """TFRecord's frame around each, as it is described: length, its checksum, content, its checksum."""
    headers = [struct.pack("<Q", len(part)) for part in parts]
    return b"".join(header + _masked(header) + part + _masked(part)
                    for header, part in zip(headers, parts, strict=True))
