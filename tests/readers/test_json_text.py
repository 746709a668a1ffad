import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.json_text import load_json


def test_json(tmp_path):
    (tmp_path / "a.json").write_text('{"a": [1, null]}')
    assert load_json(tmp_path / "a.json") == {"a": [1, None]}


@pytest.mark.parametrize("content, words", [
    (b'{\n"a": x}', "line 2, column 6: malformed JSON"), (b"[" * 100000, "malformed JSON"),
    (b"\xff\xfe\xff", "malformed"), (b"9" * 5000, "malformed JSON")])
def test_what_is_none(content, words, tmp_path):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=words):
        load_json(tmp_path / "a.json")
    with pytest.raises(InputError, match="cannot be read"):
        load_json(tmp_path / "none.json")
