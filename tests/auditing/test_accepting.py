import json

import pytest

from frcnn_keras.auditing.accepting import accepted, id_of
from frcnn_keras.auditing.findings import Finding
from frcnn_keras.auditing.listing import records, table
from frcnn_keras.errors import InputError

FOUND = tuple(Finding("missing", f"{n}.jpg", f"{n}.jpg", (n, 0, n + 5, 5), "", "cat", 1 - n / 10) for n in range(1, 5))


def names(file=None, least=None):
    return [one.image for one in accepted(FOUND, file, least)]


def test_by_score():
    assert names(least=0.75) == ["1.jpg", "2.jpg"] and names() == ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    assert names(least=0.8) == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize("text", [
    "2\n4\n", f"# mine\n{id_of(FOUND[1])}\n\n{id_of(FOUND[3])} \n", "[4, 2]", json.dumps([id_of(FOUND[3]), 2]),
    json.dumps([records(FOUND)[1], records(FOUND)[3]]), "\ufeff2\n4"])
def test_by_a_file(tmp_path, text):
    file = tmp_path / "yes"
    file.write_text(text, encoding="utf-8")
    assert names(file) == ["2.jpg", "4.jpg"]
    assert names(file, 0.7) == ["2.jpg"]


def test_by_a_table_without_some_lines(tmp_path):
    head, first, _, third, _ = table(FOUND).splitlines()
    (tmp_path / "yes.csv").write_text("\n".join([head, first, third]))
    assert names(tmp_path / "yes.csv") == ["1.jpg", "3.jpg"]


@pytest.mark.parametrize("text, named", [("5", "entry 1: no finding is called 5"), ("1\n0", "entry 2"), ("x", "x"),
                                         ("[true]", "True"), ("[{}]", "None"), ("[1", "cannot be read"),
                                         ("[1.5]", "1.5"), ("[null]", "None")])
def test_what_there_is_not(tmp_path, text, named):
    (tmp_path / "yes").write_text(text)
    with pytest.raises(InputError, match=named):
        names(tmp_path / "yes")


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        names(tmp_path / "none")


def test_ids_tell_findings_apart():
    assert len({id_of(one) for one in FOUND}) == 4


def test_a_table_that_is_none(tmp_path):
    (tmp_path / "yes.csv").write_text(f'"{"x" * 200_000}"\n')  # longer than a field may be
    with pytest.raises(InputError, match="cannot be read"):
        names(tmp_path / "yes.csv")


def test_of_many_findings_some():
    """A second, and not an hour."""
    many = FOUND[:1] * 20_000
    assert len(accepted(many, None, 0.5)) == len(many)
