"""The whole file: what stands in it, and that nothing of the data becomes markup."""

import dataclasses
import html.parser
import json
import math
import re

import google_crc32c
import pytest

import frcnn_keras
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.originals import Original, write_originals
from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.thresholds import Threshold
from frcnn_keras.reporting.report import write_report
from frcnn_keras.runs.evaluated import NOTHING
from frcnn_keras.runs.thresholds import ClassThreshold, SmallThreshold, Thresholds, store
from tests.reporting.evaluated_run import NASTY, write_images, write_proposals, write_run, write_training
from tests.reporting.pictures_by_hand import drawn_at_random

VOID = {"meta", "link", "br", "img", "input"}


class Page(html.parser.HTMLParser):
    """Elements, their attributes and texts; every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" not in self.open and "style" not in self.open:
            self.texts.append(data)


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", drawn_at_random(1))


def test_one_file_without_any_address(run, tmp_path):
    write_training(run)
    path = write_report(run, images=write_images(tmp_path / "images", drawn_at_random(1)))
    text = path.read_text()
    page = Page(text)
    assert path == run / "report.html" and len(text) < 1_000_000
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    assert "url(" not in text and "@import" not in text and "http://" not in text and "https://" not in text
    assert sum(tag == "image" for tag, _ in page.elements) > 5
    words = " ".join(page.texts)
    for told in ("AP50", "2 epochs", "DIR: Pascal VOC", "backbone", "rpn.fit.epochs", "report --run", "localisation",
                 "The validation images also chose", "First stage (region proposal network): losses", "numpy"):
        assert told in words
    targets = {attributes["href"][1:] for tag, attributes in page.elements if tag == "a"}
    assert targets == {attributes["id"] for tag, attributes in page.elements if tag == "section"}


def test_what_comes_from_data_is_text(tmp_path):
    drawn = drawn_at_random(1)
    drawn = dataclasses.replace(drawn, name=NASTY, class_names=(NASTY, "b", "c"), images=tuple(
        dataclasses.replace(one, file=NASTY) for one in drawn.images))
    plain = Page(write_report(write_run(tmp_path / "plain", drawn_at_random(1))).read_text())
    nasty = Page(write_report(write_run(tmp_path / "nasty", drawn)).read_text())
    assert sorted(tag for tag, _ in nasty.elements) == sorted(tag for tag, _ in plain.elements)
    assert all(not name.startswith("on") for _, attributes in nasty.elements for name in attributes)
    assert NASTY in "".join(nasty.texts)


def test_what_was_evaluated_into_another_folder(run, tmp_path):
    other = write_run(tmp_path / "other", drawn_at_random(2, images=7)) / "evaluation"
    text = write_report(run, tmp_path / "o.html", evaluation=other).read_text()
    assert "Scored on 7 images" in text and f"--evaluation {other}" in text
    assert "Scored on 20 images" in write_report(run).read_text()


def test_which_stage_loses_what(run):
    text = write_report(run).read_text()
    assert "What proposals reach is not known here" in text and "a proposal reaches" not in text
    write_proposals(run)
    text = write_report(run).read_text()
    assert "a proposal reaches" in text and "75.0 %" in text and "the first stage loses" in text


def test_chosen_thresholds_stand_beside_the_best(run):
    """One class has its own, one too few objects; b's threshold passes nothing here."""
    own, none = Threshold(.5, .4, .6, .9, .8, .85, True), Threshold(1.0, math.nan, math.nan, math.nan, 0, 0, False)
    store(run, Thresholds(NASTY, 31, .95, (ClassThreshold("a", 40, False, own), ClassThreshold("b", 3, True, none),
                                           ClassThreshold("c", 50, False, own)), SmallThreshold(1024, 0, own)))
    page = Page(write_report(run).read_text())
    words = " ".join(" ".join(page.texts).split())
    assert "the lowest score with a precision of 0.95 of each class, chosen on 31 images" in words
    assert "0.400 to 0.600" in words and "– to –" in words and NASTY in "".join(page.texts)
    assert "b: fewer than 20 objects" in words and "b: no score reaches that precision" in words
    assert "Boxes below 32 × 32 pixels must score 0.500, which all classes chose together" in words


def test_the_reliability_of_an_audit(run, tmp_path):
    (tmp_path / "audit.json").write_text("[]")
    nothing = write_report(run, audit=tmp_path).read_text()
    assert "Here it found nothing to doubt" in nothing
    assert "Labels in doubt" not in write_report(run).read_text()
    (tmp_path / "audit.json").write_text(json.dumps([{
        "kind": "missing", "image": 1, "file": "1.jpg", "box": [1, 1, 20, 20], "label": "", "suggested": "a",
        "score": .9}]))
    text = write_report(run, audit=tmp_path).read_text()
    assert "How far these numbers" in text and "score as it is" in text and "fold 1" not in text


def test_the_pictures_of_a_crossvalidation_are_those_that_prep_read(run, tmp_path, capsys):
    drawn = drawn_at_random(1)
    images, prep = write_images(tmp_path / "images", drawn), tmp_path / "prep"
    prep.mkdir()
    write_originals(prep / "pictures.json", [
        Original(one.file, path.stat().st_size, 0, google_crc32c.value(path.read_bytes()), "", str(path))
        for one in drawn.images for path in [images / one.file]])
    (run / "cv.json").write_text(json.dumps({"folds": [{"fold": 1}], "data": str(prep)}))
    text = write_report(run).read_text()
    assert text.count("<image") > 5 and "note" not in capsys.readouterr().err and f"--data {prep}" in text
    (prep / "pictures.json").unlink()
    assert "<image" not in write_report(run).read_text()
    assert f"report --run {run} --images DIR` draws them" in capsys.readouterr().err


def test_without_pictures_a_line_says_so(run, capsys):
    text = write_report(run).read_text()
    assert "give --images DIR" in text and "<image" not in text and "<rect class=\"found\"" in text
    assert "are not in the report: the pictures are not at hand" in capsys.readouterr().err


def test_a_folder_of_other_pictures(run, tmp_path, capsys):
    write_report(run, images=tmp_path)
    told = capsys.readouterr().err
    assert "not found; --images is to be the folder that the scored images lie in" in told and "DIR` draws" not in told


def test_many_classes(tmp_path):
    drawn = dataclasses.replace(drawn_at_random(1), class_names=tuple(f"class {number}" for number in range(40)))
    text = write_report(write_run(tmp_path / "run", drawn)).read_text()
    assert "There are too many classes for a matrix" in text and "mean of the classes" in text


def test_nothing_labelled_and_nothing_found(tmp_path):
    drawn = drawn_at_random(0, images=2)
    empty = tuple(dataclasses.replace(one, boxes=one.boxes[:0], labels=one.labels[:0], ignored=one.ignored[:0],
                                      annotations=one.annotations[:0], detected=NOTHING) for one in drawn.images)
    text = write_report(write_run(tmp_path / "run", dataclasses.replace(drawn, images=empty))).read_text()
    assert ">nan<" not in text and "None." in text


def test_python_and_where_it_is_written(run, tmp_path):
    out = tmp_path / "there" / "r.html"
    out.parent.mkdir()
    assert frcnn_keras.report(run, out) == out == frcnn_keras.report(run, out)
    out.write_text("mine")
    with pytest.raises(InputError, match="not as this package wrote it; move it, or give another out"):
        frcnn_keras.report(run, out)
    with pytest.raises(InputError, match="out .*: is a folder"):
        frcnn_keras.report(run, tmp_path)
    with pytest.raises(InputError, match="images .*: is no folder"):
        frcnn_keras.report(run, images=tmp_path / "none")
    assert frcnn_keras.report(run, images=Dataset("d", ("a",), (1,), (), ())).exists()


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first


def test_thousands_of_images_stay_small(tmp_path):
    drawn = drawn_at_random(1)
    images = tuple(dataclasses.replace(one, number=20 * copy + one.number, annotations=10_000 * copy + one.annotations)
                   for copy in range(25) for one in drawn.images)
    many = dataclasses.replace(drawn, images=images)
    few, more = (write_report(write_run(tmp_path / name, some)).stat().st_size
                 for name, some in (("few", drawn), ("more", many)))
    assert more < 1.2 * few + 20_000  # lines have few points, and galleries few pictures


def test_style_has_every_class_that_charts_use(run):
    text = write_report(run).read_text()
    style = text[text.index("<style>"):text.index("</style>")]
    used = {name for names in re.findall(r'<(?:svg|polyline|rect|path|circle|i)[^>]* class="([^"]+)"', text)
            for name in names.split()}
    assert {name for name in used if not re.search(rf"\.{name}\b", style)} == set()
