import dataclasses

import numpy as np
import pytest

from data_prep.prepare import disk_needed, is_finished, prepare
from data_prep.shards import PrepRequest
from data_prep.source import feature_source
from frcnn_keras.data.prepared import REQUEST, open_prepared, reading
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.files import write_json
from frcnn_keras.files.locks import alone
from frcnn_keras.inspection.anchor_choice import USUAL, choose_sizes
from frcnn_keras.runs.request import stored_form
from frcnn_keras.settings.detector import NeckConfig
from frcnn_keras.settings.stages import MinibatchConfig


def request_of(config, dataset, eval_only=False, write_tiles=False):
    return PrepRequest(config, eval_only, write_tiles, tuple(dataset.class_names), len(dataset.examples),
                       dataset.fingerprint(), None)


def needed(config, dataset, free=10**9, **asked):
    return disk_needed(dataset, request_of(config, dataset, **asked), feature_source(config, None), free)


# images of 120 x 156 and of 150 x 110 become 96 x 124 and 130 x 96 pixels, padded 96 x 128 and 136 x 96: maps of
# 12 x 16 and 17 x 12 cells
CELLS = 4 * 12 * 16 + 2 * 17 * 12


def test_bytes_by_hand(prep_config, shapes):
    """Float16 maps of 8 channels, and 2 draws of 32 anchors: 4 bytes of index, 1 of label, 16 of deltas."""
    features, draws = 2 * CELLS * 8 * 2, 2 * 6 * 2 * 32 * 21
    assert needed(prep_config, shapes) == features + draws
    assert needed(prep_config, shapes, eval_only=True) == features // 2  # no mirror images, no draws
    tiles = 2 * 6 * 2 * 32 * (9 * 8 * 2 + 24)
    assert needed(prep_config, shapes, write_tiles=True) == features + draws + tiles


@pytest.mark.parametrize("change, wanted", [
    ({"mirror": False}, CELLS * 8 * 2 + 6 * 2 * 32 * 21),
    ({"neck": NeckConfig(0)}, 2 * CELLS * 12 * 2 + 2 * 6 * 2 * 32 * 21),
    ({"neck": NeckConfig(99)}, 2 * CELLS * 12 * 2 + 2 * 6 * 2 * 32 * 21),  # no more than there are
    ({"minibatches": MinibatchConfig(count=10, draws=3)}, 2 * CELLS * 8 * 2 + 2 * 6 * 3 * 10 * 21)])
def test_bytes_of_other_settings(change, wanted, prep_config, shapes):
    assert needed(dataclasses.replace(prep_config, **change), shapes) == wanted


def test_the_folder_takes_about_as_much(prep, prep_config, shapes):
    """Records have names, numbers and objects besides: a few hundred bytes."""
    taken = sum(path.stat().st_size for path in prep.path.rglob("*.tfrecord"))
    assert 1 <= taken / needed(prep_config, shapes, write_tiles=True) < 1.1


def test_a_disk_that_is_too_small(prep_config, shapes, capsys):
    enough = needed(prep_config, shapes)
    assert needed(prep_config, shapes, free=enough) == enough and "disk: " in capsys.readouterr().err
    with pytest.raises(InputError, match="MB free and .* MB are needed; free space, or lower --neck-channels"):
        needed(prep_config, shapes, free=enough - 1)


@pytest.fixture
def asked(prep_config, shapes):
    return request_of(prep_config, shapes)


def begun(folder, request):
    folder.mkdir(parents=True)
    write_json(folder / REQUEST, stored_form(request))


def test_finished_or_not(asked, tmp_path):
    out = tmp_path / "prep"
    assert not is_finished(out, asked, fresh=False)  # nothing there
    out.mkdir()
    assert not is_finished(out, asked, fresh=False)  # an empty folder
    out.rmdir()
    begun(tmp_path / "prep.partial", asked)
    assert not is_finished(out, asked, fresh=False)  # one to go on with
    begun(out, asked)
    assert is_finished(out, asked, fresh=False)


@pytest.mark.parametrize("name", ["prep", "prep.partial"])
def test_another_config_is_named(name, asked, tmp_path):
    begun(tmp_path / name, asked)
    with pytest.raises(InputError, match=f"{name}/{REQUEST}: was begun .*prep.mirror: True -> False.* another --out"):
        is_finished(tmp_path / "prep", dataclasses.replace(asked, prep=dataclasses.replace(asked.prep, mirror=False)),
                    fresh=False)


@pytest.mark.parametrize("name", ["prep", "prep.partial"])
def test_a_folder_of_something_else_is_left_alone(name, asked, tmp_path):
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=f"{tmp_path / name}: is not empty and no prep folder; give another --out"):
        is_finished(tmp_path / "prep", asked, fresh=False)
    assert (tmp_path / name / "thesis.tex").exists()


def test_fresh_throws_away_what_was_begun_and_keeps_what_is_finished_until_then(asked, tmp_path):
    for name in ("prep", "prep.partial"):
        begun(tmp_path / name, asked)
    assert not is_finished(tmp_path / "prep", asked, fresh=True)
    assert [path.name for path in tmp_path.iterdir()] == ["prep"]


def test_tiles_of_no_minibatches(prep_config, shapes, tmp_path):
    with pytest.raises(InputError, match="--write-tiles .* --eval-only"):
        prepare(shapes, tmp_path / "prep", prep_config, eval_only=True, write_tiles=True)


def test_settings_besides_those_of_the_folder_to_be_like(prep, prep_config, shapes, tmp_path):
    with pytest.raises(InputError, match=f"^{prep.path}: fixes the settings"):
        prepare(shapes, tmp_path / "prep", dataclasses.replace(prep_config, seed=3), like=prep)


def test_like_an_earlier_folder(val_prep, prep):
    assert val_prep.config == prep.config and val_prep.features.extractor == prep.features.extractor
    assert val_prep.features.preparing == prep.features.preparing and val_prep.geometry == prep.geometry


def broken(dataset, *numbers):
    """The data set with images that cannot be decoded."""
    examples = [dataclasses.replace(example, read=lambda: b"no image", file=f"bad{number}.png")
                if number in numbers else example for number, example in enumerate(dataset.examples)]
    return dataclasses.replace(dataset, examples=tuple(examples))


def test_bad_images_are_left_out_and_listed(prep_config, tmp_path, capsys):
    """With their mirror images, of the neck's sample too; each is named once."""
    found = prepare(broken(shapes_dataset(4, 3, 120, 156), 0, 2), tmp_path / "prep", prep_config, skip_bad=True)
    said = capsys.readouterr().err
    assert [line.split(":")[1].strip() for line in said.splitlines() if line.startswith("left out: ")] == [
        "bad0.png", "bad2.png"]
    assert len(found.feature_spans) == len(found.minibatch_spans) == 4
    assert f"prep: {tmp_path / 'prep'} is finished\n" in said


def test_a_bad_image_leaves_nothing_behind(prep_config, tmp_path):
    with pytest.raises(InputError, match="^bad1.png: "):
        prepare(broken(shapes_dataset(2, 3, 120, 156), 1), tmp_path / "prep", prep_config)
    assert not list(tmp_path.iterdir())


def test_mirror_images_are_left_out_where_they_are_not_wanted(prep_config, tmp_path):
    found = prepare(shapes_dataset(2, 3, 120, 156), tmp_path / "prep", dataclasses.replace(prep_config, mirror=False))
    assert len(found.feature_spans) == 2 and not found.features.mirror
    assert np.array_equal(found.channels, (8,))


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_fresh_replaces_what_prep_made_and_keeps_what_users_put_there(prep_config, tmp_path):
    out = tmp_path / "prep"
    two = shapes_dataset(2, 3, 120, 156)
    prepare(two, out, prep_config)
    before = tree(out)
    (out / "notes.txt").write_text("mine")
    (out / "features" / "photo.jpg").write_text("mine")
    (out / "minibatches" / "more").mkdir()
    (out / "minibatches" / "more" / "manifest.json").write_text("mine")
    mine = {name: content for name, content in tree(out).items() if name not in before}
    prepare(two, out, dataclasses.replace(prep_config, mirror=False), eval_only=True, fresh=True)
    after = tree(out)
    assert after.items() >= mine.items() and len(mine) == 3
    assert {name for name in after if name not in mine} == {name for name in before
                                                            if not name.startswith("minibatches")}
    prepare(two, out, prep_config, fresh=True)
    assert tree(out) == {**before, **mine} and [path.name for path in tmp_path.iterdir()] == ["prep"]


@pytest.mark.parametrize("content", ["mine", '{\n  "images": [],\n  "annotations": [],\n  "categories": []\n}'])
def test_fresh_touches_no_folder_of_somebody_elses(content, prep_config, tmp_path):
    for name in ("prep", "prep.partial"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / REQUEST).write_text(content)
        (folder / "photo.jpg").write_text("mine")
        before = tree(tmp_path)
        with pytest.raises(InputError, match=f"{folder}: is not empty and no prep folder"):
            prepare(shapes_dataset(1), tmp_path / "prep", prep_config, fresh=True)
        assert tree(tmp_path) == before
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def test_fresh_makes_a_damaged_folder_anew(prep_config, tmp_path):
    """What says whose folder it is has a wrong byte itself."""
    out = tmp_path / "prep"
    one = shapes_dataset(1, 3, 120, 156)
    prepare(one, out, prep_config)
    before = tree(out)
    (out / REQUEST).write_bytes(before[REQUEST].replace(b'"prep"', b'"pqep"', 1))
    with pytest.raises(InputError, match="--fresh"):
        prepare(one, out, prep_config)
    prepare(one, out, prep_config, fresh=True)
    assert tree(out) == before


def test_a_link_stays_where_it_is(prep_config, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "photo.jpg").write_text("mine")
    (tmp_path / "prep").symlink_to(tmp_path / "disk")
    with pytest.raises(InputError, match="no prep folder"):
        prepare(shapes_dataset(1), tmp_path / "prep", prep_config, fresh=True)
    (tmp_path / "disk" / "photo.jpg").unlink()
    for _ in range(2):
        prepare(shapes_dataset(1, 3, 120, 156), tmp_path / "prep", prep_config, fresh=True)
    assert (tmp_path / "prep").is_symlink() and (tmp_path / "disk" / REQUEST).exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "prep"]


def test_not_into_the_folder_of_the_images(prep_config, tmp_path):
    dataset = shapes_dataset(1, 3, 120, 156)
    example = dataclasses.replace(dataset.examples[0], path=str(tmp_path / "images" / "a.png"))
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match="data set is read from"):
        prepare(dataclasses.replace(dataset, examples=(example,)), tmp_path / "images", prep_config, fresh=True)


def test_two_at_once(prep_config, tmp_path):
    with alone(tmp_path / "prep.partial"), pytest.raises(InputError, match=f"{tmp_path / 'prep'}: another command"):
        prepare(shapes_dataset(1), tmp_path / "prep", prep_config)
    prepare(shapes_dataset(1, 3, 120, 156), tmp_path / "prep", prep_config)
    with reading(open_prepared(tmp_path / "prep")):
        prepare(shapes_dataset(1, 3, 120, 156), tmp_path / "prep", prep_config)  # finished already
        with pytest.raises(InputError, match="another command is at work"):
            prepare(shapes_dataset(1, 3, 120, 156), tmp_path / "prep", prep_config, fresh=True)


def on_disk(folder, count=3, seed=3):
    """A data set whose pictures are files."""
    folder.mkdir(exist_ok=True)
    dataset, examples = shapes_dataset(count, seed, 120, 156), []
    for number, example in enumerate(dataset.examples):
        path = folder / f"{number}.png"
        path.write_bytes(example.read())
        examples.append(dataclasses.replace(example, file=str(path), path=str(path), read=path.read_bytes))
    return dataclasses.replace(dataset, examples=tuple(examples))


@pytest.mark.parametrize("finished", [True, False])
def test_pictures_that_are_replaced_between_two_starts_are_noticed(finished, prep_config, tmp_path):
    dataset, out = on_disk(tmp_path / "images"), tmp_path / "prep"
    prepare(dataset, out, prep_config)
    before = tree(out)
    if not finished:
        out.rename(tmp_path / "prep.partial")
        (tmp_path / "prep.partial" / "features" / "manifest.json").unlink()
    changed = dataset.examples[1].path
    with open(changed, "wb") as file:
        file.write(shapes_dataset(1, 9, 120, 156).examples[0].read())
    with pytest.raises(InputError, match=f"1 of 3 pictures have changed since it was begun .the first: {changed}"):
        prepare(dataset, out, prep_config)
    anew = prepare(dataset, out, prep_config, fresh=True)
    assert tree(out)["features/00000-of-00001.tfrecord"] != before["features/00000-of-00001.tfrecord"]
    assert anew.pictures and anew.features.annotations == dataset.fingerprint()


def test_objects_that_change_between_two_starts_are_named(prep_config, tmp_path):
    dataset = on_disk(tmp_path / "images")
    prepare(dataset, tmp_path / "prep", prep_config)
    other = dataclasses.replace(dataset.examples[0], labels=dataset.examples[0].labels % 2 + 1)
    with pytest.raises(InputError, match=f"1 of 3 images' objects have changed .*{other.file}"):
        prepare(dataclasses.replace(dataset, examples=(other, *dataset.examples[1:])), tmp_path / "prep", prep_config)


def test_other_weights_of_the_same_name_are_noticed(prep_config, tiny_backbone, tmp_path):
    import keras

    path = tmp_path / "own.keras"
    path.write_bytes(tiny_backbone.read_bytes())
    config = dataclasses.replace(prep_config, backbone=dataclasses.replace(prep_config.backbone, name=str(path)))
    prepare(shapes_dataset(1, 3, 120, 156), tmp_path / "prep", config)
    model = keras.saving.load_model(path)
    model.set_weights([weight * 2 for weight in model.get_weights()])
    model.save(path)
    with pytest.raises(InputError, match="was begun with another config .backbone: "):
        prepare(shapes_dataset(1, 3, 120, 156), tmp_path / "prep", config)


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_anchor_sizes_of_the_data_are_stored_as_numbers(prep_config, shapes, tmp_path, capsys):
    """The folder, and a second start, are those of the numbers; --like takes these."""
    auto = dataclasses.replace(prep_config, anchors=dataclasses.replace(prep_config.anchors, sizes=()))
    found = prepare(shapes, tmp_path / "auto", auto)
    sizes = choose_sizes(shapes, auto.images, auto.anchors, found.geometry.strides, found.geometry.offsets).sizes
    assert found.config.anchors.sizes == sizes != USUAL and found.geometry.anchor_sizes == (sizes,)
    assert f"anchors: {','.join(f'{size:g}' for size in sizes)} reach " in capsys.readouterr().err
    numbers = dataclasses.replace(auto, anchors=dataclasses.replace(auto.anchors, sizes=sizes))
    assert content(prepare(shapes, tmp_path / "numbers", numbers).path) == content(found.path)
    for config in (auto, numbers):
        before = {path: path.stat().st_mtime_ns for path in found.path.rglob("*")}
        prepare(shapes, tmp_path / "auto", config)
        assert {path: path.stat().st_mtime_ns for path in found.path.rglob("*")} == before
    assert "is finished already" in capsys.readouterr().err
    like = prepare(shapes_dataset(2, 9, 120, 160), tmp_path / "val", like=found, eval_only=True)
    assert like.config == numbers


def test_a_start_with_sizes_of_the_data_goes_on_with_no_others(prep_config, prep, shapes, tmp_path):
    """Here those of the folder are other ones."""
    begun(tmp_path / "prep", request_of(prep_config, shapes))
    auto = dataclasses.replace(prep_config, anchors=dataclasses.replace(prep_config.anchors, sizes=()))
    with pytest.raises(InputError, match="prep.anchors.sizes: .* -> "):
        prepare(shapes, tmp_path / "prep", auto)
