import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.csv_table import Broken, Row, rows

PLAIN = "a.jpg,1,2,30.5,40,cat\nb.jpg,,,,,\n"


@pytest.fixture
def read(tmp_path):
    def read(text, encoding="utf-8"):
        path = tmp_path / "t.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return list(rows(path))

    return read


def said(found):
    """(line, path, box, class) of every row; box and class None without an object."""
    assert all(isinstance(row, Row) for row in found)
    return [(row.line, row.path, row.raw and row.raw.box, row.raw and row.raw.name) for row in found]


WANTED = [(1, "a.jpg", (1.0, 2.0, 30.5, 40.0), "cat"), (2, "b.jpg", None, None)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(read, encoding, end):
    assert said(read(PLAIN.replace("\n", end), encoding)) == WANTED


def test_utf_16_of_either_order(read):
    assert said(read(b"\xff\xfe" + PLAIN.encode("utf-16-le"))) == WANTED
    assert said(read(b"\xfe\xff" + PLAIN.encode("utf-16-be"))) == WANTED
    for order in ("utf-16-le", "utf-16-be"):
        with pytest.raises(InputError, match="line 1: holds NUL characters.*save the file as UTF-8"):
            read(PLAIN, order)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(read, separator):
    assert said(read(PLAIN.replace(",", separator))) == WANTED
    header = "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,9,8,cat,1,2,30.5,40\n".replace(",", separator)
    (row,) = read(header)
    assert row.path == "a.jpg" and row.raw.box == (1, 2, 30.5, 40) and row.stated == (8, 9)


def test_decimal_commas_where_commas_part_no_cells(read):
    wanted = [(1, "a.jpg", (1.5, 2.0, 30.25, 0.5), "cat")]
    assert said(read("a.jpg;1,5;2;30,25;,5;cat\n")) == said(read("a.jpg\t1,5\t2\t30,25\t,5\tcat\n")) == wanted
    (broken,) = read("a.jpg;1,5;2;1.000,25;5;cat\n")
    assert isinstance(broken, Broken)


def test_names_that_hold_other_separators(read):
    assert said(read('"a;b,c\td.jpg",1,2,3,4,"cat; or, dog"\n')) == [(1, "a;b,c\td.jpg", (1, 2, 3, 4), "cat; or, dog")]
    assert said(read("a;b;c.jpg,1,2,3,4,cat\n")) == [(1, "a;b;c.jpg", (1, 2, 3, 4), "cat")]
    assert said(read("a,b.jpg;1;2;3;4;cat\n")) == [(1, "a,b.jpg", (1, 2, 3, 4), "cat")]


def test_a_first_line_that_is_broken_does_not_decide(read):
    found = read("a.jpg;1;2;cat\nb.jpg;1;2;3;4;cat\n")
    assert isinstance(found[0], Broken) and found[1].raw.box == (1, 2, 3, 4)


def test_what_spreadsheets_add(read):
    assert said(read("sep=;\r\na.jpg;1;2;3;4;cat;;\r\n;;;\r\n")) == [(2, "a.jpg", (1, 2, 3, 4), "cat")]
    assert said(read(",,,\n\n" + PLAIN))[0][0] == 3


@pytest.mark.parametrize("header, line", [
    ("path,x1,y1,x2,y2,class", "a.jpg,1,2,3,4,cat"), ("FileName, XMin, YMin, XMax, YMax, Label", "a.jpg,1,2,3,4,cat"),
    ("class,xmax,xmin,ymax,ymin,image", "cat,3,1,4,2,a.jpg"), ("name,x1,y1,x2,y2,class", "a.jpg,1,2,3,4,cat"),
    ("file,name,left,top,right,bottom", "a.jpg,cat,1,2,3,4"), ("what,x1,y1,x2,y2,it", "a.jpg,1,2,3,4,cat"),
    ("ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax", "a.jpg,xclick,cat,1,1,3,2,4"),
    ("id,score,image path,x-min,y-min,x-max,y-max,class name", "7,0.5,a.jpg,1,2,3,4,cat")])
def test_headers(read, header, line):
    assert said(read(f"{header}\n{line}\n")) == [(2, "a.jpg", (1, 2, 3, 4), "cat")]


@pytest.mark.parametrize("header, words", [
    ("filename,width,height,class,xmin,ymin,xmax", "lacks y2"), ("filename,class,x,y,w,h", "lacks x1, y1, x2, y2"),
    ("xmin,ymin,xmax,ymax,class", "lacks path"), ("path,x0,y0,x1,y1,class", "lacks x2, y2"),
    ("path,x1,y1,x2,x2,class", "lacks x2, y2"), ("a;b;c;d;e;f;g", "lacks path"), ("name,x1,y1,x2,y2", "lacks path")])
def test_headers_that_lack_something(read, header, words):
    with pytest.raises(InputError, match=f"t.csv: line 1: the header {words}.*; received: {header}$"):
        read(f"{header}\na.jpg,0,0,9,9,cat\n")


@pytest.mark.parametrize("line, words", [
    ("a.jpg,9,8,cat,1,2,3,4,5", "8 columns as in the header are needed; received 9"), ("a.jpg,9,8", "received 3"),
    (",9,8,cat,1,2,3,4", "path is missing"), ("a.jpg,9.5,8,cat,1,2,3,4", "width must be a whole number"),
    ("a.jpg,9,-8,cat,1,2,3,4", "height must be"), (f"a.jpg,9,{'9' * 400},cat,1,2,3,4", "height must be"),
    ("a.jpg,9,nan,cat,1,2,3,4", "height must be"), ("a.jpg,9,8,cat,1,2,3,", "must be numbers")])
def test_lines_that_do_not_fit_the_header(read, line, words):
    (broken,) = read(f"filename,width,height,class,xmin,ymin,xmax,ymax\n{line}\n")
    assert isinstance(broken, Broken) and broken.line == 2 and words in broken.message and len(broken.message) < 300


def test_a_flag_that_is_none(read):
    (broken,) = read("path,x1,y1,x2,y2,class,difficult\na.jpg,1,2,3,4,cat,perhaps\n")
    assert "difficult must be 0 or 1" in broken.message


def test_a_first_line_of_very_many_cells_is_no_header(read):
    first, second = read("a" + ",b" * 40_000 + "\nb.jpg,1,2,3,4,cat\n")
    assert isinstance(first, Broken) and len(first.message) < 300 and second.raw.box == (1, 2, 3, 4)


def test_nothing(read):
    assert read("") == read("\n\n,,,\n") == read(b"\xef\xbb\xbf") == read("path,x1,y1,x2,y2,class\n") == []


def test_files_that_are_no_csv(read):
    with pytest.raises(InputError, match="line 2: malformed CSV"):
        read('a.jpg,1,2,3,4,cat\n"a,\n')
    with pytest.raises(InputError, match="line 2: malformed CSV .*field larger"):
        read('a.jpg,1,2,3,4,cat\n"' + "a\n" * 100_000 + '",1,2,3,4,cat\n')
    with pytest.raises(InputError, match="line 2: over 100,000 characters"):
        read("a.jpg,1,2,3,4,cat\n" + "a" * 2_000_000)
    with pytest.raises(InputError, match="line 2: not a text file in UTF-8"):
        read(b"a.jpg,1,2,3,4,cat\nb.jpg,1,2,3,4,caf\xe9\n")
    with pytest.raises(InputError, match="not a text file in UTF-16"):
        read(b"\xff\xfe" + PLAIN.encode("utf-16-le")[:-1])
