import pytest

from frcnn_keras.crossval.group_file import read_groups
from frcnn_keras.errors import InputError

IDS = ["a/1.jpg", "b/1.jpg", "2.png", "x.y.png", "7"]


def groups_of(tmp_path, text):
    (tmp_path / "groups.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_groups(tmp_path / "groups.csv", IDS)


@pytest.mark.parametrize("text, groups", [
    ("a/1.jpg,p1\nb/1.jpg,p2\n2.png,p1\n", [[0, 2], [1]]),
    ("image,patient\r\na/1,p1\r\n\r\n2, p1 \r\n", [[0, 2]]),
    ("\ufeffid,group\n7,g\nx.y,g\n", [[4, 3]]),
    ('"x.y.png","a, b"\n"2.png","a, b"\n', [[3, 2]]),
    ("2,g\n2.png,g\n", [[2]]),
    ("", []),
])
def test_what_people_write(tmp_path, text, groups):
    assert groups_of(tmp_path, text) == groups


@pytest.mark.parametrize("text, message", [
    ("2.png,g\n1.jpg,g\n", r"line 2: '1.jpg': 2 images are called that"),
    ("2.png,g\n3.png,g\n", r"line 2: '3.png': no image is called that \(one is a/1.jpg\)"),
    ("2.png,g\n\n2,h\n", r"line 3: '2' is in group 'h', and line 1 puts it into 'g'"),
    ("2.png\n", r"line 1: must be image id,group; received: '2.png'"),
    ("2.png,g,h\n", r"line 1: must be image id,group"),
    ("2.png,\n", r"line 1: must be image id,group"),
    (b"\xff\xfe\x00", r"groups.csv: cannot be read .* with --group"),
])
def test_what_is_wrong_is_told(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        groups_of(tmp_path, text)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="none.csv: cannot be read"):
        read_groups(tmp_path / "none.csv", IDS)
