"""The benchmarks' alternatives give what the product gives: a comparison of times means nothing without that."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks import audit_rate, head_step, joint_step, memory, proposals, reading, roi, rpn_step, targets, timing
from benchmarks.__main__ import TOPICS, build_parser, run
from benchmarks.inputs import Settings, anchors_of, prep_config, prepare_quietly, random_boxes
from frcnn_keras.auditing.find import find
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.evaluation.thresholds import choose
from frcnn_keras.models.rpn import RPN
from frcnn_keras.ops.proposals import propose
from frcnn_keras.ops.roi import roi_pool
from frcnn_keras.ops.targets import anchor_targets
from tests.detectors import uneven_detector
from tests.joint_batches import UNLIKE, batch_of
from tests.pooling import roi_align

QUICK = Settings(quick=True)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("objects", [1, 12])
def test_targets(seed, objects):
    rng = np.random.default_rng([seed, objects])
    anchors, boxes = anchors_of(QUICK), random_boxes(rng, objects, QUICK.size)
    ignored = rng.random(objects) < 0.3
    wanted = [part.numpy() for part in anchor_targets(anchors, boxes, ignored, *QUICK.size)]
    labels, deltas, reached = targets.targets_by_broadcast(anchors, boxes, ignored, *QUICK.size)
    np.testing.assert_array_equal(labels, wanted[0])
    assert {-1, 0} <= set(labels) and ((labels == 1).any() or ignored.all())
    np.testing.assert_allclose(deltas, wanted[1], atol=2e-5)
    np.testing.assert_array_equal(reached, wanted[2])


def test_targets_without_objects():
    anchors, none = anchors_of(QUICK), np.zeros((0, 4), np.float32)
    wanted = anchor_targets(anchors, none, np.zeros(0, bool), *QUICK.size)
    found = targets.targets_by_broadcast(anchors, none, np.zeros(0, bool), *QUICK.size)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed, before, after", [(0, 2000, 300), (1, 500, 100), (2, 40, 100), (3, 5000, 200)])
def test_proposals(seed, before, after):
    anchors = anchors_of(QUICK)
    logits, deltas = proposals.rpn_outputs(anchors, QUICK.size, seed)
    wanted = propose((logits,), (deltas,), (anchors,), *QUICK.size, before=before, after=after,
                     iou_threshold=proposals.IOU_THRESHOLD, min_size=proposals.MIN_SIZE)
    boxes, indices = proposals.propose_by_loop(logits, deltas, anchors, *QUICK.size, before, after)
    valid = wanted.valid.numpy()
    assert len(boxes) == valid.sum() > 0
    np.testing.assert_allclose(boxes, wanted.boxes.numpy()[valid], atol=1e-3)
    # logits differ from anchor to anchor, so that equal scores are equal indices
    assert len(np.unique(logits)) == len(logits)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits[indices])), wanted.scores.numpy()[valid], rtol=1e-5)


def test_nms_gives_tensorflows_indices():
    rng = np.random.default_rng(0)
    boxes = random_boxes(rng, 400, (200, 200))
    for limit in (400, 50):
        wanted = tf.image.non_max_suppression(boxes, np.arange(400, 0, -1, np.float32), limit, proposals.IOU_THRESHOLD)
        found = proposals.nms_by_loop(boxes, limit)
        assert len(found) < 400 and (np.diff(found) > 1).any()  # some were suppressed
        np.testing.assert_array_equal(found, wanted)


def regions_about(rng, count):
    """(1, R, 4), some beyond the image."""
    boxes = random_boxes(rng, count, QUICK.size) * np.float32(1.3) - np.float32(30)
    return np.concatenate([boxes, [[-500, -500, -400, -400], [5, 5, 5, 5]]]).astype(np.float32)[None]


@pytest.mark.parametrize("seed", range(3))
def test_roi_align(seed):
    rng = np.random.default_rng(seed)
    features, regions = rng.normal(size=(1, 15, 20, 3)).astype(np.float32), regions_about(rng, 60)
    found = roi.align_by_gather(features, regions, 16.0, 15.5)
    np.testing.assert_allclose(found, roi_align(features, regions, 16.0, 15.5), atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_roi_pool(seed):
    rng = np.random.default_rng(seed)
    features, regions = rng.normal(size=(1, 15, 20, 3)).astype(np.float32), regions_about(rng, 60)
    found = roi.pool_by_loop(features[0], regions[0], 16.0, 15.5)
    np.testing.assert_array_equal(found, roi_pool(features, regions, 16.0, 15.5)[0])


@pytest.mark.parametrize("form", rpn_step.FORMS[1:])
def test_rpn_forms_answer_alike(form):
    rng = np.random.default_rng(0)
    rpn = RPN(6, 16)
    rpn.build((None, None, None, 8))
    rpn.set_weights([rng.normal(scale=0.3, size=weight.shape) for weight in rpn.weights])
    batch = rpn_step.make_batch((7, 9, 8), 6, 100)
    wanted, found = (rpn_step.answers(rpn, kind, batch) for kind in ("product", form))
    assert np.abs(wanted[0]).max() > 1
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind, tolerance", [("float32", 1e-4), ("bfloat16", 0.03)])
def test_rpn_forms_learn_alike(kind, tolerance):
    batch = rpn_step.make_batch((7, 9, 8), 6, 100)
    steps = [rpn_step.step_function(form, kind, 8, 6, 16) for form in rpn_step.FORMS]
    losses = np.array([[step(batch) for _ in range(4)] for step in steps])
    assert (losses[:, -1] < losses[:, 0]).all()
    np.testing.assert_allclose(losses[1:], losses[:1].repeat(2, 0), rtol=tolerance)


def test_adams_learn_alike():
    batch = head_step.make_batch(2, 8, 3, 4)
    trained = []
    for optimizer in head_step.OPTIMIZERS:
        step, rcnn = head_step.step_function(optimizer, "float32", 3, 4, 16)
        before = rcnn.get_weights()
        for _ in range(5):
            step(batch)
        trained.append(rcnn.get_weights())
    for first, one, other in zip(before, *trained, strict=True):
        assert np.abs(one - first).max() > 1e-3
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_joint_steps_learn_alike_in_every_precision():
    config, batch = joint_step.joint_config_of(QUICK, "mobilenet_v2"), batch_of(UNLIKE[:1])
    losses = {}
    for kind in joint_step.KINDS:
        step = joint_step.step_function(uneven_detector(), config, kind, batch)
        losses[kind] = [step() for _ in range(4)]
    wanted = losses["float32"]
    for kind, found in losses.items():
        np.testing.assert_allclose(found, wanted, rtol=0.02)
        assert (found == wanted) == (kind == "float32"), "the precision makes no difference"


def test_stored_tiles_are_the_cut_ones(tmp_path):
    prepared = prepare_quietly(shapes_dataset(2, height=64, width=96), prep_config(QUICK), tmp_path / "prep",
                               write_tiles=True)
    cut, stored = (list(reading.pipelines(prepared)[kind]) for kind in (False, True))
    assert len(cut) == len(stored) == 2
    for one, other in zip(cut, stored):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("seed", range(3))
def test_thresholds_intervals(seed):
    judged = audit_rate.judged_of(audit_rate.drawn(30, seed))
    chosen = choose(judged, draws=40)
    assert 0 < chosen.low < chosen.score < chosen.high < 1
    assert audit_rate.interval_by_loop(judged, 40) == pytest.approx((chosen.low, chosen.high), abs=1.1e-4)


def test_audit_is_measured_on_something():
    audited = audit_rate.drawn(40)
    kinds = {one.kind for one in find(audited)}
    assert {"missing", "shifted", "spurious"} <= kinds and len({image.fold for image in audited.images}) == 3
    assert sum(len(image.detected.scores) for image in audited.images) > 300


def test_alternate_takes_turns():
    calls = []
    found = timing.alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3, warm=1)
    assert "".join(calls) == "ab" + "ababab"
    assert set(found) == {"a", "b"} and all(value >= 0 for value in found.values())


def test_rows():
    row, = timing.rows_of("roi", {"this": 0.002, "that": 0.008}, [("this", "that")], per=2)
    assert (row.value, row.other, row.ratio, row.unit) == (1.0, 4.0, 0.25, "ms")
    assert [timing.significant(value) for value in (0, 0.01234, 1.234, 12.34, 123.4, 1234)] == [
        "0", "0.0123", "1.23", "12.3", "123", "1234"]


def test_table(tmp_path, capsys):
    topics = ("rpn_step", "targets", "proposals", "roi", "head_step", "audit")
    code = run(["--quick", "--json", str(tmp_path / "bench.json"), *(f"--only={topic}" for topic in topics)])
    assert code == 0
    printed = capsys.readouterr().out.splitlines()
    stored = json.loads((tmp_path / "bench.json").read_text())
    assert f"TensorFlow: {tf.__version__}" in printed[0] and stored["machine"]["Keras"] == keras.__version__
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed if line.startswith("| ")][1:]
    assert [cells[0] for cells in table] == [row["what"] for row in stored["rows"]]
    assert {row["topic"] for row in stored["rows"]} == set(topics)
    assert len({len(line) for line in printed if line.startswith("|")}) == 1  # the columns are aligned
    for cells, row in zip(table, stored["rows"], strict=True):
        assert row["value"] > 0 and row["ratio"] == row["value"] / row["other"]
        assert cells[1:4] == [f"{timing.significant(row['value'])} {row['unit']}", row["beside"],
                              f"{timing.significant(row['other'])} {row['unit']}"]


def test_peak_memory_is_the_programs_own():
    """And not this process's, which has TensorFlow in it."""
    small, large = (memory.peak_megabytes("timeit", ["-n1", "-r1", f"b'x' * {size}"]) for size in (1, 200 * 2**20))
    assert small < 100
    assert 200 < large < 230


def test_peak_memory_of_a_program_that_fails():
    with pytest.raises(RuntimeError, match="no_such_module"):
        memory.peak_megabytes("no_such_module", [])


def test_help_names_every_topic():
    text = build_parser().format_help()
    assert all(topic in text for topic in TOPICS)


@pytest.mark.parametrize("flags, message", [
    (["--images", "0"], "--images"), (["--split", "train"], "--voc"),
    (["--backbone-weights", "absent.h5"], "absent.h5"), (["--run", "absent", "--only", "predict"], "absent")])
def test_bad_flags(flags, message, capsys):
    assert run(flags) == 2
    assert message in capsys.readouterr().err
