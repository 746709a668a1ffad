import dataclasses
import functools
import json
import os
import shutil

import numpy as np
import pytest

from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.originals import content_of, originals, read_originals, require_unchanged, write_originals
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.files import seal


def stored(folder, count=3):
    """Examples whose pictures are files of a folder."""
    folder.mkdir(exist_ok=True)
    found = []
    for example in shapes_dataset(count, 3, 60, 80).examples:
        path = folder / f"{example.id}.png"
        if not path.exists():
            path.write_bytes(example.read())
        found.append(dataclasses.replace(example, path=str(path), file=str(path),
                                         read=functools.partial(read_file, path)))
    return found


@pytest.fixture
def recorded(tmp_path):
    """(examples, the file that they are recorded in)"""
    examples = stored(tmp_path / "images")
    write_originals(tmp_path / "pictures.json", originals(examples))
    return examples, tmp_path / "pictures.json"


def refused(path, examples):
    with pytest.raises(InputError) as caught:
        require_unchanged(path, examples, "--run")
    text = str(caught.value)
    assert "\n" not in text and "--fresh" in text and "--run" in text and str(path.parent) in text
    return text


def test_written_and_read_they_are_the_same(recorded):
    examples, path = recorded
    found = originals(examples)
    assert read_originals(path) == found and len(found) == 3
    for original, example in zip(found, examples, strict=True):
        status = os.stat(example.path)
        assert (original.id, original.size, original.modified) == (example.id, status.st_size, status.st_mtime_ns)
    assert path.read_text().count("\n") == 1
    require_unchanged(path, examples, "--out")


def test_a_crc_by_hand(tmp_path):
    """CRC-32C of '123456789' is 0xE3069283."""
    (example,) = stored(tmp_path / "images", 1)
    assert originals([dataclasses.replace(example, read=lambda: b"123456789")])[0].content == 0xE3069283


def replace(path, content, keep_time):
    status = os.stat(path)
    with open(path, "wb") as file:
        file.write(content)
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_replaced_picture_of_the_same_size_is_named(recorded):
    examples, path = recorded
    content = bytearray(examples[1].read())
    content[-20] ^= 1
    replace(examples[1].path, bytes(content), keep_time=False)
    assert f"1 of 3 pictures have changed since it was begun (the first: {examples[1].path})" in refused(path, examples)


def test_a_copied_data_set_is_the_same(recorded, tmp_path):
    examples, path = recorded
    shutil.copytree(tmp_path / "images", tmp_path / "copy", copy_function=shutil.copyfile)
    for file in (tmp_path / "copy").iterdir():
        os.utime(file, ns=(1, 1))
    copied = stored(tmp_path / "copy")
    require_unchanged(path, copied, "--out")
    assert content_of(originals(copied)) == content_of(originals(examples)) != ""


def test_of_the_same_size_and_time_it_is_not_read(recorded):
    examples, path = recorded

    def read():
        raise OSError("read")

    require_unchanged(path, [dataclasses.replace(example, read=read) for example in examples], "--out")


def test_changed_objects_are_named(recorded):
    examples, path = recorded
    examples[0] = dataclasses.replace(examples[0], boxes=examples[0].boxes + np.float32(1))
    assert "1 of 3 images' objects have changed" in refused(path, examples)


@pytest.mark.parametrize("change", [lambda found: found[1:], lambda found: found[::-1], lambda found: found[:2]])
def test_other_images_are_named(change, recorded):
    examples, path = recorded
    assert "was begun with other images: 3 then" in refused(path, change(examples))


def test_a_picture_that_is_gone_has_changed(recorded):
    examples, path = recorded
    os.unlink(examples[0].path)
    assert "1 of 3 pictures" in refused(path, examples)


def test_pictures_made_in_memory_are_not_recorded(tmp_path):
    assert originals(shapes_dataset(2).examples) == () and content_of(()) == ""
    require_unchanged(tmp_path / "absent.json", shapes_dataset(2).examples, "--out")


@pytest.mark.parametrize("text", [
    "", "[]", "{}", '{"id": ["a"], "size": [], "modified": [], "content": [], "objects": []}',
    '{"id": [1], "size": [1], "modified": [1], "content": [1], "objects": ["a"]}'])
def test_a_damaged_record_is_one_line(text, tmp_path):
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(InputError, match=r"p\.json: .*--fresh") as caught:
        read_originals(tmp_path / "p.json")
    assert "\n" not in str(caught.value)


def test_where_pictures_were_is_recorded(tmp_path):
    """Of a file that is one picture; of one that holds many, and of a picture in memory, nothing is."""
    examples = stored(tmp_path / "images")
    assert [original.path for original in originals(examples)] == [example.path for example in examples]
    other = dataclasses.replace(examples[0], read=lambda: b"a part of it")
    assert originals([other])[0].path == ""


def test_a_record_of_before_has_no_paths(recorded):
    examples, path = recorded
    value = json.loads(path.read_text())
    del value["path"], value["seal"]
    path.write_text(json.dumps(seal(value)))
    found = read_originals(path)
    assert [one.path for one in found] == [""] * 3 and found[0].content == originals(examples)[0].content
    require_unchanged(path, examples, "--out")


def test_a_name_that_is_no_text(tmp_path):
    path = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff.png")
    try:
        with open(path, "wb") as file:
            file.write(b"12")
    except OSError:
        pytest.skip("this disk takes no such name")
    example = dataclasses.replace(stored(tmp_path / "images", 1)[0], path=path, read=lambda: b"12")
    write_originals(tmp_path / "pictures.json", originals([example]))
    assert read_originals(tmp_path / "pictures.json")[0].path == ""
