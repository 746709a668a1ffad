"""The four steps on small images: what each trains, what it learns from, and that a second start goes on."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.commands import alternate
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.models.freezing import unfreeze
from frcnn_keras.runs.detector import load
from frcnn_keras.settings import stages as configs
from frcnn_keras.settings.image_trainers import (
    AlternateConfig,
    FinetuneConfig,
    ImageFitConfig,
    ImageLossConfig,
    ImageProposalConfig,
    JointConfig,
)
from frcnn_keras.settings.learning import AnchorSamplingConfig, RegionSamplingConfig
from frcnn_keras.training.image_losses import LOSSES, RCNN_LOSSES, RPN_LOSSES, ImageLosses
from frcnn_keras.training.image_step import ImageStepModel
from frcnn_keras.training.joint import new_detector, train_joint
from tests.clusters import cluster, free_ports
from tests.detectors import uneven_detector
from tests.joint_batches import LOSS, UNLIKE, batch_of

ROOT = Path(__file__).resolve().parents[2]


def config(backbone, **fit):
    return JointConfig(
        backbone=configs.BackboneConfig(str(backbone), "none", ("features",), "tf"),
        images=configs.ImageConfig(80, 120), neck=configs.NeckConfig(8, 4),
        anchors=configs.LevelAnchorConfig((16.0, 32.0, 64.0)),
        rpn_channels=16, head=configs.HeadConfig(16), proposals=configs.ProposalConfig(after=50),
        training=FinetuneConfig(
            fit=ImageFitConfig(**{"epochs": 2, "batch": 2, "precision": "float32", "warmup": 1, **fit}),
            freeze_stages=0, losses=ImageLossConfig(AnchorSamplingConfig(count=32), ImageProposalConfig(200, 50),
                                                     RegionSamplingConfig(16))))


def command(out, backbone, *more):
    own = AlternateConfig(config(backbone), stage_epochs=1)
    from frcnn_keras.commands.flags import to_arguments

    return ["--shapes", "6", "--shapes-seed", "3", "--val-shapes", "2", "--out", str(out), *to_arguments(own), *more]


def arrays(model):
    return [np.asarray(weight) for weight in model.weights]


def same(one, other):
    return all(np.array_equal(first, second) for first, second in zip(arrays(one), arrays(other), strict=True))


@pytest.fixture(scope="module")
def killed(tmp_path_factory, tiny_backbone):
    """OUT of a run that was killed within step 2 and started again, the steps it printed then, and step 1's time."""
    out = tmp_path_factory.mktemp("alternate") / "out"
    line = [sys.executable, "-m", "frcnn_keras", "alternate", *command(out, tiny_backbone)]
    first = subprocess.Popen(line, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 300
        state = out / "step2_rcnn" / "joint_state.npz"
        while not state.exists() and time.monotonic() < until and first.poll() is None:
            time.sleep(0.05)
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    finished = (out / "step1_rpn" / "joint_metrics.json").stat().st_mtime_ns
    begun_only = not (out / "step2_rcnn" / "joint_metrics.json").exists()
    again = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert again.returncode == 0, again.stderr[-3000:]
    return out, again.stderr, finished, begun_only


def test_a_second_start_goes_on_at_the_first_unfinished_step(killed):
    out, said, finished, begun_only = killed
    assert begun_only
    assert (out / "step1_rpn" / "joint_metrics.json").stat().st_mtime_ns == finished
    commands = [row for row in said.splitlines() if row.startswith("$ ")]
    assert [row.split()[4] for row in commands] == ["joint", "prep", "prep", "train-rpn", "train-rcnn"]
    assert "--losses rcnn" in commands[0]
    assert "joint: resuming after epoch 1 of 2" in said or "joint: all 2 epochs are done already" in said


def test_steps_1_and_2_train_backbones_of_their_own(killed, tiny_backbone):
    out = killed[0]
    one, two, last = (load(out / name).model for name in ("step1_rpn", "step2_rcnn", "run"))
    start = new_detector(shapes_dataset(6, 3), config(tiny_backbone))
    kernels = [np.asarray(model.extractor.trunk.get_layer("fine").kernel) for model in (start, one, two)]
    assert not any(np.array_equal(kernels[first], kernels[second]) for first, second in ((0, 1), (0, 2), (1, 2)))
    assert not same(one.rpn, start.rpn) and same(one.rcnn, start.rcnn)  # step 1: no head
    assert not same(two.rcnn, start.rcnn) and same(two.rpn, start.rpn)  # step 2: no RPN
    assert not same(last.rpn, one.rpn) and not same(last.rcnn, two.rcnn)


def test_steps_3_and_4_share_step_2s_backbone_to_the_bit(killed):
    two, last = (load(killed[0] / name).model for name in ("step2_rcnn", "run"))
    assert same(two.extractor, last.extractor)
    image = tf.random.stateless_uniform((1, 80, 96, 3), (1, 2))
    assert np.array_equal(two.features(image)[0], last.features(image)[0])
    assert last.preparing == two.preparing and last.geometry.strides == two.geometry.strides


def test_step_4_starts_from_step_2s_head(killed):
    settings = (killed[0] / "run" / "rcnn.json").read_text()
    assert f'"weights": "{killed[0] / "step2_rcnn"}"' in settings


def test_a_finished_run_does_nothing(killed, tiny_backbone, capsys):
    assert alternate.run(command(killed[0], tiny_backbone)) == 0
    said = capsys.readouterr().err
    assert said.count("finished already") == 6 and "$ " not in said


def test_another_config_is_refused_and_named(killed, tiny_backbone, capsys):
    assert alternate.run(command(killed[0], tiny_backbone, "--learning-rate", "0.5")) == 2
    assert "learning_rate: 0.0004 -> 0.5" in capsys.readouterr().err


def test_a_failing_step_ends_with_its_code(tiny_backbone, tmp_path, capfd):
    assert alternate.run(command(tmp_path / "out", tiny_backbone, "--batch", "50")) == 2
    said = capfd.readouterr().err
    assert "6 images are less than --batch 50" in said and said.count("$ ") == 1


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory, tiny_backbone):
    """OUT of two workers, and what the chief and the other said."""
    out, addresses = tmp_path_factory.mktemp("workers") / "out", [f"127.0.0.1:{port}" for port in free_ports(2)]
    line = [sys.executable, "-m", "frcnn_keras", "alternate", *command(out, tiny_backbone, "--strategy", "multiworker")]
    logs = [out.parent / f"worker{index}.log" for index in range(2)]
    processes = []
    try:
        for index, log in enumerate(logs):
            environment = os.environ | {"TF_CONFIG": cluster(addresses, index)}
            with open(log, "w", encoding="utf-8") as file:
                processes.append(subprocess.Popen(line, cwd=ROOT, env=environment, start_new_session=True,
                                                  stdout=subprocess.DEVNULL, stderr=file))
        codes = [process.wait(400) for process in processes]
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    said = [log.read_text(encoding="utf-8") for log in logs]
    for code, text in zip(codes, said, strict=True):
        assert code == 0, text[-3000:]
    return out, said


def test_two_workers_equal_one_process(two_workers, killed):
    """Steps 1 and 2; the equality of the stages that follow is test_distribution's."""
    for name in ("step1_rpn", "step2_rcnn"):
        alone, both = (load(folder / name).model for folder in (killed[0], two_workers[0]))
        for one, other in zip(arrays(alone), arrays(both), strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)
    assert load(two_workers[0] / "run").model.class_names == load(killed[0] / "run").model.class_names


def test_the_chief_alone_prepares(two_workers):
    chief, other = two_workers[1]
    assert chief.count("-m frcnn_keras prep ") == 2 and "left to the chief" not in chief
    assert "$ python -m frcnn_keras prep" not in other and other.count("left to the chief: prep") == 2
    for text in two_workers[1]:
        assert [row.count("--strategy multiworker") for row in text.splitlines()
                if row.startswith("$ ") and " prep " not in row] == [1, 1, 1, 1]


# the losses of a step alone

@pytest.mark.parametrize("names", [RPN_LOSSES, RCNN_LOSSES])
def test_a_subset_of_the_losses_equals_those_of_all(names):
    model = uneven_detector()
    proposer = uneven_detector(seed=3) if names == RCNN_LOSSES else None  # the same weights: the same proposals
    every = ImageLosses(model, LOSS)(batch_of(UNLIKE))
    some = ImageLosses(model, LOSS, names=names, proposer=proposer)(batch_of(UNLIKE))
    assert tuple(some) == names
    for name in names:
        assert float(some[name]) == pytest.approx(float(every[name]), rel=1e-5) and some[name] > 0


@pytest.mark.parametrize(("names", "rests"), [(RPN_LOSSES, "rcnn"), (RCNN_LOSSES, "rpn")])
def test_the_other_part_stays(names, rests):
    """With weight decay, which would move a part that counts as trainable without any gradient."""
    model, start, proposer = uneven_detector(), uneven_detector(), uneven_detector(seed=8)
    unfreeze(model, 0)
    getattr(model, rests).trainable = False
    trainer = ImageStepModel(ImageLosses(model, LOSS, names=names, proposer=proposer if names == RCNN_LOSSES else None))
    trainer.compile(optimizer=keras.optimizers.SGD(0.1, weight_decay=0.1), jit_compile=False)
    trainer.optimizer.build(trainer.network.trainable_variables)
    before = arrays(proposer)
    trainer.train_step(batch_of(UNLIKE))
    assert same(getattr(model, rests), getattr(start, rests)) and not same(model.extractor, start.extractor)
    learns = "rpn" if rests == "rcnn" else "rcnn"
    assert not same(getattr(model, learns), getattr(start, learns))
    assert all(np.array_equal(one, other) for one, other in zip(before, arrays(proposer), strict=True))


def test_the_heads_losses_are_of_the_proposers_proposals():
    """The regions move with the proposer's RPN, and not with the new detector's."""
    model, proposer = uneven_detector(), uneven_detector(seed=8)

    def found():
        losses = ImageLosses(model, LOSS, names=RCNN_LOSSES, proposer=proposer)
        return [float(value) for value in losses(batch_of(UNLIKE)).values()]

    first = found()
    for weight in model.rpn.weights:
        weight.assign(weight + 1)
    assert found() == first
    proposer.rpn.deltas.bias.assign(proposer.rpn.deltas.bias + 0.4)
    assert found() != first


def test_no_gradient_reaches_the_proposer():
    model, proposer = uneven_detector(), uneven_detector(seed=8)
    with tf.GradientTape() as tape:
        losses = ImageLosses(model, LOSS, names=RCNN_LOSSES, proposer=proposer)(batch_of(UNLIKE))
        total = tf.add_n(list(losses.values()))
    wanted = [model.extractor.trainable_variables[0], *proposer.trainable_variables]
    first, *others = tape.gradient(total, [variable.value for variable in wanted])
    assert np.abs(first).max() > 0 and all(gradient is None for gradient in others)


@pytest.mark.parametrize(("settings", "says"), [
    ({"losses": RCNN_LOSSES}, "--losses rcnn and --proposals RUN belong together"),
    ({"losses": RPN_LOSSES, "proposals": "RUN"}, "belong together"),
    ({"losses": LOSSES, "proposals": "RUN"}, "belong together"),
    ({"losses": RPN_LOSSES, "validation": shapes_dataset(1, 0)}, "leave --val-... out"),
])
def test_what_joint_refuses(settings, says, tiny_backbone, tmp_path):
    from frcnn_keras.errors import InputError

    with pytest.raises(InputError, match=says):
        train_joint(shapes_dataset(2, 0), tmp_path / "out", config(tiny_backbone), **settings)


def test_proposals_of_other_image_sizes_are_refused(killed, tiny_backbone, tmp_path):
    from frcnn_keras.errors import InputError

    other = dataclasses.replace(config(tiny_backbone), images=configs.ImageConfig(64, 120))
    with pytest.raises(InputError, match="it has shorter 80, the new detector 64"):
        train_joint(shapes_dataset(2, 0), tmp_path / "out", other, losses=RCNN_LOSSES,
                    proposals=killed[0] / "step1_rpn")
