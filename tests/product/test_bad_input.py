"""Bad input stops data_prep with one line that names file and object, exit code 2, and leaves nothing behind."""

import json
import shutil

import cv2
import numpy as np
import pytest

from frcnn_keras.commands.prep import run as data_prep

GOOD = (10, 12, 60, 70)


def annotation(boxes, name="thing", size=(96, 128), before=""):
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox>"
        "</object>" for a, b, c, d in boxes)
    return (f"{before}<annotation><size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>"
            f"{objects}</annotation>")


@pytest.fixture
def voc(tmp_path):
    """Three good images with one object each, in VOC form."""
    root = tmp_path / "voc"
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    for index in range(3):
        pixels = np.random.default_rng(index).integers(0, 256, (96, 128, 3), np.uint8)
        cv2.imwrite(str(root / f"JPEGImages/{index}.jpg"), pixels)
        (root / f"Annotations/{index}.xml").write_text(annotation([GOOD]))
    (root / "ImageSets/Main/train.txt").write_text("0\n1\n2\n")
    return root


@pytest.fixture
def start(tmp_path, tiny_backbone, capsys):
    """Runs data_prep on the given source flags; returns exit code, lines of stderr, and the folder to be made."""
    def call(*flags):
        out = tmp_path / "made" / "prep"
        code = data_prep([*map(str, flags), "--backbone", str(tiny_backbone), "--feature-layer", "features",
                          "--preprocess", "tf", "--shorter", "64", "--neck-channels", "4", "--neck-sample", "2",
                          "--anchor-sizes", "16,32", "--out", str(out)])
        return code, capsys.readouterr().err.strip().splitlines(), out

    return call


def edit_xml(text):
    return lambda root: (root / "Annotations/1.xml").write_text(text)


def truncate(root):
    path = root / "JPEGImages/1.jpg"
    path.write_bytes(path.read_bytes()[:-200])


BROKEN = {
    "missing image": (lambda root: (root / "JPEGImages/1.jpg").unlink(), "1.xml", "image"),
    "truncated image": (truncate, "1.", "truncated"),
    "malformed XML": (edit_xml("<annotation><object>"), "1.xml", ""),
    "DTD": (edit_xml(annotation([GOOD], before="<!DOCTYPE annotation [<!ENTITY a 'b'>]>")), "1.xml", "DTD"),
    "x2 <= x1": (edit_xml(annotation([GOOD, (50, 10, 40, 30)])), "1.xml", "object 2"),
    "outside": (edit_xml(annotation([(200, 10, 240, 30)])), "1.xml", "object 1"),
    "NaN": (edit_xml(annotation([("nan", 10, 40, 30)])), "1.xml", "object 1"),
    "background class": (edit_xml(annotation([GOOD], name="background")), "1.xml", "background"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_bad_items_stop_before_anything_is_written(case, voc, start):
    breaks, file, word = BROKEN[case]
    breaks(voc)
    code, lines, out = start("--voc", voc, "--split", "train")
    assert code == 2
    assert len([line for line in lines if "error:" in line]) == 1 and "Traceback" not in "".join(lines)
    assert file in lines[-1] and word.lower() in lines[-1].lower()
    assert not out.parent.exists()


@pytest.mark.parametrize("case", BROKEN)
def test_skip_bad_goes_on_without_them_and_lists_them(case, voc, start):
    breaks, file, _ = BROKEN[case]
    breaks(voc)
    code, lines, out = start("--voc", voc, "--split", "train", "--skip-bad")
    assert code == 0, lines
    assert any(file in line for line in lines)
    manifest = json.loads((out / "features" / "manifest.json").read_text())
    assert manifest["records"] in (4, 6)  # a bad image is left out with its mirror image, a bad object alone


@pytest.mark.parametrize("flags, word", [
    (["--voc", "{root}/nowhere", "--split", "train"], "nowhere"),
    (["--voc", "{root}", "--split", "tarin"], "tarin"),
    (["--voc", "{root}", "--split", "train", "--classes", "other"], "thing"),
    (["--voc", "{root}", "--split", "train", "--csv", "x.csv"], "--csv"),
    (["--csv", "{root}/none.csv"], "none.csv"),
    (["--coco", "{root}/JPEGImages", "{root}/none.json"], "none.json"),
    (["--tfrecord", "{root}/*.tfrecord", "--label-map", "{root}/map.pbtxt"], "map.pbtxt"),
])
def test_wrong_flags_and_missing_files(flags, word, voc, start):
    code, lines, out = start(*(flag.format(root=voc) for flag in flags))
    assert code == 2 and word in lines[-1] and "Traceback" not in "".join(lines)
    assert not out.parent.exists()


def test_malformed_csv_row_names_the_line(voc, start):
    table = voc / "boxes.csv"
    table.write_text("JPEGImages/0.jpg,10,12,60,70,thing\nJPEGImages/1.jpg,10,twelve,60,70,thing\n")
    code, lines, out = start("--csv", table)
    assert code == 2 and "boxes.csv" in lines[-1] and "line 2" in lines[-1] and not out.parent.exists()


def test_malformed_json(voc, start):
    table = voc / "objects.json"
    table.write_text('{"images": [')
    code, lines, out = start("--coco", voc / "JPEGImages", table)
    assert code == 2 and "objects.json" in lines[-1] and not out.parent.exists()


def test_no_objects_at_all(voc, start):
    for index in range(3):
        (voc / f"Annotations/{index}.xml").write_text(annotation([]))
    code, lines, out = start("--voc", voc, "--split", "train")
    assert code == 2 and "object" in lines[-1] and not out.parent.exists()


def test_boxes_that_stick_out_are_clipped_with_one_warning(voc, start):
    for index in range(2):
        (voc / f"Annotations/{index}.xml").write_text(annotation([(90, 40, 140, 120)]))
    code, lines, _ = start("--voc", voc, "--split", "train")
    warnings = [line for line in lines if "clipped" in line]
    assert code == 0 and len(warnings) == 1 and "2 boxes" in warnings[0]


def test_a_disk_that_is_too_small_is_said_before_it_starts(voc, start, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    code, lines, out = start("--voc", voc, "--split", "train")
    assert code == 2 and "free" in lines[-1] and not out.exists()


def test_damage_inside_an_image_stops_with_its_name(voc, start):
    pixels = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    encoded = bytearray(cv2.imencode(".png", pixels)[1].tobytes())
    middle = encoded.index(b"IDAT") + 40
    encoded[middle:middle + 200] = bytes(200)  # header and end are whole
    (voc / "JPEGImages/1.jpg").unlink()
    (voc / "JPEGImages/1.png").write_bytes(bytes(encoded))
    code, lines, out = start("--voc", voc, "--split", "train")
    assert code == 2 and "1.xml" in lines[-1] and "decoded" in lines[-1] and not list(out.parent.iterdir())


def test_contradicting_flags_beside_like(voc, start, prep):
    code, lines, _ = start("--voc", voc, "--split", "train", "--like", prep.path)
    assert code == 2 and "--like" in lines[-1]
