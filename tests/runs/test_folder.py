import dataclasses

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files import read_json
from frcnn_keras.runs.detector import load
from frcnn_keras.runs.folder import DatasetFacts, PreparedFacts, begin, save_run, weights_fingerprint
from frcnn_keras.runs.marks import MARKS
from frcnn_keras.runs.request import read_request
from frcnn_keras.settings.stages import StageHeadConfig
from tests.bright_pictures import WANTED, picture
from tests.detectors import small_detector

FILES = ("state", "artefact")


def test_facts_of_a_prep_folder(prep, shapes, prep_config):
    facts = PreparedFacts.of(prep)
    assert facts == PreparedFacts(prep.features.extractor, shapes.fingerprint(), shapes.class_names, True,
                                  prep_config.anchors, 0, prep_config.minibatches)


@pytest.mark.parametrize("where, change", [
    ("features", {"extractor": "0"}), ("features", {"annotations": "0"}), ("features", {"class_names": ("a",)}),
    ("features", {"mirror": False}), ("config", {"seed": 5})])
def test_what_a_result_depends_on_is_among_them(prep, where, change):
    other = dataclasses.replace(prep, **{where: dataclasses.replace(getattr(prep, where), **change)})
    assert PreparedFacts.of(other) != PreparedFacts.of(prep)


def test_where_a_prep_folder_lies_is_not(prep):
    features = dataclasses.replace(prep.features, source="elsewhere", shards=("x",))
    other = dataclasses.replace(prep, path=prep.path / "x", features=features)
    assert PreparedFacts.of(other) == PreparedFacts.of(prep)


def test_facts_of_a_data_set(shapes):
    facts = DatasetFacts.of(shapes)
    assert facts == DatasetFacts(("circle", "cross", "square", "triangle"), 6, shapes.fingerprint())
    fewer = dataclasses.replace(shapes, examples=shapes.examples[1:])
    assert DatasetFacts.of(fewer).images == 5 and DatasetFacts.of(fewer).annotations != facts.annotations
    assert DatasetFacts.of(None) is None


def start(run, kind, **settings):
    begin(run, "rcnn", StageHeadConfig(kind=kind), FILES, **{"fresh": False, **settings})


@pytest.mark.parametrize("name", FILES)
def test_a_start_binds_when_it_left_something(name, tmp_path):
    start(tmp_path / "run", "backbone_top")
    start(tmp_path / "run", "two_fc")  # the first one failed at once
    (tmp_path / "run" / name).touch()
    start(tmp_path / "run", "two_fc")
    with pytest.raises(InputError, match="rcnn.json: .*kind: two_fc -> vgg_fc.* another --out"):
        start(tmp_path / "run", "vgg_fc", flag="--out")
    assert read_request(tmp_path / "run" / "rcnn.json", StageHeadConfig).kind == "two_fc"


def test_fresh_removes_what_the_stage_made_and_nothing_else(tmp_path):
    start(tmp_path, "two_fc")
    for name in (*FILES, "rpn.json", "mine"):
        (tmp_path / name).touch()
    start(tmp_path, "vgg_fc", fresh=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "rcnn.json", "rpn.json"]
    assert read_request(tmp_path / "rcnn.json", StageHeadConfig).kind == "vgg_fc"


def test_fresh_where_nothing_is(tmp_path):
    start(tmp_path / "new" / "run", "vgg_fc", fresh=True)
    assert read_request(tmp_path / "new" / "run" / "rcnn.json", StageHeadConfig).kind == "vgg_fc"


def test_a_run_without_stages(hand_detector, tmp_path):
    run = tmp_path / "new" / "run"
    save_run(hand_detector, run, "import", {"file": "a.pth", "score": np.float32(0.5)})
    assert sorted(path.name for path in run.iterdir()) == ["detector.keras", "import.json"]
    assert read_json(run / "import.json") == {"file": "a.pth", "score": 0.5}
    (found,) = load(run).predict(picture())
    np.testing.assert_allclose(found.boxes, [WANTED], atol=1e-3)


def test_a_fingerprint_of_weights():
    model = small_detector()
    first = weights_fingerprint(model.rpn)
    assert weights_fingerprint(small_detector().rpn) == first != weights_fingerprint(model.rcnn)
    bias = model.rpn.weights[1]
    bias.assign(bias + np.eye(1, bias.shape[0])[0] * 1e-3)
    assert weights_fingerprint(model.rpn) != first


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("names, fresh", [
    (("photo.jpg",), True), (("state",), False), (("rcnn.json",), False), (("rcnn.json", "photo.jpg"), True)])
def test_a_folder_of_somebody_elses_is_left_alone(names, fresh, tmp_path):
    for name in names:
        (tmp_path / name).write_text("mine")
    before = content(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path}.*another --run") as caught:
        start(tmp_path, "two_fc", fresh=fresh)
    assert content(tmp_path) == before and "\n" not in str(caught.value)


def test_a_run_may_be_begun_beside_other_files(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    start(tmp_path, "two_fc")
    start(tmp_path, "vgg_fc", fresh=True)
    assert set(content(tmp_path)) == {"notes.txt", "rcnn.json"}


def test_another_stages_detector_is_not_replaced_unasked(hand_detector, tmp_path):
    save_run(hand_detector, tmp_path, "import", dict.fromkeys(MARKS["import.json"], 1))
    with pytest.raises(InputError, match="artefact: was made by another stage than rcnn"):
        (tmp_path / "artefact").touch()
        start(tmp_path, "two_fc")
    start(tmp_path, "two_fc", fresh=True)
    assert set(content(tmp_path)) == {"detector.keras", "import.json", "rcnn.json"}


def test_fresh_starts_over_where_the_mark_is_damaged(tmp_path):
    start(tmp_path, "two_fc")
    (tmp_path / "state").touch()
    text = (tmp_path / "rcnn.json").read_text()
    (tmp_path / "rcnn.json").write_text(text.replace('"kind"', '"kinf"'))
    with pytest.raises(InputError, match="damaged .*--fresh"):
        start(tmp_path, "two_fc")
    start(tmp_path, "two_fc", fresh=True)
    assert set(content(tmp_path)) == {"rcnn.json"}
