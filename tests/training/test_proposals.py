import dataclasses
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from frcnn_keras.data import records
from frcnn_keras.errors import InputError
from frcnn_keras.files.whole import temporary_name
from frcnn_keras.models.settings import Proposing
from frcnn_keras.settings.detector import ProposalConfig
from frcnn_keras.settings.stages import RPNConfig
from frcnn_keras.training import proposals as proposing
from frcnn_keras.training.proposals import FolderProposer, measure_recall, open_proposals, write_proposals
from frcnn_keras.training.rpn_stage import RPNSize, RPNStage, build_rpn
from tests.detectors import proposing_of

SETTINGS = proposing_of(100, 20)
NO_PROCESS = 99999999  # no system gives such a number


@pytest.fixture(scope="module")
def rpn(prep):
    rpn = build_rpn(prep, RPNSize(8))
    rng = np.random.default_rng(0)
    rpn.set_weights([rng.normal(0, 0.1, weight.shape).astype(np.float32) for weight in rpn.weights])
    return rpn


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(proposing, "SHARD_IMAGES", 5)  # 12 images: 5, 5, 2


@pytest.fixture
def out(prep, rpn, tmp_path, small_shards):
    """Proposals of the prepared images."""
    (tmp_path / "proposals").mkdir()
    write_proposals(rpn, prep, tmp_path / "proposals" / "train", SETTINGS, "abc")
    return tmp_path / "proposals" / "train"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def kill_at(monkeypatch, number):
    """Makes the number-th shard (from 0) die half written, as a kill would; returns the undo."""
    real, count = records.write_shard, [0]

    def write(path, shard):
        count[0] += 1
        if count[0] > number:
            name = temporary_name(path).name.split(".")
            path.with_name(".".join([*name[:2], str(NO_PROCESS), *name[3:]])).write_bytes(b"half")
            raise KeyboardInterrupt
        real(path, shard)

    monkeypatch.setattr(records, "write_shard", write)
    return lambda: monkeypatch.setattr(records, "write_shard", real)


def test_every_image_has_its_proposals_in_the_features_order(out, prep):
    spans = open_proposals(out, prep, "abc")
    assert len(spans) == 12
    for span, feature in zip(spans, prep.feature_spans, strict=True):
        found = records.parse_proposals(span.read())
        image = records.parse_features(feature.read(), prep.channels)
        assert found["id"] == image["id"] and found["mirror"] == image["mirror"]
        boxes, scores = found["boxes"].numpy(), found["scores"].numpy()
        height, width = image["size"].numpy()
        assert 0 < len(boxes) == len(scores) <= 20 and np.all(np.diff(scores) <= 0)
        assert boxes.min() >= 0 and np.all(boxes <= [width, height, width, height])
        assert np.all(boxes[:, 2:] - boxes[:, :2] >= 1)
    assert len(list(out.glob("*.tfrecord"))) == 3 and sorted(contents(out)) == [
        "00000-of-00003.tfrecord", "00001-of-00003.tfrecord", "00002-of-00003.tfrecord", "checksums.json",
        "manifest.json"]


def test_what_is_written_is_what_the_rpn_proposes(out, rpn, prep):
    for span, (_, boxes, scores) in zip(open_proposals(out, prep, "abc"), FolderProposer(rpn, prep, SETTINGS).stream(),
                                        strict=True):
        found = records.parse_proposals(span.read())
        assert np.array_equal(found["boxes"], boxes) and np.array_equal(found["scores"], scores)


def test_a_stream_goes_on_after_the_first(rpn, prep):
    whole = list(FolderProposer(rpn, prep, SETTINGS).stream())
    rest = list(FolderProposer(rpn, prep, SETTINGS).stream(skip=7))
    assert len(rest) == 5
    for one, other in zip(rest, whole[7:], strict=True):
        assert one[0]["id"] == other[0]["id"] and np.array_equal(one[1], other[1])


@pytest.mark.slow
@pytest.mark.parametrize("finished", [0, 1, 2])
def test_killed_and_started_again_it_is_the_same_to_the_byte(out, rpn, prep, tmp_path, monkeypatch, finished):
    again = tmp_path / "again" / "train"
    undo = kill_at(monkeypatch, finished)
    with pytest.raises(KeyboardInterrupt):
        write_proposals(rpn, prep, again, SETTINGS, "abc")
    undo()
    assert not again.exists()
    partial = again.with_name("train.partial")
    done = {path: path.stat().st_mtime_ns for path in partial.glob("*.tfrecord")}
    assert len(done) == finished
    kept = []
    real = records.write_shard
    monkeypatch.setattr(records, "write_shard", lambda path, shard: (kept.append(path.name), real(path, shard)))
    write_proposals(rpn, prep, again, SETTINGS, "abc")
    assert len(kept) == 3 - finished  # the finished ones are not made again
    found = contents(again)
    assert {name: found[name] for name in contents(out)} == contents(out)
    assert set(found) == set(contents(out)) and not partial.exists()


@pytest.mark.slow
def test_what_another_rpn_began_is_thrown_away(out, rpn, prep, tmp_path, monkeypatch):
    again = tmp_path / "again" / "train"
    undo = kill_at(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        write_proposals(rpn, prep, again, proposing_of(100, 3), "old")
    undo()
    write_proposals(rpn, prep, again, SETTINGS, "abc")
    assert contents(again) == contents(out)


def test_finished_proposals_of_this_rpn_are_left_alone(out, prep):
    before = contents(out)
    write_proposals(None, prep, out, SETTINGS, "abc")  # needs no RPN
    assert contents(out) == before


@pytest.mark.slow
def test_finished_proposals_of_another_rpn_are_replaced(out, rpn, prep):
    write_proposals(rpn, prep, out, SETTINGS, "new")
    assert len(open_proposals(out, prep, "new")) == 12


def refused(folder, prepared, fingerprint="abc"):
    with pytest.raises(InputError) as caught:
        open_proposals(folder, prepared, fingerprint)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value) and "train-rpn" in str(caught.value)
    return str(caught.value)


def test_none_there(tmp_path, prep):
    assert "no proposals" in refused(tmp_path / "train", prep)


def test_of_another_rpn(out, prep):
    assert "another RPN" in refused(out, prep, "abd")


@pytest.mark.parametrize("field, value", [("extractor", "x"), ("annotations", "x"), ("mirror", False)])
def test_of_another_prep_folder(out, prep, field, value):
    other = dataclasses.replace(prep, features=dataclasses.replace(prep.features, **{field: value}))
    assert "another prep folder" in refused(out, other) and f"{field} differs" in refused(out, other)


def test_a_shard_of_too_few_records(out, prep):
    shutil.copyfile(out / "00002-of-00003.tfrecord", out / "00001-of-00003.tfrecord")
    assert "9 records, its manifest says 12" in refused(out, prep)


def test_a_shard_in_anothers_place(out, prep):
    shutil.copyfile(out / "00000-of-00003.tfrecord", out / "00001-of-00003.tfrecord")
    message = refused(out, prep)
    assert "00001-of-00003.tfrecord: not the shard" in message and f"remove {out} and run" in message


def test_recall_of_anchors_that_stay_where_they_are(prep):
    """With deltas of 0 the proposals are the clipped anchors: recall by hand, from the anchors' IoU with objects."""
    from frcnn_keras.ops.boxes import clip, iou
    from frcnn_keras.ops.pyramid import level_bases, pyramid_anchors

    rpn = build_rpn(prep, RPNSize(8))
    rpn.set_weights([np.zeros(weight.shape, np.float32) for weight in rpn.weights])
    found = measure_recall(FolderProposer(rpn, prep, proposing_of(10**5, 1000, iou_threshold=1.0)))
    geometry = prep.geometry
    best = []
    for span in prep.feature_spans:
        image = records.parse_features(span.read(), prep.channels)
        (boxes,) = pyramid_anchors(level_bases(geometry.anchor_sizes, geometry.anchor_ratios, 1),
                                   [image["maps"][0].shape[:2]], geometry.strides, geometry.offsets)
        boxes = clip(boxes, *image["size"].numpy()).numpy()[:1000]  # equal logits: the first are the best
        best += iou(image["boxes"], boxes).numpy().max(axis=1, initial=0).tolist()
    assert {name for name in found if "1000" in name}
    for name, value in found.items():
        if "1000" in name:
            assert value == pytest.approx(np.mean(np.array(best) >= (0.5 if "50" in name or "0.5" in name else 0.7)),
                                          abs=1e-6), name


def test_recall_is_measured_on_a_thousand_proposals_however_few_are_kept(monkeypatch):
    monkeypatch.setattr("frcnn_keras.training.rpn_stage.FolderProposer", lambda *given: given)
    config = RPNConfig(proposals=ProposalConfig(30, 7, 0.6, 2.0))
    stage = SimpleNamespace(config=config, fit=config.fit, model=SimpleNamespace(network="rpn"), validation="images")
    assert RPNStage.proposer.func(stage) == ("rpn", "images", Proposing(30, 1000, 0.6, 2.0))


def test_measuring_again_sees_new_weights_in_the_same_graph(prep):
    """As after every epoch: tracing anew takes longer than the images do."""
    rpn = build_rpn(prep, RPNSize(8))
    proposer = FolderProposer(rpn, prep, SETTINGS)
    before = [boxes for _, boxes, _ in proposer.stream()]
    rpn.set_weights([weight + np.float32(0.05) for weight in rpn.get_weights()])
    after = [boxes for _, boxes, _ in proposer.stream()]
    assert proposer._propose.experimental_get_tracing_count() == 1
    assert not all(map(np.array_equal, before, after))
    for one, (_, boxes, _) in zip(after, FolderProposer(rpn, prep, SETTINGS).stream(), strict=True):
        assert np.array_equal(one, boxes)
