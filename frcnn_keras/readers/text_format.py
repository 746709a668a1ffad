"""Protobuf's text format, in which label maps are written: tokens, fields, strings with escapes. Linear in time."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_CLOSERS = {"{": "}", "<": ">", "[": "]"}
# possessive: what does not match is not tried again with fewer characters
_TOKEN = re.compile(r"""(?P<blank>(?:\s++|\#[^\n]*+)++)
                      | (?P<string>"(?:[^"\\\n]|\\.)*+" | '(?:[^'\\\n]|\\.)*+')
                      | (?P<word>[\w.+-]++)
                      | (?P<mark>[{}<>\[\]:,;/])""", re.VERBOSE)
_ESCAPE = re.compile(r"""\\(?: (?P<plain>[abfnrtv\\'"?])
                            | (?P<octal>[0-7]{1,3}) | [xX](?P<hex>[0-9a-fA-F]{1,2})
                            | u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})
                            | u(?P<short>[0-9a-fA-F]{4}) | U(?P<long>[0-9a-fA-F]{8}) )""", re.VERBOSE)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class TextFormatError(ValueError):
    """What is wrong in which line: "line 3: ..."."""


class Field(NamedTuple):
    """One `name: value` of a message."""

    name: str
    line: int
    value: "int | str | Tokens | None"  # whole numbers, strings, the inside of a message; None for anything else


class Tokens:
    """The tokens of a text, or of a part of it between brackets, and where reading stands in them."""

    def __init__(self, tokens: list[tuple[str, str, int]], start: int, end: int):
        """tokens: (kind, text, line) of each. start, end: those of this part."""
        self._tokens, self._place, self._end = tokens, start, end

    def fields(self) -> Iterator[Field]:
        """The part's fields, each once; those inside a field's message are not looked at until they are asked for.

        Raises:
            TextFormatError: this is no text format.
        """
        while self._place < self._end:
            kind, name, line = self._take()
            if name == "[" and kind == "mark":
                self._place, name = self._closed_by() + 1, "[extension]"
            elif kind != "word":
                raise TextFormatError(f"line {line}: a field's name was expected, not {name[:20]!r}")
            colon = self._skip(":")
            for value in self._values(name, line, colon):
                yield Field(name, line, value)
            self._skip(",", ";")

    def _values(self, name: str, line: int, colon: bool) -> Iterator["int | str | Tokens | None"]:
        """What stands behind a name: one value, or several in [ ]."""
        kind, text, _ = self._peek(line)
        if kind == "mark" and text in "{<":
            yield self._inside()
        elif not colon:
            raise TextFormatError(f"line {line}: {name[:40]!r} needs a colon and a value, or a message in braces")
        elif kind == "mark" and text == "[":
            inside = self._inside()
            while inside._place < inside._end:
                yield inside._inside() if inside._peek(line)[1] in ("{", "<") else inside._scalar(line)
                inside._skip(",")
        else:
            yield self._scalar(line)

    def _scalar(self, line: int) -> int | str | None:
        """A number or a name; or strings, which are one where they stand side by side."""
        kind, text, line = self._take(line)
        if kind == "word":
            return _number(text)
        if kind != "string":
            raise TextFormatError(f"line {line}: a value was expected, not {text[:20]!r}")
        parts = [text]
        while self._place < self._end and self._tokens[self._place][0] == "string":
            parts.append(self._take()[1])
        return _unquoted(parts, line)

    def _inside(self) -> "Tokens":
        """The part between the bracket that stands here and its counterpart; reading goes on behind it."""
        self._place += 1
        start, end = self._place, self._closed_by()
        self._place = end + 1
        return Tokens(self._tokens, start, end)

    def _closed_by(self) -> int:
        """The place of the bracket that closes the one just taken."""
        opener, line = self._tokens[self._place - 1][1:]
        open_ones = [_CLOSERS[opener]]
        for place in range(self._place, self._end):
            kind, text, at = self._tokens[place]
            if kind == "mark" and text in _CLOSERS:
                open_ones.append(_CLOSERS[text])
            elif kind == "mark" and text in "}>]":
                if open_ones.pop() != text:
                    raise TextFormatError(f"line {at}: {text!r} closes nothing")
                if not open_ones:
                    return place
        raise TextFormatError(f"line {line}: {opener!r} is never closed")

    def _peek(self, line: int) -> tuple[str, str, int]:
        """The next token; line: where it is wanted."""
        if self._place >= self._end:
            raise TextFormatError(f"line {line}: a value is missing")
        return self._tokens[self._place]

    def _take(self, line: int = 0) -> tuple[str, str, int]:
        token = self._peek(line)
        self._place += 1
        return token

    def _skip(self, *marks: str) -> bool:
        """Passes one of the marks where it stands here; whether it did."""
        here = self._place < self._end and self._tokens[self._place][:2]
        found = bool(here) and here[0] == "mark" and here[1] in marks
        self._place += found
        return found


def parse(text: str) -> Tokens:
    """The tokens of a whole text.

    Raises:
        TextFormatError: a character, or a string without an end, that text format does not know.
    """
    tokens, place, line = [], 0, 1
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match:
            what = "a string has no end" if text[place] in "'\"" else f"unexpected {text[place]!r}"
            raise TextFormatError(f"line {line}: {what}")
        if match.lastgroup != "blank":
            tokens.append((match.lastgroup, match[0], line))
        line += match[0].count("\n")
        place = match.end()
    return Tokens(tokens, 0, len(tokens))


def quoted(text: str) -> str:
    """Text as a string in text format, in the quotes that need fewer escapes; control characters as their bytes."""
    mark = '"' if "'" in text and '"' not in text else "'"
    escaped = text.replace("\\", "\\\\").replace(mark, f"\\{mark}")
    return mark + re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", _octal, escaped) + mark


def _octal(match: re.Match) -> str:
    return "".join(f"\\{byte:03o}" for byte in match[0].encode())


def _number(word: str) -> int | None:
    """A whole number of at most 64 bits as C writes it; None for any other word."""
    if match := re.fullmatch(r"([+-]?)0[xX]([0-9a-fA-F]{1,16})", word):
        return int(match[1] + match[2], 16)
    if match := re.fullmatch(r"([+-]?)0([0-7]{1,21})", word):
        return int(match[1] + match[2], 8)
    return int(word) if re.fullmatch(r"[+-]?[0-9]{1,19}", word) else None


def _unquoted(parts: list[str], line: int) -> str:
    """The text of strings that stand side by side. Escapes may be bytes, of which only several make a letter."""
    data = b""
    for part in parts:
        body, place, pieces = part[1:-1], 0, []
        for match in re.finditer(r"\\", body):
            if match.start() < place:
                continue  # the second of a pair
            escape = _ESCAPE.match(body, match.start())
            if not escape:
                raise TextFormatError(f"line {line}: {body[match.start():match.start() + 2]!r} is no escape; a "
                                      r"backslash is written \\")
            pieces += [body[place:match.start()].encode("utf-8", "surrogatepass"), _escaped(escape)]
            place = escape.end()
        data += b"".join([*pieces, body[place:].encode("utf-8", "surrogatepass")])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise TextFormatError(f"line {line}: a string is not UTF-8 ({error.reason})") from error


def _escaped(match: re.Match) -> bytes:
    """The bytes that an escape stands for; a lone surrogate's are refused with the whole string."""
    found = match.groupdict()
    if found["plain"]:
        return _PLAIN.get(found["plain"], found["plain"]).encode()
    if found["octal"]:
        return bytes([int(found["octal"], 8) & 255])
    if found["hex"]:
        return bytes([int(found["hex"], 16)])
    if found["high"]:
        return bytes.fromhex(found["high"] + found["low"]).decode("utf-16-be").encode()
    code = int(found["short"] or found["long"], 16)
    return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else b"\xff"  # no text has that byte
