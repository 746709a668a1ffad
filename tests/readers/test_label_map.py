import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.errors import InputError
from frcnn_keras.readers.label_map import label_map_text, read_label_map
from frcnn_keras.serving.saved_model import labels_file

AWKWARD = ["salt, fine", "it's \"big\"", "C:\\new", "baker's", "猫🐈", "a}b", "#1", "item {", "\\", "\\'", "'\"",
           "é\\303", "a\u200db", "%s", "id: 7", "👨\u200d👩", "x\u00a0y", "{", "name: 'x'"]


@pytest.fixture
def read(tmp_path):
    def read(text, encoding="utf-8"):
        path = tmp_path / "m.pbtxt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_label_map(path)

    return read


def string_int_label_map():
    """The message of object_detection/protos/string_int_label_map.proto, as far as maps use it."""
    file = descriptor_pb2.FileDescriptorProto(name="map.proto", package="oracle", syntax="proto2")
    item = file.message_type.add(name="Item")
    for name, number, kind in (("name", 1, 9), ("id", 2, 5), ("display_name", 3, 9)):
        item.field.add(name=name, number=number, type=kind, label=1)
    point = item.nested_type.add(name="Keypoint")
    point.field.add(name="id", number=1, type=5, label=1)
    point.field.add(name="label", number=2, type=9, label=1)
    item.field.add(name="keypoints", number=4, type=11, type_name=".oracle.Item.Keypoint", label=3)
    whole = file.message_type.add(name="Map")
    whole.field.add(name="item", number=1, type=11, type_name=".oracle.Item", label=3)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("oracle.Map"))


MAP = string_int_label_map()


def protobufs(text):
    """What TensorFlow's own label map tools read: protobuf's parser, a display_name before the name."""
    return {item.id: item.display_name or item.name for item in text_format.Parse(text, MAP()).item}


@pytest.mark.parametrize("text", [
    "item {\n  id: 1\n  name: 'cat'\n}\nitem { name: \"big dog\" id: 4 }\n",
    "item{id:2 name:'C#' }# item { id: 9 name: 'x' }\nitem {\n# id\nname: \"it's {x}\", id: 1}",
    "item { name: '/m/01g317' id: 1 display_name: 'person' keypoints { id: 0 label: 'nose' } keypoints { id: 9 } }",
    r"item { id: 1 name: 'caf\303\251' } item { id: 2 name: 'it\'s' } item { id: 3 name: '\x41\\n' }",
    "item: { id: 1; name: 'a' 'b' \"c\" } item < id: 0x2 name: 'd' >, item { id: 010 name: 'e' };",
    "item: [{ id: 1 name: 'a' }, { id: 2 name: 'b' }]",
    r"item { id: 1 name: '\u00e9\U0001F408' }",
])
def test_as_protobuf_reads_it(read, text):
    assert read(text) == protobufs(text)


def test_what_maps_have(read):
    assert read("item { id: 0 name: 'background' } item { id: 1 name: 'cat' }") == {1: "cat"}
    assert read("item { id: 0 display_name: '__Background__' name: 'x' } item { id: 1 name: 'cat' }") == {1: "cat"}
    assert read("item { id: 2 name: ' cat ' colour: RED box { x: [1, 2] y < z: 1 > } frequency: 1.5 }") == {2: "cat"}
    assert read("\ufeffitem { id: 3 name: 'c' display_name: '' } item { id: 1 name: 'a' }") == {1: "a", 3: "c"}


@pytest.mark.parametrize("text, words", [
    ("", "not a label map"), ("cat\ndog", "line 1: .*not a label map"), ("item { id: 2", "never closed"),
    ("other { id: 1 name: 'x' }", "not a label map"), ("item: 3", "no message"),
    ("item { id: 0 name: 'x' }", "ids start at 1"), ("item { id: -1 name: 'x' }", "ids start at 1"),
    ("item { id: 99999999999 name: 'x' }", "31 bits"), ("item { id: 1 }", "an id and a name"),
    ("item { name: 'x' }", "an id and a name"), ("item { id: 1 name: '' }", "an id and a name"),
    ("item { id: 1 name: 'a' } item { id: 1 name: 'b' }", "line 1: .*twice"),
    ("item { id: 1 name: 'a' }\nitem { id: 2 name: 'a' }", "line 2: .*twice"),
    ("item { id: 0 name: 'background' }", "not a label map"), ("item { id: 1 id: 1 name: 'a' }", "second id"),
    ("item { id: '1' name: 'a' }", "whole number"), ("item { id: 1.0 name: 'a' }", "whole number"),
    ("item { id: 1 name: cat }", "in quotes"), (r"item { id: 1 name: 'C:\dogs' }", "no escape"),
    ("item { id: " + "9" * 5000 + " name: 'a' }", "whole number"), (b"item { id: 1 name: '\xe9' }", "UTF-8"),
    (b"item { id: 1 name: 'a\0' } \0", "line 1"), ("{" * 100_000, "field's name"), ("a{" * 100_000, "never closed")])
def test_what_is_no_map_is_told_in_one_line(read, text, words):
    with pytest.raises(InputError, match=f"m.pbtxt: .*{words}") as caught:
        read(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_files_that_cannot_be_read(tmp_path, read):
    for path in (tmp_path / "none.pbtxt", tmp_path, "a\0b"):
        with pytest.raises(InputError, match="cannot be read"):
            read_label_map(path)
    with pytest.raises(InputError, match="no label map"):
        read(b" " * 10_000_001)


def test_forty_thousand_blanks(read):
    assert read("item {" + " " * 40_000 + "id: 1" + "\n" * 40_000 + "name: 'x' }" + " " * 40_000) == {1: "x"}


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=9).filter(
    lambda name: name == name.strip()) | st.sampled_from(AWKWARD), min_size=1, max_size=9, unique=True))
def test_every_name_that_export_takes_comes_back(tmp_path_factory, names):
    labels_file(names)  # export's own check
    text = label_map_text(names)
    path = tmp_path_factory.mktemp("map") / "map.pbtxt"
    path.write_text(text, encoding="utf-8")
    assert read_label_map(path) == protobufs(text) == dict(enumerate(names, 1))
    path.unlink()
