"""The joint trainer: what it writes, precision, resuming, the best epoch."""

import contextlib
import csv
import dataclasses

import keras
import numpy as np
import pytest

from frcnn_keras.data.augmentation import Augmentation
from frcnn_keras.errors import InputError
from frcnn_keras.models.freezing import trunk_of
from frcnn_keras.runs.detector import load
from frcnn_keras.settings.image_trainers import AugmentConfig, FinetuneConfig
from frcnn_keras.settings.learning import HeadLossConfig, RPNLossConfig
from frcnn_keras.training.image_losses import LOSSES
from frcnn_keras.training.image_step import averaged
from frcnn_keras.training.image_trainer import ImageTrainer, augmentation, has_depthwise, settled_precision
from frcnn_keras.training.loop import Keeper
from tests.closeness import close
from tests.detectors import uneven_detector
from tests.joint_batches import FIT, LOSS

pytestmark = pytest.mark.slow

CONFIG = FinetuneConfig(FIT, AugmentConfig(jitter_shorter=(40, 56), brightness=0.2), LOSS, 0)


@pytest.fixture(scope="module")
def few(shapes):
    """Four images of shapes; uneven_detector knows three classes, so the fourth is left out."""
    def known(example):
        keep = example.labels <= 3
        return dataclasses.replace(example, **{name: getattr(example, name)[keep]
                                               for name in ("boxes", "labels", "difficult", "crowd")})

    return dataclasses.replace(shapes, examples=tuple(known(example) for example in shapes.examples[:4]),
                               class_names=("a", "b", "c"))


def test_auto_precision(monkeypatch, tiny_backbone):
    model = uneven_detector()
    monkeypatch.setattr("frcnn_keras.training.image_trainer.resolve_precision", lambda wanted: "bfloat16")
    assert settled_precision(model, "auto") == ("bfloat16", True)
    depthwise = keras.Sequential([keras.Input((None, None, 3)), keras.layers.DepthwiseConv2D(3)])
    model.extractor = depthwise
    assert has_depthwise(model) and settled_precision(model, "auto") == ("bfloat16", False)
    assert settled_precision(model, "bfloat16") == ("bfloat16", True)
    monkeypatch.setattr("frcnn_keras.training.image_trainer.resolve_precision", lambda wanted: "float32")
    assert settled_precision(model, "auto")[0] == "float32"


def training(out, few, config=CONFIG, validation=False):
    out.mkdir(exist_ok=True)
    return Trainer("tune", uneven_detector(), few, few if validation else None, out, config)


@dataclasses.dataclass(frozen=True)
class Request:
    """What the training is asked for."""

    config: FinetuneConfig = CONFIG


class Trainer(ImageTrainer):
    """One that is begun with nothing but its settings."""

    def run_all(self):
        """The numbers of the last epoch."""
        history = self.train(Request(), fresh=False)
        return {name: values[-1] for name, values in history.items()}


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


class Killed(BaseException):
    """Stands for the end of the process."""


VARIANTS = {"float16 with averages": {"precision": "float16", "ema": 1.0, "accumulate": 2},
            "bfloat16": {"precision": "bfloat16", "optimizer": "sgd", "weight_decay": 0.01}}


@pytest.mark.parametrize("name", VARIANTS)
def test_killed_after_an_epoch_it_ends_in_the_same_bytes(name, tmp_path, few, monkeypatch):
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(FIT, **VARIANTS[name]))
    training(tmp_path / "whole", few, config).run_all()
    real = Keeper.on_epoch_end

    def end(self, epoch, logs=None):
        if epoch == 1:
            raise Killed
        real(self, epoch, logs)

    monkeypatch.setattr(Keeper, "on_epoch_end", end)
    with pytest.raises(Killed):
        training(tmp_path / "killed", few, config).run_all()
    assert "tune_state.npz" in files(tmp_path / "killed") and "detector.keras" not in files(tmp_path / "killed")
    monkeypatch.setattr(Keeper, "on_epoch_end", real)
    training(tmp_path / "killed", few, config).run_all()
    whole, killed = files(tmp_path / "whole"), files(tmp_path / "killed")
    assert whole.keys() == killed.keys() == {"tune.json", "tune_log.csv", "tune_curves.png", "tune_metrics.json",
                                            "detector.keras"}
    assert [name for name in whole if whole[name] != killed[name]] == []


def test_what_is_saved_is_a_detector_like_any_other(tmp_path, few):
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(FIT, precision="bfloat16", epochs=1))
    run = training(tmp_path, few, config)
    start = [np.asarray(weight) for weight in run.detector.weights]
    run.run_all()
    again = load(tmp_path)
    assert {layer.dtype_policy.name for layer in again.model._flatten_layers()} == {"float32"}
    moved = [not np.array_equal(one, other) for one, other in zip(start, again.model.weights, strict=True)]
    assert all(moved)
    found, = again.predict(few.examples[0].read())
    expected, = run.inference.predict(few.examples[0].read())
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)
    with open(tmp_path / "tune_log.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1 and set(rows[0]) == {"epoch", "loss", *LOSSES}


def test_the_best_epoch_is_kept_and_measured_with_averages(tmp_path, few, monkeypatch):
    """AP falls by decree after the first epoch: what is saved are the averages of that epoch."""
    scores = iter([0.6, 0.5])
    monkeypatch.setattr("frcnn_keras.training.stage.coco_metrics",
                        lambda *_: {"AP": next(scores), "AP50": 0.7})
    kept = []
    real = ImageTrainer.measure

    def measure(self, epoch):
        with averaged(self.model.optimizer, self.detector.trainable_variables):
            kept.append([np.asarray(weight) for weight in self.detector.trainable_variables])
        return real(self, epoch)

    monkeypatch.setattr(ImageTrainer, "measure", measure)
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(FIT, ema=5.0))
    run = training(tmp_path, few, config, validation=True)
    found = run.run_all()
    assert found["AP"] == 0.5 and len(kept) == 2
    saved = load(tmp_path).model
    close(kept[0], [np.asarray(weight) for weight in saved.trainable_variables], rtol=0)
    assert any(not np.array_equal(one, other) for one, other in zip(*kept))


def test_a_second_start_has_nothing_to_do(tmp_path, few, capsys):
    found = training(tmp_path, few).run_all()
    before = files(tmp_path)
    assert training(tmp_path, few).run_all() == pytest.approx(found)
    assert "trained already" in capsys.readouterr().err and files(tmp_path) == before


def test_it_learns(tmp_path, few):
    config = FinetuneConfig(dataclasses.replace(FIT, epochs=8, learning_rate=3e-3), AugmentConfig(),
                                    LOSS, 0)
    run = training(tmp_path, few, config)
    run.run_all()
    with open(tmp_path / "tune_log.csv", encoding="utf-8") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.6 * losses[0]


def test_the_jitter_is_relative_unless_it_is_given_in_pixels():
    assert augmentation(AugmentConfig(), 600) == Augmentation(True, (480, 720))
    assert augmentation(AugmentConfig(jitter=0.5, mirror=False), 240) == Augmentation(False, (120, 360))
    assert augmentation(AugmentConfig(jitter=0.0, contrast=0.1), 600) == Augmentation(True, (), contrast=0.1)
    assert augmentation(AugmentConfig(jitter_shorter=(500, 700)), 600).jitter_shorter == (500, 700)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_backbone_of_rate_0_stays_as_it_is(precision, tmp_path, few):
    job = training(tmp_path, few, dataclasses.replace(CONFIG, fit=dataclasses.replace(
        FIT, backbone_rate=0.0, precision=precision)))
    parts = {"trunk": trunk_of(job.detector), "rpn": job.detector.rpn, "rcnn": job.detector.rcnn}
    before = {name: part.get_weights() for name, part in parts.items()}
    job.run_all()
    assert trunk_of(job.detector).trainable_variables
    for name, part in parts.items():
        same = [np.array_equal(old, new) for old, new in zip(before[name], part.get_weights(), strict=True)]
        assert all(same) if name == "trunk" else not any(same), name


@pytest.mark.parametrize("change, message", [({"accumulate": 3}, "--accumulate 3"), ({"batch": 9}, "--batch 9")])
def test_parts_that_do_not_fit(tmp_path, few, change, message):
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(FIT, **change))
    with pytest.raises(InputError, match=message):
        training(tmp_path, few, config).run_all()


def test_a_broken_image_is_one_line(tmp_path, few):
    broken = dataclasses.replace(few.examples[1], read=lambda: b"no image", file="there/bad.png")
    with pytest.raises(InputError, match="^there/bad.png: ") as caught:
        training(tmp_path, dataclasses.replace(few, examples=(few.examples[0], broken))).run_all()
    assert "\n" not in str(caught.value)


def test_beta_0_of_both_trains(tmp_path, few):
    losses = dataclasses.replace(LOSS, rpn=RPNLossConfig(beta=0.0), head=HeadLossConfig(beta=0.0))
    found = training(tmp_path, few, dataclasses.replace(CONFIG, losses=losses)).run_all()
    assert np.isfinite(list(found.values())).all()


def test_pictures_that_are_replaced_between_two_starts_are_noticed(few, tmp_path):
    examples = []
    for number, example in enumerate(few.examples):
        path = tmp_path / f"{number}.png"
        path.write_bytes(example.read())
        examples.append(dataclasses.replace(example, file=str(path), path=str(path), read=path.read_bytes))
    trainer = training(tmp_path / "out", dataclasses.replace(few, examples=tuple(examples)))

    def begin(fresh=False):
        with contextlib.ExitStack() as held:
            trainer._begin(Request(), fresh, held)

    begin()
    first = (tmp_path / "out" / "tune_pictures.json").read_bytes()
    (tmp_path / "2.png").write_bytes(few.examples[0].read())
    begin()  # nothing was trained yet
    assert (tmp_path / "out" / "tune_pictures.json").read_bytes() != first
    (tmp_path / "out" / "tune_state.npz").touch()
    begin()
    (tmp_path / "2.png").write_bytes(few.examples[1].read())
    with pytest.raises(InputError, match=f"1 of 4 pictures have changed .*{tmp_path / '2.png'}.*another --out"):
        begin()
    begin(fresh=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["tune.json", "tune_pictures.json"]
    with pytest.raises(InputError, match="data set is read from"):
        training(tmp_path, trainer.dataset)._begin(Request(), False, contextlib.ExitStack())


@pytest.mark.parametrize("rule, together", [("given", True), ("fraction", False)])
def test_on_a_gpu_images_go_together_unless_anchors_are_of_their_own_size(rule, together, tmp_path, few, monkeypatch):
    told = []

    def losses(*arguments, **settings):
        told.append(settings["together"])
        raise KeyboardInterrupt

    monkeypatch.setattr("frcnn_keras.training.image_trainer.ImageLosses", losses)
    trainer = training(tmp_path / "out", few)
    trainer.detector.geometry = dataclasses.replace(trainer.detector.geometry, stride_rule=rule)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind=None: ["a GPU"])
    with pytest.raises(KeyboardInterrupt):
        trainer.build()
    assert told == [together]
