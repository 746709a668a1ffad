"""Heads as documents have them beside the paper's: one that only classifies, one whose deltas have other units and
means; trained by the stages, predicted with, exported, trained further."""

import shutil

import numpy as np
import pytest

from frcnn_keras.__main__ import main as frcnn
from frcnn_keras.data.given_images import pixels
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.ops.proposals import Proposals
from frcnn_keras.runs.detector import load
from frcnn_keras.serving.litert import export_litert
from frcnn_keras.serving.onnx import export_onnx
from frcnn_keras.serving.saved_model import export_saved_model

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]

HEADS = {"classifies alone": ["--no-box-head"],
         "other units": ["--delta-scales=0.2,0.1,0.4,0.3", "--delta-means=0.1,-0.05,0.2,0.1"]}
COMMON = ["--head-width=24", "--roi-size=3", "--regions=24", "--epochs=1", "--warmup=1"]


@pytest.fixture(scope="module", params=HEADS)
def trained(request, tmp_path_factory, prep, val_prep, tiny_run):
    """(its name, a run with such a head, trained an epoch by the command)."""
    run = tmp_path_factory.mktemp("heads") / "run"
    run.mkdir()
    assert frcnn(["train-rpn", "--data", str(prep.path), "--val", str(val_prep.path), "--run", str(run), "--epochs=0",
                  "--rpn", str(tiny_run), "--post-nms=60"]) == 0
    assert frcnn(["train-rcnn", "--data", str(prep.path), "--val", str(val_prep.path), "--run", str(run), *COMMON,
                  *HEADS[request.param]]) == 0
    return request.param, run


def picture():
    return np.asarray(pixels(shapes_dataset(1, 5, 120, 160).examples[0].read()))


def test_what_it_predicts(trained):
    """Without a box head: proposals, to the bit, in pixels of the image. With other units: what a head of the usual
    units, answering the same box, decodes to."""
    name, run = trained
    detector, image = load(run, score_threshold=0.0), picture()
    found = detector.predict(image)[0]
    assert len(found) > 5
    if name == "classifies alone":
        model = detector.model
        images, size = model.prepare_image(image)
        proposals = model.propose(model.features(images), size[None])
        factors = np.array(image.shape[:2]) / size.numpy()
        wanted = {tuple(np.round(box * np.tile(factors[::-1], 2), 3)) for box in proposals.boxes[0].numpy()}
        assert {tuple(np.round(box, 3)) for box in found.boxes.astype(np.float64)} <= wanted
    else:
        assert detector.model.detecting.scales == (0.2, 0.1, 0.4, 0.3)
        assert detector.model.detecting.means == (0.1, -0.05, 0.2, 0.1)
        regions = np.float32([[[20, 20, 60, 50]]])
        given = Proposals(regions, np.ones((1, 1), np.float32), np.ones((1, 1), bool))
        model = detector.model
        for weight in model.rcnn.deltas.weights:
            weight.assign(np.zeros(weight.shape, np.float32))
        pooled = model.pool(model.features(model.prepare_image(image)[0]), regions)
        box = model.detect_pooled(pooled, given, np.int32([[96, 128]])).boxes[0, 0].numpy()
        half = 20 * np.exp(0.2), 15 * np.exp(0.1)
        centre = 40 + 0.1 * 40, 35 - 0.05 * 30
        np.testing.assert_allclose(box, [centre[0] - half[0], centre[1] - half[1], centre[0] + half[0],
                                         centre[1] + half[1]], atol=1e-3)


@pytest.mark.parametrize("form", ["saved_model", "onnx", "litert"])
def test_its_exports_answer_as_it_does(trained, form, tmp_path):
    """Every export compares itself with `predict`; RuntimeError where they differ."""
    if form != "saved_model":
        pytest.importorskip({"onnx": "tf2onnx", "litert": "ai_edge_litert"}[form])
    _, run = trained
    detector = load(run, score_threshold=0.05)
    if form == "saved_model":
        export_saved_model(detector, tmp_path / "served")
    elif form == "onnx":
        assert export_onnx(detector, tmp_path / "a.onnx", check_images=[picture()]).agreement.detections > 0
    else:
        assert export_litert(detector, tmp_path / "a.tflite", image_size=(120, 160)).agreement.answers > 0


def test_it_trains_further(trained, tmp_path):
    name, run = trained
    out = tmp_path / "tuned"
    assert frcnn(["finetune", "--run", str(run), "--shapes", "4", "--out", str(out), "--epochs=1", "--regions=12",
                  "--samples=16", "--sample-over=batch"]) == 0
    before, after = load(run).model, load(out).model
    assert after.detecting == before.detecting and after.rcnn.boxes == (name != "classifies alone")
    assert any(not np.array_equal(one, other) for one, other in
               zip(before.rcnn.get_weights(), after.rcnn.get_weights(), strict=True))
    shutil.rmtree(out)
