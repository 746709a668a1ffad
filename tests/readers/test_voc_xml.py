import random

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.voc_xml import parse_voc
from tests.spoiling import spoilt_bytes, spoilt_texts

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>20</xmax><ymax>10</ymax></bndbox>"
OBJECT = f"<object><name>cat</name>{BOX}</object>"


def parse(folder, text, encoding="utf-8"):
    (folder / "a.xml").write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return parse_voc(folder / "a.xml")


def annotation(body=OBJECT, size="<size><width>53</width><height>37</height></size>", head=""):
    return f"{head}<annotation><filename> b.jpg </filename>{size}{body}</annotation>"


def test_what_is_in_a_file(tmp_path):
    found = parse(tmp_path, annotation())
    assert found.filename == "b.jpg" and found.size == (37, 53) and not found.problems
    (raw,) = found.objects
    assert raw.name == "cat" and raw.box == (1, 2, 20, 10) and raw.item == "object 1 (cat)"


@pytest.mark.parametrize("encoding, named", [("utf-8-sig", ""), ("utf-16", "utf-16"), ("latin-1", "iso-8859-1"),
                                             ("utf-8", "utf-8")])
def test_encodings(tmp_path, encoding, named):
    head = f'<?xml version="1.0" encoding="{named}"?>' if named else ""
    found = parse(tmp_path, annotation(OBJECT.replace("cat", "caf\u00e9"), head=head), encoding)
    assert found.objects[0].name == "caf\u00e9"


def test_blanks_about_a_name_go_and_its_parts_are_none(tmp_path):
    part = f"<part><name>head</name>{BOX.replace('20', '5')}</part>"
    inner = "<object><name>x</name></object>"
    found = parse(tmp_path, annotation(f"<object>{part}<name>\n\tcat\n</name>{BOX}{inner}</object>"))
    (raw,) = found.objects
    assert raw.name == "cat" and raw.box == (1, 2, 20, 10)
    assert parse(tmp_path, annotation(f"<object><name>cat</name>{part}</object>")).problems[0][1].startswith(
        "the object has no <bndbox>")


@pytest.mark.parametrize("number", ["1e999", "9" * 400, "nan", "-1e400"])
def test_enormous_coordinates_are_left_to_the_check(tmp_path, number):
    (raw,) = parse(tmp_path, annotation(OBJECT.replace(">1<", f">{number}<"))).objects
    assert not 0 <= raw.box[0] < 1e30


@pytest.mark.parametrize("side, size", [("0", 0), ("", 0), ("x", 0), ("-5", 0), ("53.0", 53), ("053", 53), ("1e3", 0),
                                        ("0" * 400 + "53", 53)])
def test_sides(tmp_path, side, size):
    assert parse(tmp_path, annotation(size=f"<size><width>{side}</width></size>")).size == (0, size)


@pytest.mark.parametrize("text, words", [
    (annotation(size=f"<size><width>{'9' * 400}</width></size>"), "<width> is no image's"),
    (annotation() + "\0", "malformed XML"), (b"\xff\xfe<\0", "malformed XML"), (annotation("&#0;"), "malformed XML"),
    ("<annotation>" + "<a>" * 200000, "malformed XML"), ("<x\u00e9/>", "not a VOC annotation"),
    (annotation(head='<?xml version="1.0" encoding="utf-7"?>'), "malformed XML"),
])
def test_what_is_no_annotation(tmp_path, text, words):
    with pytest.raises(InputError, match=words) as caught:
        parse(tmp_path, text)
    assert len(str(caught.value)) < 300


def test_depth_is_no_trouble(tmp_path):
    deep = "<a>" * 50000 + "</a>" * 50000
    assert len(parse(tmp_path, annotation(OBJECT + deep)).objects) == 1


def test_whatever_stands_there_no_other_error_leaves(tmp_path):
    chance, good = random.Random(1), annotation(OBJECT * 2, head='<?xml version="1.0"?>').encode()
    parsed = 0
    for number in range(1000):
        try:
            parse(tmp_path, (spoilt_texts if number % 2 else spoilt_bytes)(chance, good))
            parsed += 1
        except InputError:
            pass
    assert 100 < parsed < 1000
