"""From drawn images to an exported model in Python alone, with a caller's callbacks, and errors that name arguments."""

import dataclasses
import inspect
import re
import typing

import keras
import numpy as np
import pytest

import frcnn_keras
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.files import to_json
from frcnn_keras.settings.detector import DetectionConfig, ProposalConfig
from frcnn_keras.settings.learning import FitConfig, RegionSamplingConfig
from frcnn_keras.settings.stages import StageHeadConfig

FIT = FitConfig(epochs=2, batch=2, warmup=1, precision="float32")
RPN = frcnn_keras.RPNConfig(FIT, channels=16, proposals=ProposalConfig(after=60))
RCNN = frcnn_keras.RCNNConfig(dataclasses.replace(FIT, learning_rate=5e-3), StageHeadConfig(32, roi_size=3),
                              RegionSamplingConfig(32), detections=DetectionConfig(score_threshold=0.01))


class Noted(keras.callbacks.Callback):
    """Keeps what a callback is told."""

    def __init__(self):
        super().__init__()
        self.epochs, self.began, self.ended = [], 0, 0

    def on_train_begin(self, logs=None):
        self.began += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(dict(logs))

    def on_train_end(self, logs=None):
        self.ended += 1


@pytest.fixture(scope="module")
def trained(tmp_path_factory, prep_config):
    """(folder of the run, prep folder, histories, what callbacks were told)."""
    root = tmp_path_factory.mktemp("api")
    data, others = frcnn_keras.drawn_shapes(6, 0, 120, 156), frcnn_keras.drawn_shapes(3, 9, 120, 160)
    prep = frcnn_keras.prepare(data, root / "prep", prep_config)
    val = frcnn_keras.prepare(others, root / "val", like=prep, eval_only=True)
    noted = Noted(), Noted()
    rpn = frcnn_keras.train_rpn(prep.path, root / "run", RPN, val=val.path, callbacks=[noted[0]])
    rcnn = frcnn_keras.train_rcnn(prep.path, root / "run", RCNN, val=val.path, callbacks=[noted[1]])
    return root / "run", prep, (rpn, rcnn), noted


@pytest.mark.slow
def test_trainers_return_every_number_of_every_epoch(trained):
    _, _, (rpn, rcnn), _ = trained
    assert {"loss", "objectness_loss", "box_loss", "recall@300/0.5"} <= rpn.keys()
    assert {"loss", "class_loss", "box_loss", "AP"} <= rcnn.keys()
    assert {len(values) for history in (rpn, rcnn) for values in history.values()} == {2}


@pytest.mark.slow
def test_callbacks_are_told_losses_and_measures(trained):
    _, _, histories, noted = trained
    for history, told in zip(histories, noted):
        assert (told.began, told.ended, len(told.epochs)) == (1, 1, 2)
        assert told.epochs == [{name: pytest.approx(values[epoch]) for name, values in history.items()}
                               for epoch in range(2)]


@pytest.mark.slow
def test_a_callback_may_stop_a_training(trained, tmp_path):
    _, prep, _, _ = trained
    stop = keras.callbacks.EarlyStopping("loss", min_delta=1e9, patience=1)
    config = dataclasses.replace(RPN, fit=dataclasses.replace(FIT, epochs=9))
    history = frcnn_keras.train_rpn(prep.path, tmp_path, config, callbacks=[stop])
    assert len(history["loss"]) == 2 and (tmp_path / "rpn.weights.h5").exists()
    assert frcnn_keras.train_rpn(prep.path, tmp_path, config) == history  # it is finished


@pytest.mark.slow
def test_evaluate_predict_and_export(trained, tmp_path):
    run, *_ = trained
    data = frcnn_keras.drawn_shapes(3, 9, 120, 160)
    found = frcnn_keras.evaluate(run, data)
    detector = frcnn_keras.load(run)
    again = frcnn_keras.evaluate(detector, data) | {"seconds_per_image": found["seconds_per_image"]}
    assert to_json(found) == to_json(again)  # where NaN is null
    assert 0 <= found["coco"]["AP"] <= 1 and found["images"] == 3
    written = frcnn_keras.export(detector, tmp_path / "model", check_images=[data.examples[0].read()])
    assert written.path == tmp_path / "model" / "1" and written.agreement.close
    assert (written.path / "saved_model.pb").exists()


@pytest.mark.slow
def test_finetune_and_joint(trained, tmp_path, prep_config):
    run, *_ = trained
    data = frcnn_keras.drawn_shapes(4, 0, 120, 156)
    tuned = frcnn_keras.FinetuneConfig(dataclasses.replace(frcnn_keras.FinetuneConfig().fit, epochs=1, warmup=1),
                                       freeze_stages=0)
    noted = Noted()
    history = frcnn_keras.finetune(run, data, tmp_path / "tuned", tuned, validation=data, callbacks=[noted])
    assert len(history["AP"]) == 1 and len(noted.epochs) == 1 and "AP" in noted.epochs[0]
    chosen = (prep_config.backbone, prep_config.images, prep_config.neck, prep_config.anchors)
    config = frcnn_keras.JointConfig(*chosen, rpn_channels=16, training=tuned)
    assert len(frcnn_keras.train_joint(data, tmp_path / "joint", config)["loss"]) == 1
    assert frcnn_keras.load(tmp_path / "joint").class_names == data.class_names


def test_check():
    found = frcnn_keras.check(frcnn_keras.drawn_shapes(3, 0, 120, 156))
    assert found.ok and found.images == 3 and found.objects == sum(row["objects"] for row in found.per_class.values())
    assert set(found.reach) == {"all", *found.per_class} and found.grid.stride == 16


def test_readers_find_what_the_commands_find(tmp_path):
    example = shapes_dataset(1, 0, 60, 80).examples[0]
    (tmp_path / "a.png").write_bytes(example.read())
    (tmp_path / "boxes.csv").write_text("a.png,1,2,30,40,cat\n")
    data = frcnn_keras.read_csv(tmp_path / "boxes.csv")
    assert data.class_names == ("cat",) and data.examples[0].boxes.tolist() == [[1, 2, 30, 40]]


@pytest.mark.slow
@pytest.mark.parametrize("call, words", [
    (lambda run, data, out: frcnn_keras.train_rpn(out, out / "r"), "no prep folder; .*frcnn_keras prep"),
    (lambda run, data, out: frcnn_keras.train_rpn(run[1].path, out, dataclasses.replace(
        RPN, fit=dataclasses.replace(FIT, epochs=0))), "fit.epochs 0 takes an RPN .* with RPNConfig.start RUN"),
    (lambda run, data, out: frcnn_keras.finetune(run[0], data, run[0]), "^out .*is the run itself"),
    (lambda run, data, out: frcnn_keras.finetune(run[0], data, out, frcnn_keras.FinetuneConfig(
        dataclasses.replace(frcnn_keras.FinetuneConfig().fit, ema=-1.0))), "^ImageFitConfig.ema must be 0 to"),
    (lambda run, data, out: frcnn_keras.export(run[0], out / "x", "tflite"), "^format must be one of"),
    (lambda run, data, out: frcnn_keras.prepare(data, out / "p", eval_only=True, write_tiles=True),
     "^write_tiles writes minibatches, and eval_only makes none"),
    (lambda run, data, out: frcnn_keras.load(out), "holds no detector"),
    (lambda run, data, out: frcnn_keras.prepare(data, out / "p", workers=-1), "^workers must be 0 to 1024; received"),
    (lambda run, data, out: frcnn_keras.drawn_shapes(3, seed=2**31), "^seed must be 0 to 2147483647; received"),
    (lambda run, data, out: frcnn_keras.drawn_shapes(3, height=0), "^height must be 1 to 32768; received: 0"),
    (lambda run, data, out: frcnn_keras.load(run[0], score_threshold=7), "^score_threshold must be 0 to 1; rec"),
    (lambda run, data, out: frcnn_keras.export(run[0], out / "x", version=-1), "^version must be 0 to"),
    (lambda run, data, out: frcnn_keras.export(run[0], out / "x", "onnx", image_size=(0, 4)), "^image_size takes two"),
])
def test_errors_name_arguments(call, words, trained, tmp_path):
    with pytest.raises(frcnn_keras.InputError, match=words) as caught:
        call(trained, frcnn_keras.drawn_shapes(3, 9, 120, 160), tmp_path)
    said = re.sub(r"python -m frcnn_keras .*", "", str(caught.value))  # what a message says to run keeps its flags
    assert "--" not in said and "\n" not in said


def test_every_public_name_is_there_documented_and_typed():
    for name in frcnn_keras.__all__:
        found = getattr(frcnn_keras, name)
        if name != "__version__":
            assert inspect.getdoc(found), name
        if inspect.isfunction(found):
            hints = typing.get_type_hints(found)
            assert set(inspect.signature(found).parameters) | {"return"} == set(hints), name
    assert set(frcnn_keras.__all__) <= set(dir(frcnn_keras))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        frcnn_keras.nothing  # noqa: B018


@pytest.mark.slow
def test_arrays_are_detected_in_without_any_file(trained):
    image = np.zeros((120, 160, 3), np.uint8)
    assert len(frcnn_keras.load(trained[0]).predict(image)) == 1


@pytest.mark.slow
def test_one_call_for_all_stages(trained, prep_config, tmp_path):
    """The run of train_rpn and train_rcnn, of the same settings; a callback hears of both; errors name arguments."""
    run, _, _, _ = trained
    data, others = frcnn_keras.drawn_shapes(6, 0, 120, 156), frcnn_keras.drawn_shapes(3, 9, 120, 160)
    noted = Noted()
    found = frcnn_keras.train(data, tmp_path / "run", frcnn_keras.TrainConfig(prep_config, RPN, RCNN, 2, 2), val=others,
                              callbacks=[noted])
    assert isinstance(found, frcnn_keras.Trained) and noted.began == 2 and len(noted.epochs) == 4
    for name in ("rpn.weights.h5", "rpn_log.csv", "rcnn_log.csv", "rcnn_metrics.json"):
        assert (tmp_path / "run" / name).read_bytes() == (run / name).read_bytes(), name
    assert found.metrics["coco"]["AP"] == frcnn_keras.evaluate(run, others)["coco"]["AP"]
    with pytest.raises(frcnn_keras.InputError, match="leave holdout out"):
        frcnn_keras.train(data, tmp_path / "run", val=others, holdout=0.2)


def test_audit_of_a_folder(tmp_path):
    (tmp_path / "evaluation").mkdir()
    images = [{"id": 1, "file_name": "a.jpg", "height": 90, "width": 90}]
    for name, value in (("ground_truth", {"images": images, "annotations": [],
                                          "categories": [{"id": 1, "name": "cat"}]}),
                        ("detections", [{"image_id": 1, "category_id": 1, "bbox": [5, 5, 40, 40], "score": 0.99}])):
        (tmp_path / "evaluation" / f"{name}.json").write_text(to_json(value))
    [one] = frcnn_keras.audit(tmp_path)
    assert isinstance(one, frcnn_keras.Finding) and (one.kind, one.file) == ("missing", "a.jpg")
    with pytest.raises(frcnn_keras.InputError, match="not found"):
        frcnn_keras.audit(tmp_path / "none")
    chosen = frcnn_keras.thresholds(tmp_path)
    assert isinstance(chosen, frcnn_keras.Thresholds) and chosen.classes[0].pooled
    with pytest.raises(frcnn_keras.InputError, match="precision must be more than 0"):
        frcnn_keras.thresholds(tmp_path, 0.0)
    (tmp_path / "other").mkdir()
    frcnn_keras.thresholds(tmp_path, 0.5, target=tmp_path / "other")
    assert (tmp_path / "other" / "thresholds.json").exists()
    with pytest.raises(frcnn_keras.InputError, match="target .*nowhere: there is no such run"):
        frcnn_keras.thresholds(tmp_path, target=tmp_path / "nowhere")
    with pytest.raises(frcnn_keras.InputError, match="as target"):
        frcnn_keras.thresholds(tmp_path / "evaluation")
