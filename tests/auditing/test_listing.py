import csv
import dataclasses
import io
import json

from frcnn_keras.auditing.find import Audit
from frcnn_keras.auditing.findings import Finding, best_first
from frcnn_keras.auditing.listing import records, report, table
from frcnn_keras.files import to_json
from tests.auditing.by_hand import audited, image

FOUND = (Finding("missing", "a.jpg", "a.jpg", (1.23456, 2, 3, 4), "", "cat", 0.95123),
         Finding("shifted", 7, "b, c.jpg", (1, 2, 3, 4), "dog", "dog", 0.6, 8, (0, 0, 2, 2)),
         Finding("spurious", "c.jpg", "long/" * 30 + "c.jpg", (0, 0, 5, 5), "a name that is long" * 3, "", 0.2, 9,
                 (0, 0, 5, 5)))


def test_records():
    first, second, third = json.loads(to_json(records(FOUND)))
    assert first == {"id": first["id"], "kind": "missing", "image": "a.jpg", "file": "a.jpg", "box": [1.23, 2, 3, 4],
                     "label": None, "suggested": "cat", "score": 0.9512, "annotation": None, "labelled": None}
    assert (second["image"], second["labelled"], second["annotation"]) == (7, [0, 0, 2, 2], 8)
    assert third["suggested"] is None


def test_the_table_has_a_line_each():
    rows = list(csv.DictReader(io.StringIO(table(FOUND))))
    assert [row["id"] for row in rows] == [one["id"] for one in records(FOUND)]
    assert (rows[1]["file"], rows[1]["x2"], rows[1]["annotation"], rows[0]["label"]) == ("b, c.jpg", "3", "8", "")


def test_a_report_in_80_letters():
    text = report(Audit(audited(image([(0, 0, 5, 5, 1)])), FOUND, {1: None, 2: None}), 2)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "by hand: 1 objects in 1 images, 2 folds"
    assert "missing             1          1          1" in lines
    assert "spurious            1          0          0" in lines
    assert lines[-1].strip() == "and 1 more"
    whole = report(Audit(audited(), FOUND, {}), 10).splitlines()
    assert max(map(len, whole)) <= 80 and whole[-1].endswith("c.jpg")
    assert "picture" not in report(Audit(audited(), FOUND, {}), 0)


def test_ties_have_an_order():
    one = Finding("missing", "a", "a", (0, 0, 1, 1), "", "cat", 0.5)
    other = Finding("spurious", "a", "a", (0, 0, 1, 1), "cat", "", 0.5)
    assert best_first([other, one]) == best_first([one, other]) == (one, other)


def test_an_annotation_may_be_number_nought():
    [row] = csv.DictReader(io.StringIO(table([dataclasses.replace(FOUND[1], annotation=0)])))
    assert row["annotation"] == "0"


def test_a_finding_is_a_line_whatever_its_file_is_called():
    one = Finding("missing", "a", "a\n\x1b[31mb.jpg", (0, 0, 5, 5), "", "c\tat", 0.9)
    text = report(Audit(audited(image()), (one,), {}), 5)
    assert text.splitlines()[-1].endswith(r"a\n\x1b[31mb.jpg") and text.replace("\n", "").isprintable()
