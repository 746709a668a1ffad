import dataclasses

import cv2
import numpy as np
import pytest

from data_prep.image_records import FLOAT16_MAX, MapMaker, RecordMaker, as_float16
from frcnn_keras.data import records
from frcnn_keras.data.decoding import decode
from frcnn_keras.errors import InputError
from frcnn_keras.models.saving import load_model
from frcnn_keras.ops.tiles import cut_tiles
from frcnn_keras.settings.stages import MinibatchConfig

MINIBATCHES = MinibatchConfig(count=16, draws=3)


@pytest.fixture(scope="module")
def maps(prep):
    return MapMaker(load_model(prep.extractor_path), prep.features.preparing, skip_bad=False)


def maker(maps, prep, eval_only=False, write_tiles=True, seed=0):
    return RecordMaker(maps, prep.geometry, MINIBATCHES, seed, eval_only=eval_only, write_tiles=write_tiles)


def features(made, prep):
    (record,) = made["features"]
    return {name: value for name, value in records.parse_features(record, prep.channels).items() if name != "maps"}


def test_values_beyond_float16_are_its_largest():
    (found,) = as_float16([np.float32([0.1, 65503, 65504, 65519, 65520, 1e30, -1e30, -70000])])
    assert found.dtype == np.float16
    assert found.tolist() == [np.float16(0.1), 65504, 65504, 65504, 65504, 65504, -65504, -65504]
    assert FLOAT16_MAX == np.finfo(np.float16).max and np.all(np.isfinite(found))


def test_every_level_is_stored():
    assert [level.shape for level in as_float16([np.zeros((4, 6, 2)), np.zeros((2, 3, 2))])] == [(4, 6, 2), (2, 3, 2)]


def test_artefacts_are_those_asked_for(maps, prep, shapes):
    example = shapes.examples[0]
    assert {kind: len(made) for kind, made in maker(maps, prep)(example, False).items()} == {
        "features": 1, "minibatches": 1, "tiles": 3}
    assert {kind: len(made) for kind, made in maker(maps, prep, write_tiles=False)(example, False).items()} == {
        "features": 1, "minibatches": 1, "tiles": 0}
    assert maker(maps, prep, eval_only=True, write_tiles=False)(example, False).keys() == {"features"}


def test_boxes_are_of_the_resized_image_and_of_its_mirror_image(maps, prep, shapes):
    example, make = shapes.examples[0], maker(maps, prep, eval_only=True)  # 120 x 156 becomes 96 x 124
    plain, mirrored = (features(make(example, mirror), prep) for mirror in (False, True))
    x1, y1, x2, y2 = (example.boxes * np.float32([124 / 156, 0.8, 124 / 156, 0.8])).T
    np.testing.assert_allclose(plain["boxes"], np.stack([x1, y1, x2, y2], 1), atol=1e-4)
    np.testing.assert_allclose(mirrored["boxes"], np.stack([124 - x2, y1, 124 - x1, y2], 1), atol=1e-4)
    for found, mirror in ((plain, 0), (mirrored, 1)):
        assert found["size"].numpy().tolist() == [96, 124] and found["original"].numpy().tolist() == [120, 156]
        assert int(found["mirror"]) == mirror and found["labels"].numpy().tolist() == example.labels.tolist()


def test_maps_of_the_mirror_image_are_those_of_the_mirrored_picture(maps, prep, shapes):
    example, make = shapes.examples[0], maker(maps, prep, eval_only=True)
    picture = decode(example.read(), example.file).numpy()
    content = cv2.imencode(".png", picture[:, ::-1, ::-1])[1].tobytes()  # OpenCV writes BGR
    turned = dataclasses.replace(example, read=lambda: content, file="turned.png")
    plain, mirrored, wanted = (records.parse_features(made["features"][0], prep.channels)["maps"][0].numpy() for made in
                               (make(example, False), make(example, True), make(turned, False)))
    np.testing.assert_allclose(mirrored, wanted, atol=0.02)  # resized, then mirrored: the last bit may differ
    assert np.abs(mirrored - plain).max() > 1


def drawn(made, prep, number=0):
    return {name: part.numpy() for name, part in records.parse_minibatch(made["minibatches"][0], number).items()}


def test_the_mirror_image_has_draws_of_its_own(maps, prep, shapes):
    """Without objects the two have the same anchors to draw from."""
    nothing = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, np.int32), "difficult": np.zeros(0, bool),
               "crowd": np.zeros(0, bool)}
    example, make = dataclasses.replace(shapes.examples[0], **nothing), maker(maps, prep)
    one, mirrored = (drawn(make(example, mirror), prep)["indices"] for mirror in (False, True))
    assert sorted(one) != sorted(mirrored)


@pytest.mark.parametrize("kind", ["difficult", "crowd"])
def test_difficult_and_crowd_objects_make_no_anchor_positive(kind, maps, prep, shapes):
    example = shapes.examples[0]
    marked = dataclasses.replace(example, **{kind: np.ones(len(example.labels), bool)})
    assert (drawn(maker(maps, prep)(example, False), prep)["labels"] == 1).any()
    assert not (drawn(maker(maps, prep)(marked, False), prep)["labels"] == 1).any()


def test_tiles_are_cut_from_the_stored_map_for_every_draw(maps, prep, shapes):
    made = maker(maps, prep)(shapes.examples[0], True)
    stored = records.parse_features(made["features"][0], prep.channels)["maps"]
    for draw, record in enumerate(made["tiles"]):
        drawn, tiles = records.parse_minibatch(made["minibatches"][0], draw), records.parse_tiles(record)
        cut, anchors = cut_tiles(stored, drawn["indices"], 9)
        assert int(tiles["draw"]) == draw and np.array_equal(tiles["tiles"], cut)
        assert np.array_equal(tiles["anchors"], anchors) and np.array_equal(tiles["labels"], drawn["labels"])
        assert np.array_equal(tiles["deltas"], drawn["deltas"])


def test_another_seed_draws_others(maps, prep, shapes):
    one, same, other = (maker(maps, prep, seed=seed)(shapes.examples[0], False) for seed in (0, 0, 1))
    assert one == same and one["features"] == other["features"] and one["minibatches"] != other["minibatches"]


def test_an_object_that_no_anchor_reaches_is_said_once(maps, prep, shapes, capsys):
    example = dataclasses.replace(
        shapes.examples[0], file="there/a.xml", boxes=np.float32([[20, 20, 90, 90], [0, 0, 2, 2]]),
        labels=np.int32([1, 2]), difficult=np.zeros(2, bool), crowd=np.zeros(2, bool))
    for mirror in (False, True):
        maker(maps, prep)(example, mirror)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("note: there/a.xml: object 2 makes no anchor positive")
    maker(maps, prep)(dataclasses.replace(example, difficult=np.array([False, True])), False)
    assert capsys.readouterr().err == ""


def test_a_bad_image_stops_or_is_left_out_and_listed(maps, prep, shapes):
    bad = dataclasses.replace(shapes.examples[0], read=lambda: b"no image", file="there/a.png")
    with pytest.raises(InputError, match="^there/a.png: "):
        maker(maps, prep)(bad, False)
    lenient = MapMaker(load_model(prep.extractor_path), prep.features.preparing, skip_bad=True)
    make = maker(lenient, prep)
    assert make(bad, False) is None and make(bad, True) is None and make(shapes.examples[0], False)
    (line,) = lenient.skipped  # once, though its mirror image fails too
    assert line.startswith("there/a.png: ") and not maps.skipped
