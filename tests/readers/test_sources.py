import pytest

from frcnn_keras.commands.data_flags import add_source_arguments, read_source
from frcnn_keras.readers import sources
from frcnn_keras.readers.sources import FORMS, Source
from tests import recognised_sets as sets


@pytest.mark.parametrize("form, make", [("voc", sets.voc), ("yolo", sets.yolo), ("labelme", sets.labelme)])
def test_the_flags_read_the_same(form, make, tmp_path):
    import argparse

    source = Source(form, (str(make(tmp_path)),))
    parser = argparse.ArgumentParser()
    add_source_arguments(parser)
    assert read_source(parser.parse_args(source.flags())).fingerprint() == source.read().fingerprint()


def test_every_form_has_its_reader(monkeypatch):
    asked = []
    for name in ("read_voc", "read_coco", "read_yolo", "read_labelme", "read_tf_records", "read_csv"):
        monkeypatch.setattr(sources, name, lambda *places, _name=name, **_: asked.append((_name, places)) or "data")
    for form in FORMS:
        assert Source(form, ("a", "b"), "s").read(["c"]) == "data"
    assert asked == [("read_voc", ("a", "s", ["c"])), ("read_coco", ("a", "b", ["c"])),
                     ("read_yolo", ("a", "s", ["c"])), ("read_labelme", ("a", ["c"])),
                     ("read_tf_records", ("a", "b", ["c"])), ("read_csv", ("a", ["c"]))]


def test_flags():
    assert Source("tfrecord", ("p*", "m")).flags() == ("--tfrecord", "p*", "--label-map", "m")
    assert Source("coco", ("i", "a")).flags() == ("--coco", "i", "a")
    assert Source("voc", ("r",), "val").flags() == ("--voc", "r", "--split", "val")
