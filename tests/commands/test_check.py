import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from frcnn_keras.commands import check
from frcnn_keras.pictures.drawing import class_colour

OBJECT = ("<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
          "</object>")
GOOD = OBJECT.format("cat", 11, 11, 42, 42)  # 10, 10, 42, 42: 32 x 32


def write(folder: Path, name: str, objects: str = GOOD, image=True):
    """An XML and its image, 64 x 64, of a colour of its own."""
    (folder / f"{name}.xml").write_text(f"<annotation><filename>{name}.png</filename>{objects}</annotation>")
    if image:
        value = np.frombuffer(name.encode().ljust(3)[:3], np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), np.tile(value, (64, 64, 1)))


def checked(capsys, folder, *flags):
    """Exit code, stdout, stderr."""
    code = check.run(["--voc", str(folder), "--shorter", "64", "--sheet-images", "0", *flags])
    return code, *capsys.readouterr()


def checked_json(capsys, folder, *flags):
    code, out, _ = checked(capsys, folder, "--json", *flags)
    return code, json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_good_data(tmp_path, capsys):
    write(tmp_path, "one")
    write(tmp_path, "two", GOOD + OBJECT.format("dog", 1, 1, 64, 64))
    write(tmp_path, "empty", "")
    code, out, err = checked(capsys, tmp_path)
    assert code == 0
    assert "3 images, 3 objects of 2 classes; every image decoded" in out
    assert "images without objects: 1 (first: " in out and "empty.xml" in out
    assert err.endswith(f"next: python -m frcnn_keras prep --voc {tmp_path} --out work/prep/NAME\n")
    assert "problems: 0 fatal, 0 notes" in out and "ok: nothing here stops prep" in out
    row = next(line.split() for line in out.splitlines() if line.startswith("cat"))
    assert row[:5] == ["cat", "2", "2", "0", "0"] and row[5:10] == ["32"] * 5


@pytest.mark.parametrize(("objects", "item", "message"), [
    (OBJECT.format("cat", 40, 11, 20, 42), "object 2 (cat)", "x2 > x1"),
    (OBJECT.format("cat", 11, 11, 42, "nan"), "object 2 (cat)", "no finite number"),
    (OBJECT.format("cat", 101, 11, 142, 42), "object 2 (cat)", "wholly outside the image of 64 x 64"),
    (OBJECT.format("cat", 11, 11, 42, "x"), "object 2 (cat)", "<ymax> must be a number"),
    (OBJECT.format("background", 11, 11, 42, 42), "object 2 (background)", "label 0 is the background's"),
    (OBJECT.format("", 11, 11, 42, 42), "object 2", "no class name"),
    ("<object><name>cat</name></object>", "object 2 (cat)", "no <bndbox>"),
])
def test_bad_objects_are_named(tmp_path, capsys, objects, item, message):
    write(tmp_path, "fine")
    write(tmp_path, "bad", GOOD + objects)
    code, out, _ = checked(capsys, tmp_path)
    (line,) = [line for line in out.splitlines() if "FATAL" in line]
    assert code == 2 and f"{tmp_path / 'bad.xml'}: {item}: " in line and message in line
    assert "prep would stop: 1 fatal problem; " in out
    assert checked(capsys, tmp_path, "--skip-bad")[0] == 0


@pytest.mark.parametrize(("break_it", "file", "message"), [
    (lambda folder: (folder / "bad.png").unlink(), "bad.xml", "there is no image 'bad'"),
    (lambda folder: (folder / "bad.png").write_bytes((folder / "bad.png").read_bytes()[:60]), "bad.png", "truncated"),
    (lambda folder: (folder / "bad.png").write_bytes(b""), "bad.png", "empty"),
    (lambda folder: (folder / "bad.xml").write_text("<annotation>"), "bad.xml", "malformed XML"),
    (lambda folder: (folder / "bad.xml").write_text("<!DOCTYPE a><annotation/>"), "bad.xml", "DTD"),
])
def test_bad_files_are_named(tmp_path, capsys, break_it, file, message):
    write(tmp_path, "fine")
    write(tmp_path, "bad")
    break_it(tmp_path)
    code, found = checked_json(capsys, tmp_path)
    (problem,) = [problem for problem in found["problems"] if problem["fatal"]]
    assert code == 2 and problem["file"] == str(tmp_path / file) and message in problem["message"]
    assert found["images"] == 1 and found["stops"]


def test_damage_behind_the_header_is_found_by_decoding_alone(tmp_path, capsys):
    write(tmp_path, "fine")
    write(tmp_path, "bad")
    encoded = bytearray((tmp_path / "bad.png").read_bytes())
    start = encoded.index(b"IDAT") + 8
    encoded[start:start + 8] = b"\xff" * 8
    (tmp_path / "bad.png").write_bytes(encoded)
    code, out, _ = checked(capsys, tmp_path)
    assert code == 2 and f"FATAL  {tmp_path / 'bad.xml'}: the image cannot be decoded" in out
    code, out, _ = checked(capsys, tmp_path, "--quick")
    assert code == 0 and "images not decoded (--quick)" in out
    assert checked(capsys, tmp_path, "--skip-bad")[0] == 0


def test_notes_do_not_stop(tmp_path, capsys):
    write(tmp_path, "one", GOOD + OBJECT.format("cat", 5, 5, 5, 5) + OBJECT.format("cat", -20, 11, 42, 42))
    write(tmp_path, "two")
    (tmp_path / "two.png").write_bytes((tmp_path / "one.png").read_bytes())
    code, found = checked_json(capsys, tmp_path)
    assert code == 0 and found["stops"] == []
    messages = " ".join(problem["message"] for problem in found["problems"])
    assert len(found["problems"]) == 3 and not any(problem["fatal"] for problem in found["problems"])
    assert "1 x 1 pixels is under 2" in messages and "reaches over the image's edge" in messages
    assert f"the same, to the byte, as that of {tmp_path / 'two.xml'}" in messages


def test_no_object_at_all(tmp_path, capsys):
    write(tmp_path, "one", "")
    code, out, _ = checked(capsys, tmp_path)
    assert code == 2 and "prep would stop: " in out and "no object at all" in out
    code, found = checked_json(capsys, tmp_path)
    assert code == 2 and found["objects"] == 0 and found["anchors"]["suggested_sizes"] is None


def test_nothing_to_read_is_one_line(tmp_path, capsys):
    code, out, err = checked(capsys, tmp_path / "absent")
    assert code == 2 and out == "" and err.count("\n") == 1 and "there is no such folder" in err
    write(tmp_path, "one")
    code, _, err = checked(capsys, tmp_path, "--classes", "cat,background")
    assert code == 2 and "'background' cannot be a class" in err


def test_long_lists_are_cut(tmp_path, capsys):
    write(tmp_path, "bad", GOOD + OBJECT.format("cat", 5, 5, 5, 5) + OBJECT.format("cat", 40, 11, 20, 42) * 60)
    _, out, _ = checked(capsys, tmp_path)
    assert out.count("FATAL") == 50 and "note   " not in out
    assert "... and 11 more, 10 of them fatal (--all shows them)" in out
    _, out, _ = checked(capsys, tmp_path, "--all")
    assert out.count("FATAL") == 60 and out.count("note ") == 1 and "more, " not in out


def test_json_shape(tmp_path, capsys):
    write(tmp_path, "one", GOOD + OBJECT.format("dog", 17, 1, 64, 48))
    write(tmp_path, "two", OBJECT.format("cat", 1, 1, 32, 32).replace("<bndbox>", "<difficult>1</difficult><bndbox>"))
    code, found = checked_json(capsys, tmp_path, "--anchor-sizes", "32", "--anchor-ratios", "1", "--backbone", "vgg16",
                               "--classes", "cat,dog,cow")
    assert code == 0
    assert set(found) == {"data", "stops", "problems", "images", "objects", "images_without_objects", "per_class",
                          "settings", "anchors", "decoded", "sheet"}
    assert (found["images"], found["objects"], found["decoded"], found["sheet"]) == (2, 2, True, None)
    cat = found["per_class"]["cat"]
    assert (cat["objects"], cat["images"], cat["difficult"], cat["crowd"]) == (1, 1, 1, 0)
    assert cat["size"] == dict.fromkeys(("p0", "p5", "p50", "p95", "p100"), 32.0)
    assert found["per_class"]["cow"]["shorter_side"]["p50"] is None
    assert found["settings"]["anchors"]["sizes"] == [32.0] and found["settings"]["stride"] == 16
    assert found["settings"]["offset"] == 8
    # cat: 10..42 against the anchor 8..40: IoU .784. dog: 48 x 48 and the anchor 24..56, 8..40 inside it: .444
    assert found["anchors"]["reach"] == {"all": [0.5, 0.5], "cat": [1, 1], "dog": [0, 0], "cow": [None, None]}
    assert found["anchors"]["flag"] == "--anchor-sizes 32,45"


def test_grid_is_the_one_asked_for(tmp_path, capsys):
    write(tmp_path, "one", OBJECT.format("cat", 1, 1, 32, 32))  # centred on 16
    flags = ("--anchor-sizes", "32", "--anchor-ratios", "1")
    reach = [checked_json(capsys, tmp_path, *flags, *more)[1]["anchors"]["reach"]["cat"]
             for more in (("--stride", "32", "--offset", "16"), ("--offset", "0"), ())]
    assert reach == [[1, 1], [1, 1], [0, 0]]  # mobilenet_v2's first anchor inside is centred on 31.5


def test_scales_are_counted_in_strides(tmp_path, capsys):
    write(tmp_path, "one", OBJECT.format("cat", 1, 1, 32, 32))
    flags = ("--anchor-ratios", "1", "--stride", "16", "--offset", "16", "--anchor-scales")
    reach = [checked_json(capsys, tmp_path, *flags, scale)[1]["anchors"]["reach"]["cat"] for scale in ("2", "1.125")]
    assert reach == [[1, 1], [0, 0]]  # anchors of 32, and of 18: IoU 18 * 18 / (32 * 32) = .316
    assert checked(capsys, tmp_path, *flags, "2")[1].count("(sizes 32; ratios 1; every 16 pixels from 16)") == 1


@pytest.mark.parametrize(("flags", "message"), [
    (("--anchor-sizes", "32,0"), "--anchor-sizes must be 1 to 64 numbers, each 1 to 32768; received: 32.0,0.0"),
    (("--anchor-ratios", ","), "--anchor-ratios must be 1 to 64 numbers, each 0.01 to 100; received: nothing"),
    (("--shorter", "-1"), "--shorter must be 1 to 32768; received: -1"),
    (("--stride", "0"), "--stride must be more than 0 and at most 32768; received: 0.0"),
    (("--stride", "8"), "give --offset with another stride"),
    (("--backbone", "own.keras"), "give --stride and --offset"),
])
def test_impossible_settings(tmp_path, capsys, flags, message):
    write(tmp_path, "one")
    code, out, err = checked(capsys, tmp_path, *flags)
    assert code == 2 and out == "" and message in err


def test_sheet_shows_the_boxes(tmp_path, capsys):
    write(tmp_path, "one", GOOD + GOOD.replace("<bndbox>", "<difficult>1</difficult><bndbox>").replace("42", "60"))
    sheet = tmp_path / "new" / "sheet.png"
    code, out, _ = checked(capsys, tmp_path, "--sheet-images", "4", "--sheet", str(sheet))
    assert code == 0 and f"sheet: {sheet}" in out
    pixels = cv2.imread(str(sheet))[..., ::-1]
    assert pixels.shape[1] == 320 + 16
    cell = pixels[8 + 88:, 8 + 128:][:64, :64]  # the image in the middle of its cell, not enlarged
    assert (cell[25, 10] == class_colour(1)).all() and (cell[41, 25] == class_colour(1)).all()
    assert (cell[59, 30] == check.IGNORED).all()
    assert (cell[30, 30] == np.frombuffer(b"one", np.uint8)[::-1]).all()


def test_sheet_that_cannot_be_written(tmp_path, capsys):
    write(tmp_path, "one")
    (tmp_path / "file").write_text("")
    for sheet, message in (("file/s.png", "cannot be written"), ("s.tiff", "pictures are written as")):
        code, _, err = checked(capsys, tmp_path, "--sheet-images", "4", "--sheet", str(tmp_path / sheet))
        assert code == 2 and message in err
