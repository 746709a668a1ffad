import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.readers.text_format import TextFormatError, Tokens, parse, quoted
from tests.work import calls_of


def tree(tokens):
    """Every field as (name, value), messages as lists."""
    return [(name, tree(value) if isinstance(value, Tokens) else value) for name, _, value in tokens.fields()]


def text(body):
    ((_, value),) = tree(parse(f"a: {body}"))
    return value


@pytest.mark.parametrize("source, wanted", [
    ("", []),
    ("a: 1 b: 'x'", [("a", 1), ("b", "x")]),
    ("a { } b: { c: 1 } d < e: 2 > f: <>", [("a", []), ("b", [("c", 1)]), ("d", [("e", 2)]), ("f", [])]),
    ("a: 1, b: 2; c: 3", [("a", 1), ("b", 2), ("c", 3)]),
    ("a: [1, 2, 'x'] a: []", [("a", 1), ("a", 2), ("a", "x")]),
    ("a [{ b: 1 }, < b: 2 >]", None),
    ("a: [{ b: 1 }, < b: 2 >]", [("a", [("b", 1)]), ("a", [("b", 2)])]),
    ("[some.ext/x] { a: 1 } b: 2", [("[extension]", [("a", 1)]), ("b", 2)]),
    ("# { a: 1\na: 1 # b: 2 '\n#", [("a", 1)]),
    ("a: 0x1F b: 017 c: -3 d: +4 e: 1.5 f: true g: inf h: -2147483648", [
        ("a", 31), ("b", 15), ("c", -3), ("d", 4), ("e", None), ("f", None), ("g", None), ("h", -2**31)]),
    ("a: " + "9" * 5000, [("a", None)]),
    ("a { b { c { d: 1 } } }", [("a", [("b", [("c", [("d", 1)])])])]),
])
def test_fields(source, wanted):
    if wanted is None:
        with pytest.raises(TextFormatError, match="^line 1: 'a' needs a colon"):
            tree(parse(source))
    else:
        assert tree(parse(source)) == wanted


def test_lines():
    assert [field.line for field in parse("a: 1\n\n# x\nb: 'y'\r\nc {\n}\nd: 2").fields()] == [1, 4, 5, 7]


@pytest.mark.parametrize("source, wanted", [
    (r"'it\'s'", "it's"), (r'''"it's"''', "it's"), (r"'\"\\\?'", '"\\?'), (r"'a\n\t\r\a\b\f\v'", "a\n\t\r\a\b\f\v"),
    (r"'\303\251'", "é"), (r"'\xc3\xA9\x41'", "éA"), (r"'\u00e9'", "é"), (r"'\U0001F408'", "🐈"),
    (r"'\uD83D\uDC08'", "🐈"), (r"'\3038\1'", None), (r"'\101\7'", "A\x07"), (r"'\\303'", r"\303"), (r"'\\\\'", r"\\"),
    (r"'\303' '\251'", "é"), ("'a' \"b\"\n  'c'", "abc"), ("''", ""), ("'é{}#;'", "é{}#;"),
    (r"'\q'", None), (r"'\x'", None), (r"'\u12'", None), (r"'\U00110000'", None), (r"'\ud83d'", None),
    (r"'\377'", None),
])
def test_strings(source, wanted):
    if wanted is None:
        with pytest.raises(TextFormatError, match="^line 1: "):
            text(source)
    else:
        assert text(source) == wanted


@pytest.mark.parametrize("source, words", [
    ("a", "value is missing"), ("a 1", "'a' needs a colon"), ("a:", "value is missing"), ("a: {", "never closed"),
    ("a { b }", "value is missing"),
    ("a { ]", "']' closes nothing"), ("}", "a field's name"), ("a: 'x", "a string has no end"),
    ("\n\na: 'x\ny'", "a string has no end"), ("a: \"x'", "no end"), ("a: 1 $", "unexpected"),
    ("'a': 1", "a field's name"), ("a: :", "a value was expected"), ("a: [1", "never closed"), ("\0", "unexpected")])
def test_what_is_no_text_format(source, words):
    with pytest.raises(TextFormatError, match=f"^line {source[:2].count(chr(10)) + 1}: .*{words}"):
        tree(parse(source))


@pytest.mark.parametrize("piece", [" ", "{", "a{", "a:{", "[", "a:[", "'", '"', "'\\", "\\", "a:'x'", "'x'", "#", "a",
                                   "a ", "a:1 ", "a{}", "a<>", ",", ":", "\n", "-", "}", "a:[1]", "a:'\\303\\251'",
                                   "[x]{}", "'\\\\"])
def test_work_grows_as_the_text_does(piece):
    def work(count):
        def read():
            try:
                tree(parse(f"a: 1 {piece * count}"))
            except (TextFormatError, RecursionError):  # tree itself goes as deep as the text
                pass
        return calls_of(read)

    assert work(400) < 5 * work(100) + 400


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_quoted_comes_back(name):
    source = quoted(name)
    assert text(source) == name and len(source.splitlines()) == 1


@settings(derandomize=True, max_examples=500, deadline=None)
@given(st.text(st.sampled_from("ab:1'\"\\{}<>[],;# \n\x00é"), max_size=60))
def test_no_text_is_an_accident(source):
    try:
        tree(parse(source))
    except TextFormatError as error:
        assert "\n" not in str(error)
