"""A threshold for each class, from RUN/thresholds.json to every way in which a detector answers."""

import dataclasses
import importlib.util
import itertools
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

import frcnn_keras
from frcnn_keras.commands import evaluate, export, predict
from frcnn_keras.evaluation.overlaps import iou
from frcnn_keras.evaluation.thresholds import Threshold
from frcnn_keras.models.saving import save_model
from frcnn_keras.runs.detector import load
from frcnn_keras.runs.thresholds import SMALL, ClassThreshold, SmallThreshold, Thresholds, store
from frcnn_keras.serving.drawn_pictures import drawn_pictures
from tests.detectors import change, small_detector

NMS = 0.5
COMMANDS = {"predict": predict, "evaluate": evaluate, "export": export}
pytestmark = pytest.mark.slow


def absent(*names):
    return any(importlib.util.find_spec(name) is None for name in names)


def chosen(names, scores):
    """What `thresholds` would have stored; the last score is that of small boxes."""
    *of_classes, of_small = [Threshold(float(score), 0.1, 0.9, 1.0, 1.0, 1.0, True) for score in scores]
    return Thresholds("data", 3, None, tuple(ClassThreshold(name, 30, False, one) for name, one in
                                             zip(names, of_classes, strict=True)), SmallThreshold(SMALL, 30, of_small))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(run folder, its pictures' paths, everything that it finds in each with any score, each class's threshold and
    that of small boxes).

    Thresholds are scores of detections, which must not pass: a score has to be more.
    """
    root = tmp_path_factory.mktemp("thresholds")
    model = small_detector(2)
    change(model, "detecting", limit=200)
    (root / "run").mkdir()
    save_model(model, root / "run" / "detector.keras")
    paths = []
    for number, size in enumerate(((71, 130), (200, 64), (90, 120))):
        paths.append(root / f"{number}.png")
        Image.fromarray(drawn_pictures(size)[0]).save(paths[-1])
    everything = load(root / "run", score_threshold=0.0, nms=1.0).predict(paths)
    assert all(0 < len(found) < 200 for found in everything)  # the limit cuts nothing
    scores = []
    for label, place in zip((1, 2, 3), (0.3, 0.5, 0.7), strict=True):
        own = np.sort(np.concatenate([found.scores[found.labels == label] for found in everything]))
        assert len(own) > 6
        scores.append(float(own[int(place * len(own))]))
    small = np.sort(np.concatenate([found.scores[areas(found) < SMALL] for found in everything]))
    scores.append(float(small[len(small) // 2]))
    store(root / "run", chosen(model.class_names, scores))
    own = passing(everything, scores)
    assert not same(own, passing(everything, scores[:3]))  # small boxes make a difference
    for order in itertools.permutations(scores):
        assert order == tuple(scores) or not same(own, passing(everything, order))
    assert not same(own, passing(everything, [min(scores)] * 4))
    return root / "run", paths, everything, scores


def areas(found):
    return np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)


def passing(everything, scores):
    """By hand: what scores more than its class's threshold, or that of small boxes where there is one, and overlaps no
    better one of its class by more than NMS, of each image."""
    return [apart_of(found[[score > scores[3 if area < SMALL and len(scores) == 4 else label - 1] for score, label, area
                            in zip(found.scores, found.labels, areas(found), strict=True)]]) for found in everything]


def apart_of(found):
    """Greedily, the best first, within each class."""
    kept = []
    overlaps = iou(found.boxes.astype(float), found.boxes.astype(float))
    for row, label in enumerate(found.labels):
        if not any(found.labels[other] == label and overlaps[row, other] > NMS for other in kept):
            kept.append(row)
    return found[kept]


def same(found, wanted):
    return all(len(one) == len(other) and (one.labels == other.labels).all() and (one.scores == other.scores).all()
               and (one.boxes == other.boxes).all() for one, other in zip(found, wanted, strict=True))


def told(names, scores):
    each = ", ".join(f"{name} {score:.3f}" for name, score in zip(names, scores[:3], strict=True))
    return f"score thresholds: {each}; boxes of less than 1024 pixels {scores[3]:.3f}"


def test_load(made):
    run, paths, everything, scores = made
    detector = load(run, score_threshold="best")
    assert detector.model.detecting.class_thresholds == pytest.approx(scores[:3], abs=0)
    assert same(detector.predict(paths), passing(everything, scores))
    assert same(frcnn_keras.load(run, score_threshold="best").predict(paths), passing(everything, scores))
    assert same(load(run, score_threshold=0.5).predict(paths), passing(everything, [0.5] * 3))
    assert same(load(run).predict(paths), passing(everything, [0.3] * 3))  # the run's own


def test_a_detector_that_was_saved_with_them_has_them(made, tmp_path):
    run, paths, everything, scores = made
    save_model(load(run, score_threshold="best").model, tmp_path / "detector.keras")
    for again in (load(tmp_path), load(tmp_path / "detector.keras")):
        assert same(again.predict(paths), passing(everything, scores))
    assert load(tmp_path).model.detecting.iou_threshold == NMS
    assert load(tmp_path, nms=0.4).model.detecting.class_thresholds == tuple(scores[:3])
    assert same(load(tmp_path, score_threshold=0.4).predict(paths), passing(everything, [0.4] * 3))


def results_of(found):
    """COCO results of images 1, 2, ...: image, category, score."""
    return sorted((number, int(label), float(score)) for number, one in enumerate(found, 1)
                  for label, score in zip(one.labels, one.scores, strict=True))


def in_file(path):
    return sorted((one["image_id"], one["category_id"], one["score"]) for one in json.loads(path.read_text()))


def test_predict(made, tmp_path, capsys):
    run, paths, everything, scores = made
    flags = ["--run", str(run), "--images", *map(str, paths), "--no-draw", "--out"]
    assert predict.run([*flags, str(tmp_path / "best"), "--score-threshold", "best"]) == 0
    assert in_file(tmp_path / "best" / "detections.json") == results_of(passing(everything, scores))
    assert f"{told(('ant', 'bee', 'käfer'), scores)}\n" in capsys.readouterr().err
    for name, given in (("half", ["--score-threshold", "0.5"]), ("default", [])):
        assert predict.run([*flags, str(tmp_path / name), *given]) == 0
        assert in_file(tmp_path / name / "detections.json") == results_of(passing(everything, [0.5] * 3))
        assert "score thresholds" not in capsys.readouterr().err


def test_evaluate(made, tmp_path, capsys):
    run, paths, everything, scores = made
    (tmp_path / "set.csv").write_text("".join(f"{path},4,4,40,40,{name}\n" for path, name in
                                              zip(paths, ("ant", "bee", "käfer"), strict=True)), encoding="utf-8")
    flags = ["--run", str(run), "--csv", str(tmp_path / "set.csv"), "--out"]
    assert evaluate.run([*flags, str(tmp_path / "best"), "--score-threshold", "best"]) == 0
    assert in_file(tmp_path / "best" / "detections.json") == results_of(passing(everything, scores))
    assert f"{told(('ant', 'bee', 'käfer'), scores)}\n" in capsys.readouterr().err
    assert evaluate.run([*flags, str(tmp_path / "plain")]) == 0
    assert in_file(tmp_path / "plain" / "detections.json") == results_of(passing(everything, [0.3] * 3))
    assert "score thresholds" not in capsys.readouterr().err


def test_a_saved_model_answers_as_predict_does_to_the_bit(made, tmp_path, capsys):
    import tensorflow as tf

    run, paths, everything, scores = made
    assert export.run(["--run", str(run), "--out", str(tmp_path / "cells"), "--score-threshold", "best",
                       *(word for path in paths for word in ("--check-image", str(path)))]) == 0
    said = capsys.readouterr()
    assert f"{told(('ant', 'bee', 'käfer'), scores)}\n" in said.err
    assert "largest difference: boxes 0.0e+00 of the image, scores 0.0e+00" in said.err
    folder = tmp_path / "cells" / "1"
    assert said.out == f"{folder}\n"
    detecting = json.loads((folder / "assets.extra" / "signature.json").read_text())["detecting"]
    assert detecting["class_thresholds"] == scores[:3] and detecting["score_threshold"] == min(scores)
    assert (detecting["small_area"], detecting["small_threshold"]) == (SMALL, scores[3])
    serve = tf.saved_model.load(str(folder)).signatures["image_tensor"]
    for path, wanted in zip(paths, passing(everything, scores), strict=True):
        answer = serve(image_tensor=tf.constant(np.asarray(Image.open(path))[None]))
        assert (count := int(answer["num_detections"][0])) == len(wanted) > 0
        np.testing.assert_array_equal(answer["detection_scores"][0, :count], wanted.scores)
        np.testing.assert_array_equal(answer["detection_classes"][0, :count], wanted.labels)


def apart(everything, scores):
    """Thresholds half way to the next score above: another runtime's last digits decide nothing."""
    every = [np.unique(np.concatenate([found.scores[found.labels == label] for found in everything]))
             for label in (1, 2, 3)]
    every.append(np.unique(np.concatenate([found.scores[areas(found) < SMALL] for found in everything])))
    return [float(own[own > score][0] + score) / 2 for own, score in zip(every, scores, strict=True)]


def near(outputs, wanted):
    """Whether a file's answer is what is wanted: the same scores and classes. The export compared the boxes."""
    count = int(outputs["num_detections"][0])
    assert count == len(wanted) > 0
    order = [np.lexsort((np.round(rows, 3), labels)) for rows, labels in
             ((outputs["detection_scores"][0, :count], outputs["detection_classes"][0, :count]),
              (wanted.scores, wanted.labels))]
    np.testing.assert_array_equal(outputs["detection_classes"][0, :count][order[0]], wanted.labels[order[1]])
    np.testing.assert_allclose(outputs["detection_scores"][0, :count][order[0]], wanted.scores[order[1]], atol=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("format", [
    pytest.param("onnx", marks=pytest.mark.skipif(absent("onnx", "tf2onnx", "onnxruntime"), reason="no onnx")),
    pytest.param("litert", marks=pytest.mark.skipif(absent("ai_edge_litert"), reason="no ai-edge-litert"))])
def test_files_of_other_runtimes(format, made, tmp_path):
    run, paths, everything, scores = made
    between, path = apart(everything, scores), tmp_path / f"cells.{format}"
    other = tmp_path / "run"
    other.mkdir()
    (other / "detector.keras").symlink_to(run / "detector.keras")
    store(other, chosen(("ant", "bee", "käfer"), between))
    image = np.asarray(Image.open(paths[2]))  # of the size that a LiteRT file is for
    assert export.run(["--run", str(other), "--out", str(path), "--format", format, "--score-threshold", "best",
                       "--image-size", "90", "120", "--check-image", str(paths[2])]) == 0
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        outputs = dict(zip(names, session.run(None, {"image_tensor": image[None]}), strict=True))
        facts = {name: json.loads(value) for name, value in session.get_modelmeta().custom_metadata_map.items()}
    else:
        from ai_edge_litert.interpreter import Interpreter

        outputs = Interpreter(model_path=str(path)).get_signature_runner("serving_default")(image_tensor=image[None])
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read("detector.json"))
    near(outputs, passing(everything, between)[2])
    assert facts["class_thresholds"] == between[:3] and facts["score_threshold"] == min(between)
    assert facts["small_threshold"] == between[3]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_wrong_with_the_file_is_a_line(command, made, tmp_path, capsys):
    run, paths, _, scores = made
    other = tmp_path / "run"
    other.mkdir()
    (other / "detector.keras").symlink_to(run / "detector.keras")
    (tmp_path / "set.csv").write_text(f"{paths[0]},4,4,40,40,ant\n")
    flags = {"predict": ["--images", str(paths[0])], "evaluate": ["--csv", str(tmp_path / "set.csv")], "export": []}
    argv = ["--run", str(other), "--out", str(tmp_path / "out"), "--score-threshold", "best", *flags[command]]

    def line():
        assert COMMANDS[command].run(argv) == 2
        (text,) = capsys.readouterr().err.splitlines()
        assert not (tmp_path / "out").exists()
        return text

    assert "thresholds.json: not found" in line()
    whole = (run / "thresholds.json").read_text()
    for spoilt in (whole.replace('"score": 0.', '"score": 0.1', 1), whole[:90], "", "[]", '{"classes": [1]}'):
        (other / "thresholds.json").write_text(spoilt)
        assert "thresholds.json" in line()
    (other / "thresholds.json").unlink()
    (other / ".frcnn_keras.json").unlink(missing_ok=True)
    store(other, chosen(("ant", "bee", "wasp"), scores))
    assert "is of the classes ant, bee, wasp, the detector's are ant, bee, käfer" in line()
    (other / "thresholds.json").unlink()
    store(other, chosen(("bee", "ant", "käfer"), scores))  # in another order
    assert "is of the classes bee, ant, käfer" in line()


def test_thresholds_that_make_no_sense_are_a_line(made, tmp_path, capsys):
    run, paths, _, scores = made
    (tmp_path / "detector.keras").symlink_to(run / "detector.keras")
    stored = chosen(("ant", "bee", "käfer"), [scores[0], 1.5, *scores[2:]])
    store(tmp_path, stored)
    argv = ["--run", str(tmp_path), "--images", str(paths[0]), "--out", str(tmp_path / "out"), "--score-threshold",
            "best"]
    assert predict.run(argv) == 2
    (text,) = capsys.readouterr().err.splitlines()
    assert "thresholds.json" in text
    one = dataclasses.replace(stored.classes[1].threshold, score=float("nan"))
    (tmp_path / "thresholds.json").unlink()
    store(tmp_path, dataclasses.replace(stored, classes=(
        stored.classes[0], dataclasses.replace(stored.classes[1], threshold=one), stored.classes[2])))
    assert predict.run(argv) == 2
