import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from frcnn_keras.__main__ import main as frcnn
from frcnn_keras.data.given_images import pixels
from frcnn_keras.data.shapes import draw_image
from frcnn_keras.errors import InputError
from frcnn_keras.files import to_json, write_json
from frcnn_keras.files.locks import alone
from frcnn_keras.readers.tf_records import read_label_map
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving import graph
from frcnn_keras.serving import saved_model as export
from frcnn_keras.serving.comparison import Agreement, compare_all
from frcnn_keras.serving.drawn_pictures import drawn_images
from frcnn_keras.serving.saved_model import (
    compare_folder,
    export_saved_model,
    label_map,
    labels_file,
    next_version,
    write_saved_model,
)
from frcnn_keras.serving.session import serving_session
from frcnn_keras.serving.signatures import KINDS
from frcnn_keras.serving.warmup import prediction_log
from tests.bright_pictures import bright, encoded, picture
from tests.detectors import change, hand_made

pytestmark = pytest.mark.slow

FAR = Agreement(1, 1, 1, problems=("model, test image 0: does not answer as predict does",))
SAME = Agreement(1, 1)
MARK = dict.fromkeys(sorted(export.LAYOUT.marks[0][1]), 1)


@pytest.fixture
def quick(monkeypatch):
    """Exports that write one small file and are found equal: for rules on names."""
    def write(detector, folder, *settings):
        (folder / "saved_model.pb").write_text(str(detector))
        (folder / "assets.extra").mkdir()
        write_json(folder / "assets.extra" / "signature.json", MARK)

    monkeypatch.setattr(export, "write_saved_model", write)
    monkeypatch.setattr(export, "compare_folder", lambda *arguments: SAME)


def content(folder):
    """Files and what is in them; the mark of the quick exports is left out."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.read_bytes() != (to_json(MARK) + "\n").encode()}


def test_layout(exported):
    detector, folder = exported
    assert folder.name == "1" and [path.name for path in folder.parent.iterdir()] == ["1"]
    names = set(content(folder))
    assert {"saved_model.pb", "variables/variables.index", "assets/labels.txt", "assets.extra/label_map.pbtxt",
            "assets.extra/signature.json", "assets.extra/tf_serving_warmup_requests"} <= names
    assert not [name for name in names if name.startswith("labels")]
    assert (folder / "assets/labels.txt").read_text() == "circle\ncross\nsquare\ntriangle\n"
    assert read_label_map(folder / "assets.extra/label_map.pbtxt") == dict(enumerate(detector.class_names, 1))


def test_signature_json_is_what_the_graph_has(exported):
    detector, folder = exported
    said = json.loads((folder / "assets.extra/signature.json").read_text())
    loaded = tf.saved_model.load(str(folder)).signatures
    assert set(said["signatures"]) == set(loaded) == {"serving_default", "image_tensor", "tf_example"}
    for name, function in loaded.items():
        for part, specs in (("inputs", function.structured_input_signature[1]),
                            ("outputs", function.structured_outputs)):
            wanted = {key: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()} for key, spec in specs.items()}
            assert said["signatures"][name][part] == wanted, (name, part)
    outputs = said["signatures"]["serving_default"]["outputs"]
    assert outputs["detection_boxes"] == {"dtype": "float32", "shape": [None, 100, 4]}
    assert outputs["num_detections"] == {"dtype": "float32", "shape": [None]}
    assert outputs["detection_class_names"] == {"dtype": "string", "shape": [None, 100]}
    assert outputs["image_size"] == {"dtype": "int32", "shape": [None, 2]}
    assert {name: said["detecting"][name] for name in ("score_threshold", "iou_threshold", "limit")} == {
        "score_threshold": 0.05, "iou_threshold": 0.5, "limit": 100}
    assert said["preprocessing"]["shorter"] == 96 and said["preprocessing"]["preprocessing"] == "tf"
    assert said["class_names"] == list(detector.class_names)
    assert said["versions"]["tensorflow"] == tf.__version__ and set(said["versions"]) == {
        "tensorflow", "keras", "frcnn_keras"}


def test_warm_up_requests_are_answered(exported):
    _, folder = exported
    records = list(tf.data.TFRecordDataset(str(folder / "assets.extra/tf_serving_warmup_requests")))
    assert len(records) == len(drawn_images())
    for record, image in zip(records, drawn_images(), strict=True):
        assert image in record.numpy()


def operations_of(path, name):
    """Names of all operations that a signature can reach, through calls, loops, branches and data sets."""
    meta = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs[0]
    functions = {function.signature.name: function.node_def for function in meta.graph_def.library.function}
    nodes = {node.name: node for node in meta.graph_def.node}
    todo, seen, found = [], set(), set()
    start = [info.name.split(":")[0] for info in meta.signature_def[name].outputs.values()]
    while start:
        node = nodes[start.pop().lstrip("^").split(":")[0]]
        if node.name not in seen:
            seen.add(node.name)
            start += node.input
            todo.append(node)
    while todo:
        node = todo.pop()
        found.add(node.op)
        for value in node.attr.values():
            for called in [value.func.name, *(function.name for function in value.list.func)]:
                if called and called not in seen:
                    seen.add(called)
                    todo += functions[called]
    return found


def test_no_signature_touches_files_programs_or_the_network(tmp_path):
    """What docs/serving_security.md promises: names that a client sends are never opened."""
    write_saved_model(Detector(hand_made()), tmp_path, kinds=KINDS)
    for name in json.loads((tmp_path / "assets.extra/signature.json").read_text())["signatures"]:
        found = operations_of(tmp_path, name)
        assert {"TensorListReserve", "Assert"} & found and "CropAndResize" in found
        outside = {operation for operation in found if re.search(
            "File|Record|Save|Restore|PyFunc|PyFunction|Print|Log|Socket|Rpc|Send|Recv|Generator|Shard|Plugin|Dump|"
            "Dataset$", operation)}
        assert outside <= {"TensorDataset", "MapDataset", "IgnoreErrorsDataset", "ConcatenateDataset", "TakeDataset",
                           "LogicalAnd", "LogicalOr", "LogicalNot"}, name


def test_a_moved_folder_works(exported, tmp_path):
    """The names of the classes come from an asset: its path must not be that of the export."""
    detector, folder = exported
    shutil.copytree(folder, tmp_path / "elsewhere" / "7")
    assert compare_folder(detector, tmp_path / "elsewhere" / "7", drawn_images()).close


def test_in_a_process_that_knows_nothing_of_this_package(exported, tmp_path):
    """saved_model_cli, from a folder of its own, on three images of unlike kinds."""
    detector, folder = exported
    images = drawn_images()[:3]
    np.save(tmp_path / "images.npy", np.array(images))
    program = Path(sys.executable).with_name("saved_model_cli")
    if not program.exists():
        pytest.skip("saved_model_cli is not beside this Python")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [program, "run", "--dir", folder, "--tag_set", "serve", "--signature_def", "serving_default",
         "--inputs", f"image_bytes={tmp_path / 'images.npy'}", "--outdir", tmp_path], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    names = ("num_detections", "detection_classes", "detection_scores", "detection_boxes", "detection_class_names",
             "image_size")
    outputs = {name: np.load(tmp_path / f"{name}.npy", allow_pickle=True) for name in names}
    answers = [{name: value[index] for name, value in outputs.items()} for index in range(3)]
    found = compare_all("saved_model_cli", answers, detector.predict(images), outputs["image_size"])
    assert found.close and found.detections > 10


def test_the_limit_of_pixels_is_inside_and_binds_check_images(tmp_path):
    image = encoded(picture())  # 64 x 48
    with pytest.raises(InputError, match="--check-image 2 has 64 x 48 pixels, more than the 3071 .*--max-pixels"):
        export_saved_model(Detector(hand_made()), tmp_path, max_pixels=3071,
                           check_images=[encoded(np.zeros((8, 8, 3), np.uint8)), image])
    assert not list(tmp_path.iterdir())
    folder = export_saved_model(Detector(hand_made()), tmp_path, max_pixels=480 * 640).path
    said = json.loads((folder / "assets.extra/signature.json").read_text())
    assert said["encoded_images"] == {"kinds": ["JPEG", "PNG", "GIF", "WebP", "BMP"], "max_pixels": 480 * 640}
    assert "upright" in said["boxes"]
    with serving_session(folder) as call:
        assert call("serving_default", {"image_bytes": np.array([image], object)})["num_detections"].tolist() == [1]
        with pytest.raises(tf.errors.InvalidArgumentError, match="image 0 of the request .* 641 x 480 pixels"):
            call("serving_default", {"image_bytes": np.array([encoded(np.zeros((480, 641, 3), np.uint8))], object)})


def test_signatures_of_every_kind_in_one_folder(tmp_path):
    """The first that was asked for is the default; each is compared, described and asked by a server first."""
    kinds = ("od-api:encoded_image", "ours", "od-api:image_tensor")
    exported = export_saved_model(Detector(hand_made()), tmp_path, signatures=kinds)
    path, agreement = exported.path, exported.agreement
    assert (agreement.answers, agreement.box, agreement.score) == (24, 0.0, 0.0) and agreement.detections
    said = json.loads((path / "assets.extra/signature.json").read_text())
    one = {"detection_boxes": [3, 4], "detection_scores": [3], "detection_classes": [3], "num_detections": [],
           "detection_multiclass_scores": [3, 3], "detection_anchor_indices": [3], "raw_detection_boxes": [1, 4],
           "raw_detection_scores": [1, 3]}
    for name, kind, shape in (("serving_default", "string", [None]),
                              ("od_api_image_tensor", "uint8", [1, None, None, 3])):
        assert said["signatures"][name] == {
            "inputs": {"input_tensor": {"dtype": kind, "shape": shape}},
            "outputs": {key: {"dtype": "float32", "shape": [shape[0], *rest]} for key, rest in one.items()}}
    assert set(said["signatures"]) == {"serving_default", "od_api_image_tensor", "image_bytes", "image_tensor",
                                       "tf_example"}
    records = [record.numpy() for record in tf.data.TFRecordDataset(
        str(path / "assets.extra/tf_serving_warmup_requests"))]
    wanted = [prediction_log("serving_default", "input_tensor", np.array([image], object)) for image in drawn_images()]
    wanted += [prediction_log("image_bytes", "image_bytes", np.array([image], object)) for image in drawn_images()]
    wanted += [prediction_log("od_api_image_tensor", "input_tensor", np.asarray(pixels(image))[None])
               for image in drawn_images()]
    assert records == wanted


def test_no_such_signature(quick, tmp_path):
    with pytest.raises(InputError, match="--signatures must be of ours, od-api:image_tensor.*; received: 'od-api'"):
        export_saved_model("first", tmp_path, signatures=("od-api",))
    assert not list(tmp_path.iterdir())


def test_thresholds_and_limit_are_inside(tmp_path):
    image = encoded(picture())
    folder = export_saved_model(Detector(hand_made(score_threshold=0.999, limit=7)), tmp_path).path
    with serving_session(folder) as call:
        found = call("serving_default", {"image_bytes": np.array([image], object)})
    assert found["num_detections"].tolist() == [0] and found["detection_boxes"].shape == (1, 7, 4)
    assert json.loads((folder / "assets.extra/signature.json").read_text())["detecting"]["score_threshold"] == 0.999


def test_small_boxes_have_their_own_threshold(hand_detector, tmp_path):
    """16 x 16 pixels in an image of 48 x 64, 32 x 32 in one of twice the size."""
    change(hand_detector, "detecting", small_area=300.0, small_threshold=1.0)
    folder = export_saved_model(Detector(hand_detector), tmp_path).path
    with serving_session(folder) as call:
        found = call("serving_default", {"image_bytes": np.array(
            [encoded(picture()), encoded(bright(96, 128, 32, 48, 8))], object)})
    assert found["num_detections"].tolist() == [0, 1]
    said = json.loads((folder / "assets.extra/signature.json").read_text())["detecting"]
    assert (said["small_area"], said["small_threshold"]) == (300, 1)


@pytest.mark.parametrize("there, wanted", [([], 1), (["1"], 2), (["1", "7", "3"], 8), (["tmp-9", "x", "2.bak"], 1),
                                           (["0"], 1), (["20240101"], 20240102)])
def test_next_version(there, wanted, tmp_path):
    for name in there:
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == wanted
    assert next_version(tmp_path / "absent") == 1


def test_versions(quick, tmp_path):
    out = tmp_path / "a" / "b"
    for wanted in ("1", "2"):
        assert export_saved_model("first", out).path == out / wanted
    assert export_saved_model("first", out, version=10).path == out / "10"
    assert export_saved_model("first", out).path == out / "11"
    before = content(out)
    with pytest.raises(InputError, match="11: this version is there.*--overwrite"):
        export_saved_model("second", out, version=11)
    with pytest.raises(InputError, match="--version"):
        export_saved_model("second", out, version=-1)
    assert content(out) == before
    export_saved_model("second", out, version=11, overwrite=True)
    assert content(out) == before | {"11/saved_model.pb": b"second"}
    assert {path.name for path in out.iterdir()} == {"1", "2", "10", "11"}


def test_only_models_of_this_package_are_replaced(quick, tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "photo.jpg").write_bytes(b"mine")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="7: "):
            export_saved_model("first", tmp_path, version=7, overwrite=overwrite)
    assert content(tmp_path) == {"7/photo.jpg": b"mine"}
    export_saved_model("first", tmp_path, version=1)
    (tmp_path / "1" / "notes.txt").write_bytes(b"mine")
    export_saved_model("second", tmp_path, version=1, overwrite=True)
    assert content(tmp_path / "1") == {"saved_model.pb": b"second", "notes.txt": b"mine"}


def test_two_exports_at_once(quick, tmp_path):
    with alone(tmp_path), pytest.raises(InputError, match="another command is at work there"):
        export_saved_model("first", tmp_path)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_fails_leaves_all_as_it_was(quick, monkeypatch, tmp_path, error, overwrite):
    out = tmp_path / "out"
    if overwrite:
        export_saved_model("first", out, version=3)

    def fail(*arguments):
        assert any(path.suffix == ".tmp" for path in out.iterdir())
        raise error

    monkeypatch.setattr(export, "compare_folder", fail)
    with pytest.raises(error):
        export_saved_model("second", out, version=3, overwrite=overwrite)
    assert content(tmp_path) == ({"out/3/saved_model.pb": b"first"} if overwrite else {})
    assert out.exists() == overwrite


def test_a_rename_that_fails_puts_the_old_version_back(quick, monkeypatch, tmp_path):
    export_saved_model("first", tmp_path)
    real = os.rename

    def rename(source, target):
        if Path(source).suffix == ".tmp":
            raise OSError("no")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(OSError, match="no"):
        export_saved_model("second", tmp_path, version=1, overwrite=True)
    assert content(tmp_path) == {"1/saved_model.pb": b"first"}


def test_answers_that_differ_are_not_exported(quick, monkeypatch, tmp_path):
    monkeypatch.setattr(export, "compare_folder", lambda *arguments: FAR)
    with pytest.raises(RuntimeError, match="not answer as predict"):
        export_saved_model("first", tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_export_whose_answers_differ_leaves_nothing(hand_detector, monkeypatch, tmp_path):
    """The graph that is written scores lower than the detector."""
    def low(found, size):
        outputs = served(found, size)
        return outputs | {"detection_scores": outputs["detection_scores"] * 0.99}

    served = graph.served
    monkeypatch.setattr(graph, "served", low)
    with pytest.raises(RuntimeError, match=r"image_bytes, test image 0 \(640 x 480\): does not answer as predict"):
        export_saved_model(Detector(hand_detector), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_compare_asks_the_folder_and_not_the_detector(exported):
    detector, folder = exported
    found = compare_folder(detector, folder, drawn_images())
    assert found.close and found.answers == 12 and found.detections > 20
    bias = detector.model.rcnn.class_logits.bias
    before = bias.numpy()
    try:
        bias.assign(before + np.arange(len(before), dtype=np.float32) * 0.3)
        assert not compare_folder(detector, folder, drawn_images()).close
    finally:
        bias.assign(before)


def test_what_a_killed_export_left_is_no_version_and_goes(quick, tmp_path):
    code = ("import os, sys; from pathlib import Path; from frcnn_keras.serving import saved_model\n"
            "saved_model.write_saved_model = lambda *arguments: os._exit(9)\n"
            "saved_model.export_saved_model(None, sys.argv[1])")
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code, tmp_path], cwd=root, check=False,
                          capture_output=True).returncode == 9
    assert [path.suffix for path in tmp_path.iterdir()] == [".tmp"] and next_version(tmp_path) == 1
    assert export_saved_model("first", tmp_path).path.name == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_server_that_polls_sees_no_half_model(quick, monkeypatch, tmp_path):
    """While it is written and compared, no child of OUT has a number for its name."""
    seen = []
    real = export.write_saved_model

    def write(*arguments):
        real(*arguments)
        seen.extend(path.name for path in tmp_path.iterdir())

    monkeypatch.setattr(export, "write_saved_model", write)
    export_saved_model("first", tmp_path)
    assert seen and not any(name.isdecimal() for name in seen)


@pytest.mark.parametrize("name", ["", " cat", "a\nb", "a\rb", "cat\t", "a\u2028b", "a\x07b", "a\0b", "a\ud800"])
def test_names_that_would_not_come_back(name):
    with pytest.raises(InputError, match="one line"):
        labels_file(["dog", name])


def test_names_of_every_kind_come_back(hand_detector, tmp_path):
    """Quotes, backslashes, blanks, letters of any script: in labels.txt, the label map and the answers."""
    names = ("l'œil \"droit\" \\ 目", "red blood cell, 2 µm {x}")
    hand_detector.class_names = names
    detector = Detector(hand_detector)
    folder = export_saved_model(detector, tmp_path).path
    with serving_session(folder) as call:
        found = call("image_tensor", {"image_tensor": picture()[None]})
    assert found["detection_class_names"][0, 0].decode() == names[1]
    assert json.loads((folder / "assets.extra/signature.json").read_text())["class_names"] == list(names)
    assert "id: 2\n  name: 'red blood cell, 2 µm {x}'" in label_map(names)
    assert label_map(["it's"]) == 'item {\n  id: 1\n  name: "it\'s"\n}\n'
    assert label_map(["\\ '\""]) == "item {\n  id: 1\n  name: '\\\\ \\'\"'\n}\n"


def test_the_command(tiny_run, tmp_path, capsys):
    """A run of the stages, whose backbone is a Keras file of one's own."""
    image = encoded(draw_image(4, 0, 70, 90))
    (tmp_path / "check.png").write_bytes(image)
    flags = ["export", "--run", str(tiny_run), "--out", str(tmp_path / "out"), "--score-threshold", "0.1", "--nms",
             "0.3", "--max-detections", "20", "--check-image", str(tmp_path / "check.png")]
    assert frcnn(flags) == 0
    printed = capsys.readouterr()
    extra = tmp_path / "out/1/assets.extra"
    assert drawn_images()[1] in (extra / "tf_serving_warmup_requests").read_bytes()
    assert image not in (extra / "tf_serving_warmup_requests").read_bytes()
    assert printed.out.strip() == str(tmp_path / "out" / "1") and "in 15 answers" in printed.err
    said = json.loads((tmp_path / "out/1/assets.extra/signature.json").read_text())
    assert {name: said["detecting"][name] for name in ("score_threshold", "iou_threshold", "limit")} == {
        "score_threshold": 0.1, "iou_threshold": 0.3, "limit": 20}
    before = content(tmp_path / "out")
    assert frcnn([*flags, "--version", "1"]) == 2
    assert "version is there" in capsys.readouterr().err and content(tmp_path / "out") == before


@pytest.mark.parametrize("flags, message", [
    (["--run", "{tmp}"], "detector.keras"),
    (["--run", "{tmp}", "--check-image", "{tmp}/absent.jpg"], "absent.jpg"),
    (["--run", "{tmp}", "--check-image", "{tmp}/bad.jpg"], "bad.jpg"),
    (["--run", "{run}", "--out", "{tmp}/bad.jpg"], "cannot be written"),
    (["--run", "{run}", "--out", "{tmp}/bad.jpg/x"], "cannot be written"),
    (["--run", "{run}", "--format", "onnx", "--version", "2"], "--version"),
    (["--run", "{run}", "--image-size", "48", "64"], "--image-size"),
    (["--run", "{run}", "--format", "litert", "--image-size", "0", "64"], "--image-size"),
    (["--run", "{run}", "--format", "litert", "--precision", "bfloat16"], "--precision"),
])
def test_bad_input_is_one_line(flags, message, tiny_run, tmp_path, capsys):
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    flags = [flag.format(tmp=tmp_path, run=tiny_run) for flag in flags]
    assert frcnn(["export", "--out", str(tmp_path / "out"), *flags]) == 2
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1 and not (tmp_path / "out").exists()
