import json

import pytest

from frcnn_keras.data.records import FORMAT
from frcnn_keras.errors import InputError
from frcnn_keras.files import read_json
from frcnn_keras.runs.request import begin, differs, read_request, stored_form
from frcnn_keras.settings import options
from tests.nested_config import Inner, Outer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "stage.json"


def test_it_is_written_with_the_formats_number(path):
    begin(path, Outer(), begun=False)
    assert read_json(path) == stored_form(Outer()) == {"format": FORMAT, **options.to_dict(Outer())}
    assert read_request(path, Outer) == Outer()


def test_one_that_got_nowhere_binds_nobody(path):
    begin(path, Outer(), begun=False)
    begin(path, Outer(count=4), begun=False)
    assert read_request(path, Outer) == Outer(count=4)


def test_one_that_got_somewhere_is_kept(path):
    begin(path, Outer(), begun=False)
    before = path.read_bytes()
    begin(path, Outer(), begun=True)
    for flag in ("--run", "--out"):
        with pytest.raises(InputError) as caught:
            begin(path, Outer(Inner(0.25)), begun=True, flag=flag)
        text = str(caught.value)
        assert text.startswith(f"{path}: ") and "(inner.rate: 0.5 -> 0.25)" in text
        assert f"another {flag}, or --fresh" in text and "\n" not in text
    assert path.read_bytes() == before


def test_work_without_a_request_is_taken_over(path):
    """What a stage left lies there, and its request is gone: nothing contradicts the new one."""
    begin(path, Outer(count=4), begun=True)
    assert read_request(path, Outer).count == 4


def test_a_worker_leaves_writing_to_the_chief_and_still_checks(path):
    begin(path, Outer(), begun=False, write=False)
    assert not path.exists() and not path.parent.exists()
    begin(path, Outer(), begun=False)
    with pytest.raises(InputError, match="mode: a -> b"):
        begin(path, Outer(mode="b"), begun=True, write=False)


def test_what_differs(path):
    begin(path, Outer(), begun=False)
    assert differs(path, Outer()) == ""
    assert differs(path, Outer(scales=(1.0,))) == "scales: [1.0, 2.0] -> [1.0]"
    path.write_text(json.dumps({**stored_form(Outer()), "format": FORMAT - 1}))
    with pytest.raises(InputError, match=f"stage.json: is of format {FORMAT - 1}, .* reads {FORMAT}; .*--fresh"):
        differs(path, Outer())


@pytest.mark.parametrize("text, words", [
    (None, "not found"), ("{", "JSON"), ("[1]", "holds no settings"), ("{}", "format 1, and this version reads"),
    (json.dumps({**stored_form(Outer()), "format": FORMAT + 1}), f"format {FORMAT + 1}"),
    (json.dumps({**stored_form(Outer()), "colour": 1}), "'colour'"),
    (json.dumps({"format": FORMAT}), "damaged"),
    (json.dumps({**stored_form(Outer()), "inner": 3}), "Inner must be stored as an object")])
def test_what_cannot_be_read_is_one_line_that_names_the_file(text, words, tmp_path):
    path = tmp_path / "stage.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_request(path, Outer)
    assert words in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_no_settings_in_the_file(path):
    path.parent.mkdir()
    path.write_text("[]")
    with pytest.raises(InputError, match="stage.json: holds no settings; .*--fresh"):
        begin(path, Outer(), begun=True)
