import types

import pytest

from frcnn_keras.commands import export
from frcnn_keras.models.settings import Detecting
from frcnn_keras.runs import detector
from frcnn_keras.serving import export as serving
from frcnn_keras.serving.comparison import Agreement, Exported
from tests.bright_pictures import encoded, picture


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What a detector and its export were asked for; `detector`: what is loaded, `found`: what they agree on."""
    calls = types.SimpleNamespace(load=None, export=None, found=Agreement(3, 12))
    calls.detector = types.SimpleNamespace(class_names=("cat", "dog"),
                                           model=types.SimpleNamespace(detecting=Detecting()))

    def load(run, **settings):
        calls.load = (run, settings)
        return calls.detector

    def write(found, out, format, **settings):
        calls.export = (found, out, format, settings)
        return Exported(tmp_path / "written", calls.found)

    monkeypatch.setattr(detector, "load", load)
    monkeypatch.setattr(serving, "export", write)
    return calls


def test_flags_become_arguments(asked, tmp_path, capsys):
    image = tmp_path / "a.png"
    image.write_bytes(encoded(picture()))
    assert export.run(["--run", "r", "--out", "o", "--format", "onnx", "--image-size", "48", "64", "--overwrite",
                       "--check-image", str(image), "--score-threshold", "0.1", "--nms", "0.3",
                       "--max-detections", "7"]) == 0
    assert asked.load == ("r", {"score_threshold": 0.1, "nms": 0.3, "limit": 7, "precision": None})
    assert asked.export == (asked.detector, "o", "onnx", {"check_images": [str(image)], "version": None,
                                                          "overwrite": True, "image_size": (48, 64),
                                                          "max_pixels": None, "signatures": None})
    said = capsys.readouterr()
    assert "score thresholds" not in said.err  # one for all classes, which the user gave
    assert said.out == f"{tmp_path / 'written'}\n"  # what a script goes on with
    assert "export: as predict: 12 detections in 3 answers" in said.err and "nothing was found" not in said.err


def test_a_saved_model_by_default(asked):
    assert export.run(["--run", "r", "--out", "o", "--version", "4", "--precision", "bfloat16", "--max-pixels",
                       "12000000", "--signatures", "od-api:encoded_image", "ours"]) == 0
    assert asked.load[1]["precision"] == "bfloat16"
    assert asked.export[2:] == ("savedmodel", {"check_images": [], "version": 4, "overwrite": False,
                                               "image_size": None, "max_pixels": 12_000_000,
                                               "signatures": ["od-api:encoded_image", "ours"]})


def test_it_says_which_score_each_class_must_pass(asked, capsys):
    asked.detector.model.detecting = Detecting(class_thresholds=(0.25, 0.6))
    assert export.run(["--run", "r", "--out", "o", "--score-threshold", "best"]) == 0
    assert asked.load[1]["score_threshold"] == "best"
    assert "score thresholds: cat 0.250, dog 0.600\n" in capsys.readouterr().err


def test_an_agreement_on_nothing_says_so(asked, capsys):
    asked.found = Agreement(3, 0)
    assert export.run(["--run", "r", "--out", "o"]) == 0
    assert "give --check-image with objects in it" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["od-api:tf_example", "ours"], ["od-api:tf_example,ours"],
                                   ["od-api:tf_example,", "ours"]])
def test_signatures_apart_or_with_commas_and_from_toml(words, asked, tmp_path):
    assert export.run(["--run", "r", "--out", "o", "--signatures", *words]) == 0
    assert asked.export[3]["signatures"] == ["od-api:tf_example", "ours"]
    (tmp_path / "a.toml").write_text(f"[export]\nsignatures = {words}\n")
    asked.export = None
    assert export.run(["--run", "r", "--out", "o", "--config", str(tmp_path / "a.toml")]) == 0
    assert asked.export[3]["signatures"] == ["od-api:tf_example", "ours"]
    assert export.run(["--run", "r", "--out", "o", "--config", str(tmp_path / "a.toml"), "--signatures", "ours"]) == 0
    assert asked.export[3]["signatures"] == ["ours"]


@pytest.mark.parametrize("flags, words", [
    (["--format", "onnx", "--precision", "bfloat16"], "--precision belongs to --format savedmodel"),
    (["--format", "litert", "--version", "1"], "--version belongs to --format savedmodel"),
    (["--format", "onnx", "--max-pixels", "9"], "--max-pixels belongs to --format savedmodel; onnx takes no encoded"),
    (["--format", "litert", "--signatures", "ours"], "--signatures belongs to --format savedmodel"),
    (["--signatures", "ours", "ours"], "--signatures: each once"),
    (["--signatures", "od-api"], "--signatures must be of ours, od-api:image_tensor, od-api:encoded_image, od-api:tf"),
    (["--signatures", ","], "received: none"),
    (["--max-pixels", "0"], "--max-pixels must be 307200 to 178956970"),
    (["--max-pixels", "178956971"], "--max-pixels must be 307200"),
    (["--image-size", "48", "64"], "--image-size belongs to"), (["--check-image", "absent.png"], "absent.png")])
def test_bad_input_is_one_line_before_anything_is_loaded(flags, words, asked, capsys):
    assert export.run(["--run", "r", "--out", "o", *flags]) == 2
    text = capsys.readouterr().err
    assert words in text and text.count("\n") == 1 and asked.load is None and asked.export is None
