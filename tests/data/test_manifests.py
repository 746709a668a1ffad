import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.data.manifests import (
    NAME,
    FeatureManifest,
    Manifest,
    ProposalManifest,
    read_manifest,
    write_manifest,
)
from frcnn_keras.data.records import FORMAT
from frcnn_keras.errors import InputError
from frcnn_keras.files import read_json
from frcnn_keras.models.settings import Geometry, LevelPooling, Preparing, Proposing
from frcnn_keras.settings import options

SHARED = ("00000-of-00001.tfrecord",), 3, "0123", "4567"
FEATURES = FeatureManifest(
    "features", *SHARED, geometry=Geometry((8.0,), (4.0,), ((16.0, 32.0),), (1.0,)), channels=(8,),
    preparing=Preparing(96, 160, "tf", 8), pooling=LevelPooling(None, 1.0), class_names=("käfer", "b"),
    category_ids=(3, 7), mirror=True, source="shapes")
PROPOSALS = ProposalManifest("proposals", *SHARED, rpn="89ab", proposing=Proposing(60, 20), mirror=False)
MINIBATCHES = Manifest("minibatches", *SHARED)


@pytest.mark.parametrize("manifest", [FEATURES, PROPOSALS, MINIBATCHES])
def test_written_and_read_it_is_the_same(manifest, tmp_path):
    write_manifest(tmp_path, manifest)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert read_manifest(tmp_path, type(manifest), manifest.kind) == manifest
    assert read_json(tmp_path / NAME)["format"] == FORMAT


words = st.text(min_size=1, max_size=9)


@settings(deadline=None)
@given(st.builds(Manifest, words, st.lists(words).map(tuple), st.integers(0, 10**9), words, words))
def test_json_both_ways(manifest):
    assert options.from_dict(Manifest, json.loads(json.dumps(options.to_dict(manifest)))) == manifest


def refused(folder, record=FeatureManifest, kind="features"):
    with pytest.raises(InputError) as caught:
        read_manifest(folder, record, kind)
    text = str(caught.value)
    assert "\n" not in text and str(folder) in text
    return text


def change(folder, **values):
    """Other values in a manifest; None takes one out."""
    stored = {**read_json(folder / NAME), **values}
    (folder / NAME).write_text(json.dumps({name: value for name, value in stored.items() if value is not None}))


@pytest.fixture
def folder(tmp_path):
    write_manifest(tmp_path, FEATURES)
    return tmp_path


@pytest.mark.parametrize("found, said", [(FORMAT + 1, FORMAT + 1), (FORMAT - 1, FORMAT - 1), (None, None)])
def test_another_format_is_named(found, said, folder):
    change(folder, format=found)
    assert f"is of format {said}, and this version reads {FORMAT}" in refused(folder)


def test_the_format_is_looked_at_before_the_rest(folder):
    change(folder, format=FORMAT + 1, kind="tiles", channels=None)
    assert "format" in refused(folder)


def test_another_kind_is_named(folder):
    assert "holds features, not proposals" in refused(folder, ProposalManifest, "proposals")


@pytest.mark.parametrize("values, words", [
    ({"channels": None}, "'channels'"), ({"colour": 1}, "'colour'"), ({"geometry": 3}, "Geometry"),
    ({"preparing": {**options.to_dict(FEATURES.preparing), "shorter": 0}}, "shorter must be 1 to 32768"),
    ({"preparing": {**options.to_dict(FEATURES.preparing), "shorter": "96"}}, "another kind"),
    ({"pooling": {"levels": 1}}, "'min_cells'")])
def test_what_makes_no_sense_is_damaged(values, words, folder):
    change(folder, **values)
    text = refused(folder)
    assert f"{folder / NAME}: damaged" in text and words in text and "--fresh" in text


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "{"])
def test_what_is_no_manifest(text, folder):
    (folder / NAME).write_text(text)
    refused(folder)


def test_none_there(tmp_path):
    assert NAME in refused(tmp_path)


def test_a_manifest_is_as_the_record_says(folder):
    """No field is written that is not read, and the other way round."""
    assert {field.name for field in dataclasses.fields(FEATURES)} | {"format"} == set(read_json(folder / NAME))
