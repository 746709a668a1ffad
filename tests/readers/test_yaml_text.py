import pytest
import yaml

from frcnn_keras.errors import InputError
from frcnn_keras.readers import yaml_text
from frcnn_keras.readers.yaml_text import LARGEST, load_yaml


def load(tmp_path, content):
    path = tmp_path / "data.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_yaml(path)


def test_values_are_the_text_that_stands_there(tmp_path):
    """YAML 1.1 makes False, True, 8, None and 1.0 of these."""
    assert load(tmp_path, "names: [no, on, 010, ~, 1.0, 'a b', \"c\"]\nval:\n") == {
        "names": ["no", "on", "010", "~", "1.0", "a b", "c"], "val": ""}


@pytest.mark.parametrize("content", [
    "a: [1, [2, {b: c}], []]\nd: {}\n", "names:\n  0: cat\n  1: dog\ntrain:\n - x\n - y\n", "# only a remark\n",
    "'text'",
    "%YAML 1.1\n---\na: 1\n...\n", "a: |\n  two\n  lines\n", "é: ü\n"])
def test_as_pyyamls_base_loader(content, tmp_path):
    assert load(tmp_path, content) == (yaml.load(content, yaml.BaseLoader) or "")


def test_other_encodings(tmp_path):
    assert load(tmp_path, "a: é".encode("utf-16")) == load(tmp_path, "\ufeffa: é") == {"a": "é"}


@pytest.mark.parametrize("content, words", [
    ("a: 1\nb: [\n", "line 3: malformed YAML"), ("a: 1\nb: c: d", "line 2: malformed"), ("\ta: 1", "line 1: malformed"),
    ("a: &x 1\nb: *x", "line 1: anchors and aliases"), ("a: 1\nb: *x", "line 2: anchors"),
    ("x: 1\na: 1\na: 2", "line 3: the key 'a' stands twice"), ("? [1]\n: 2", "line 1: a key must be a word"),
    ("a: 1\n---\nb: 2", "2 YAML documents"), ("- " * 100000, "line 1: lists within lists"),
    ("[" * 100000, "line 1: malformed"), ("a: \0", "malformed YAML"), (b"a: \xff\xfe\xff", "malformed YAML"),
    ("a: " + "x" * LARGEST, "describe|description")])
def test_what_is_refused_in_one_line(content, words, tmp_path):
    with pytest.raises(InputError, match=words) as caught:
        load(tmp_path, content)
    assert "data.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path):
    bomb = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
                                      for a, b in zip("abcdefghijklmno", "bcdefghijklmnop", strict=True))
    with pytest.raises(InputError, match="line 1: anchors"):
        load(tmp_path, bomb)


def test_without_libyaml(tmp_path, monkeypatch):
    monkeypatch.setattr(yaml_text, "_PARSER", yaml.SafeLoader)
    assert load(tmp_path, "a: [no, 1]") == {"a": ["no", "1"]}
    with pytest.raises(InputError, match="line 1"):
        load(tmp_path, "[" * 3000)


def test_no_such_file(tmp_path):
    for name in ("none.yaml", "a\0b", "."):
        with pytest.raises(InputError, match="cannot be read"):
            load_yaml(tmp_path / name)
