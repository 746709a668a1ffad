import dataclasses
import json
import shutil

import pytest

from frcnn_keras import files
from frcnn_keras.data import records
from frcnn_keras.data.prepared import check_fits, open_prepared
from frcnn_keras.errors import InputError
from frcnn_keras.models.settings import Geometry, Preparing


@pytest.fixture
def folder(prep, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(prep.path, tmp_path / "prep")


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refused(folder):
    with pytest.raises(InputError) as caught:
        open_prepared(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)
    return str(caught.value)


def test_what_a_finished_folder_says(prep, prep_config, shapes, val_prep):
    assert prep.config == prep_config
    assert prep.class_names == shapes.class_names and prep.features.category_ids == shapes.category_ids
    assert prep.geometry.strides == (8,) and prep.geometry.anchors_per_position == 9 and prep.channels == (8,)
    assert len(prep.feature_spans) == len(prep.minibatch_spans) == 12  # six images and their mirror images
    assert prep.extractor_path.exists() and len(prep.tile_paths) == 1
    assert len(val_prep.feature_spans) == 3 and val_prep.minibatches is None and not val_prep.minibatch_spans
    assert not val_prep.tile_paths and not val_prep.features.mirror


def test_a_path_may_be_text(prep):
    assert open_prepared(str(prep.path)).features == prep.features


def test_records_lie_in_the_order_of_the_images_each_before_its_mirror_image(prep, shapes):
    found = [records.parse_features(span.read(), prep.channels) for span in prep.feature_spans]
    assert [(record["id"].numpy().decode(), int(record["mirror"])) for record in found] == [
        (example.id, mirror) for example in shapes.examples for mirror in (0, 1)]


def test_nothing_there(tmp_path):
    assert "no prep folder" in refused(tmp_path / "absent") and "frcnn_keras prep" in refused(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert "no prep folder" in refused(tmp_path / "empty")


def test_unfinished(folder, tmp_path):
    folder.rename(tmp_path / "out.partial")
    assert "not finished" in refused(tmp_path / "out")


@pytest.mark.parametrize("kind", ["features", "minibatches"])
def test_another_format(folder, kind):
    change(folder / kind / "manifest.json", format=records.FORMAT + 1)
    assert f"format {records.FORMAT + 1}" in refused(folder)


def test_another_kind(folder):
    change(folder / "features" / "manifest.json", kind="proposals")
    assert "proposals, not features" in refused(folder)


@pytest.mark.parametrize("kind", ["features", "minibatches"])
def test_a_missing_shard(folder, kind):
    shard = next((folder / kind).glob("*.tfrecord"))
    shard.unlink()
    assert shard.name in refused(folder) and "missing" in refused(folder)


def test_a_shard_cut_off_inside_or_between_records(folder):
    shard = next((folder / "features").glob("*.tfrecord"))
    first = records.spans([shard])[1].frame.offset - 12
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    assert "cut off" in refused(folder)
    shard.write_bytes(whole[:first])
    assert "1 records" in refused(folder) and "12" in refused(folder)


def test_a_missing_manifest(folder):
    (folder / "features" / "manifest.json").unlink()
    assert "manifest.json" in refused(folder)


def test_a_config_of_another_version(folder):
    stored = files.read_json(folder / "config.json")
    stored["prep"]["colour"] = 1
    (folder / "config.json").write_text(json.dumps(stored))
    assert "'colour'" in refused(folder)


def test_folders_of_one_kind_fit(prep, val_prep):
    check_fits(prep, val_prep)
    check_fits(prep, prep)


@pytest.mark.parametrize("field, value", [
    ("extractor", "0123"), ("class_names", ("a",)), ("channels", (9,)), ("preparing", Preparing(96, 160, "caffe", 8)),
    ("geometry", Geometry((16.0,), (8.0,), ((16.0, 32.0, 64.0),), (0.5, 1.0, 2.0)))])
def test_a_manifest_that_does_not_fit_is_named(prep, val_prep, field, value):
    other = dataclasses.replace(val_prep, features=dataclasses.replace(val_prep.features, **{field: value}))
    with pytest.raises(InputError, match=f"{field}.* differs.*--like {prep.path}"):
        check_fits(prep, other)


@pytest.mark.parametrize("changes, name", [
    ({"preparing": Preparing(97, 160, "tf", 8)}, "preparing.shorter: 96 -> 97"),
    ({"geometry": Geometry((8.0,), (7.5,), ((8.0,),), (0.5, 1.0, 2.0))}, "geometry.")])
def test_a_setting_that_does_not_fit_is_named(prep, val_prep, changes, name):
    other = dataclasses.replace(val_prep, features=dataclasses.replace(val_prep.features, **changes))
    with pytest.raises(InputError, match=name):
        check_fits(prep, other)


def test_it_tells_of_itself_in_a_line(prep, val_prep):
    told = repr(prep)
    assert f"'{prep.path}': 6 images and their mirror images of shapes (seed 0); 4 classes: " in told
    assert "images resized to 96 pixels, 160 at most; maps of stride 8 with 8 channels; minibatches: 2 draws" in told
    assert "3 images of shapes (seed 9)" in repr(val_prep) and repr(val_prep).endswith("minibatches: none)")
    assert "\n" not in told and len(told) < 500


def id_of(span):
    return records.parse_features(span.read(), (8,))["id"].numpy().decode()


def test_a_part_has_its_images_with_their_mirror_images(prep, shapes):
    part = prep.part([4, 1])
    ids = [str(shapes.examples[place].id) for place in (4, 4, 1, 1)]
    assert [id_of(span) for span in part.feature_spans] == ids
    assert part.feature_spans == tuple(prep.feature_spans[place] for place in (8, 9, 2, 3))
    assert part.minibatch_spans == tuple(prep.minibatch_spans[place] for place in (8, 9, 2, 3))
    assert part.features.records == part.minibatches.records == 4 and part.features.mirror
    assert "2 images and their mirror images" in repr(part)
    check_fits(prep, part)
    measuring = prep.part([4, 1], measuring=True)
    assert [id_of(span) for span in measuring.feature_spans] == ids[::2]
    assert [int(records.parse_features(span.read(), (8,))["mirror"]) for span in measuring.feature_spans] == [0, 0]
    assert measuring.minibatches is None and not measuring.minibatch_spans and not measuring.features.mirror
    assert open_prepared(part) is part


def test_parts_are_told_from_each_other_and_from_the_whole(prep):
    parts = [prep, prep.part([0, 1]), prep.part([1, 0]), prep.part([0]), prep.part([0], measuring=True),
             prep.part(range(6))]
    assert len({part.features.annotations for part in parts}) == 6
    assert prep.part([0, 1]) == prep.part([0, 1])


def test_a_part_of_a_folder_without_mirror_images(val_prep):
    part = val_prep.part([2])
    assert part.feature_spans == val_prep.feature_spans[2:] and part.features.records == 1
