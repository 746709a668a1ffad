"""Every flag of every stage, set to another value than the default, changes what it says.

A row sets one flag, as the stage's command takes it, and looks at what the stage's own function makes of it: a default
that is hard-wired anywhere between flag and effect makes it fail. A new flag needs a row, or a test of its own that
ELSEWHERE names.
"""

import dataclasses
import importlib
from pathlib import Path

import pytest

from frcnn_keras.settings.image_trainers import FinetuneConfig, JointConfig
from frcnn_keras.settings.options import leaves
from frcnn_keras.settings.stages import PrepConfig, RCNNConfig, RPNConfig
from tests.effects import extractor_rows, fit_rows, given, head_rows, image_rows, minibatch_rows, rpn_rows
from tests.effects.rows import configured, field_of, flag_text, value_at

pytestmark = pytest.mark.slow

CONFIGS = {"prep": PrepConfig, "train_rpn": RPNConfig, "train_rcnn": RCNNConfig, "finetune": FinetuneConfig,
           "joint": JointConfig}
ROWS = {
    "prep": extractor_rows.PREP | minibatch_rows.PREP, "train_rpn": rpn_rows.RPN, "train_rcnn": head_rows.RCNN,
    "finetune": image_rows.FINETUNE, "joint": extractor_rows.JOINT | head_rows.JOINT | rpn_rows.JOINT,
}
FITS = {"train_rpn": fit_rows.STAGES, "train_rcnn": fit_rows.STAGES, "finetune": fit_rows.FINETUNE}
ELSEWHERE = {("prep", "backbone.pyramid"): "tests/effects/test_every_flag.py::test_prep_refuses_a_new_pyramid",
             ("prep", "backbone.pyramid_levels"): "tests/settings/test_ranges.py::test_what_is_said"}
SMALL_RUN = ["--head-width=10", "--roi-size=3"]
BASE = {
    "prep": ["--backbone-weights=none", "--feature-layers=features", "--preprocess=tf", "--shorter=64", "--longer=80",
             "--neck-channels=4", "--neck-sample=2", "--anchor-sizes=16,32", "--anchor-ratios=1", "--samples=16",
             "--draws=1"],
    "train_rpn": ["--precision=float32"],
    "train_rcnn": [*SMALL_RUN, "--regions=24", "--batch=3", "--precision=float32"],
    "finetune": ["--precision=float32", "--regions=16"],
}
BASE["joint"] = [*BASE["prep"][:-2], *SMALL_RUN, "--rpn-channels=8", "--precision=float32"]
TRAINED = {"train_rpn": [], "train_rcnn": [*SMALL_RUN, "--regions=8"], "finetune": ["--regions=8", "--freeze-stages=0"]}
ALONE = [(stage, path) for stage, rows in ROWS.items() for path in rows]
TOGETHER = [(stage, path) for stage, rows in FITS.items() for path in rows]


class Stages(given.Given):
    """Stages made of flags."""

    def base(self, stage):
        return [*([f"--backbone={self.backbone}"] if stage in ("prep", "joint") else []), *BASE[stage]]

    def made(self, stage, config):
        work = {"prep": self.prepared, "train_rpn": self.rpn, "train_rcnn": self.rcnn, "finetune": self.finetune,
                "joint": self.joint}
        return work[stage](config)

    def prep_of(self, flags):
        return self.prepared(configured("prep", PrepConfig, [*self.base("prep"), *flags]))

    def usual_regions(self):
        """train-rcnn's first batch by the default units of deltas."""
        return self.once("regions", lambda: self.rcnn(configured("train_rcnn", RCNNConfig, BASE["train_rcnn"])).batch())

    def usual(self, name):
        """First batch and initial weights of a stage of the default seed."""
        stage = {"rpn": "train_rpn", "rcnn": "train_rcnn"}.get(name, name)
        flags = [text for text in self.together(stage) if not text.startswith("--seed")]
        subject = self.made(stage, configured(stage, CONFIGS[stage], flags))
        subject.stage.model = subject.stage.build()
        subject.first = {name: part.numpy() for name, part in next(iter(subject.stage.batches(0))).items()}
        subject.weights = subject.stage.model.network.get_weights()
        return subject

    def together(self, stage):
        return [*TRAINED[stage], *(flag_text(CONFIGS[stage], path, row.value) for path, row in FITS[stage].items())]

    def trained(self, stage):
        """A stage with all settings of its optimisation changed, trained once."""
        return self.once(f"trained {stage}", lambda: fit_rows.trained(
            self.made(stage, configured(stage, CONFIGS[stage], self.together(stage)))))


@pytest.fixture(scope="session")
def stages(tmp_path_factory, tiny_backbone, prep, val_prep, tiny_run, shapes):
    return Stages(tmp_path_factory, tiny_backbone, prep, val_prep, tiny_run, shapes)


@pytest.mark.parametrize("stage, path", ALONE)
def test_a_flag_changes_what_it_says(stage, path, stages):
    row, base = ROWS[stage][path], stages.base(stage)
    value = row.value(stages) if callable(row.value) else row.value
    flags = row.flags(stages) if callable(row.flags) else row.flags
    config = configured(stage, CONFIGS[stage], [*base, *flags, flag_text(CONFIGS[stage], path, value)])
    assert value_at(config, path) == value != value_at(CONFIGS[stage](), path)
    row.check(stages.made(stage, config), value)


@pytest.mark.parametrize("stage, path", TOGETHER)
def test_how_a_stage_is_optimised(stage, path, stages):
    row, seen = FITS[stage][path], stages.trained(stage)
    assert value_at(seen.subject.config, path) == row.value != value_at(CONFIGS[stage](), path)
    row.check(seen, row.value)


def test_joint_trains_as_finetune_would(stages):
    """Its `training`, every value changed, is what its trainer, finetune's own, is made with."""
    rows = FITS["finetune"] | {path: row for path, row in ROWS["finetune"].items() if path != "losses.sample_over"}
    assert {path for path in rows} | {"losses.sample_over"} == {".".join(path) for path, _, _ in leaves(FinetuneConfig)}
    flags = [flag_text(FinetuneConfig, path, row.value) for path, row in rows.items()]
    for own in (flags, ["--sample-over=batch"]):
        config = configured("joint", JointConfig, [*stages.base("joint"), *own])
        trainer = stages.joint(config).stage
        assert trainer.config == config.training != JointConfig().training
        theirs = configured("finetune", FinetuneConfig, own)
        assert trainer.config == dataclasses.replace(theirs, fit=config.training.fit)


def test_prep_refuses_a_new_pyramid(stages):
    extractor_rows.no_new_pyramid(stages, configured("prep", PrepConfig, [*stages.base("prep"), "--pyramid=8"]))


@pytest.mark.parametrize("stage", CONFIGS)
def test_every_flag_has_a_row(stage):
    known = {*ROWS[stage], *FITS.get(stage, {}), *(path for where, path in ELSEWHERE if where == stage)}
    if stage == "joint":
        known |= {f"training.{'.'.join(path)}" for path, _, _ in leaves(FinetuneConfig)}
    assert known == {".".join(path) for path, _, _ in leaves(CONFIGS[stage])}


def test_what_is_tested_elsewhere_is():
    root = Path(__file__).resolve().parents[2]
    for (stage, path), test in ELSEWHERE.items():
        assert field_of(CONFIGS[stage], path)
        file, _, name = test.partition("::")
        assert f"def {name}(" in (root / file).read_text(encoding="utf-8")


TRAINERS = {"prep": ("data_prep.prepare", "prepare", ["--shapes", "1", "--out", "{}"]),
            "train_rpn": ("frcnn_keras.training.rpn_stage", "train_rpn", ["--data", "d", "--run", "{}"]),
            "train_rcnn": ("frcnn_keras.training.rcnn_stage", "train_rcnn", ["--data", "d", "--run", "{}"]),
            "joint": ("frcnn_keras.training.joint", "train_joint", ["--shapes", "1", "--out", "{}"]),
            "finetune": ("frcnn_keras.training.finetune", "finetune", ["--shapes", "1", "--out", "{}"])}


@pytest.mark.parametrize("stage", CONFIGS)
def test_a_command_hands_its_settings_on(stage, stages, monkeypatch, tmp_path):
    """What it gives the stage's function is what its flags say."""
    module, name, arguments = TRAINERS[stage]
    seen = []

    def stop(*arguments, **settings):
        seen.extend([*arguments, *settings.values()])
        raise given.Caught(None)

    monkeypatch.setattr(importlib.import_module(module), name, stop)
    own = [*stages.base(stage), *(["--run", str(stages.run)] if stage == "finetune" else []),
           *[text.format(tmp_path / "out") for text in arguments]]
    with pytest.raises(given.Caught):
        importlib.import_module(f"frcnn_keras.commands.{stage}").run(own)
    assert configured(stage, CONFIGS[stage], stages.base(stage)) in seen
