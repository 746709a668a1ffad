"""4-step alternating training (arXiv 1506.01497, section 3.2): RPN and head each train a backbone, then share one."""

import contextlib
import dataclasses
import os
from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands import flags, image_training
from frcnn_keras.commands.data_flags import source_arguments
from frcnn_keras.commands.stage_process import run_stage
from frcnn_keras.commands.validation_flags import validation_arguments
from frcnn_keras.errors import InputError, command
from frcnn_keras.files.folders import discard, is_empty, is_mark, require_place
from frcnn_keras.files.locks import alone
from frcnn_keras.progress import say
from frcnn_keras.runs import request as requests
from frcnn_keras.settings.image_trainers import AlternateConfig
from frcnn_keras.settings.options import always_stored

EXAMPLES = """example:
  {frcnn} alternate --voc DIR --split trainval --val-split test --backbone resnet50 --out work/alternate

Four steps, each a command of its own that is printed before it runs:
  1  OUT/step1_rpn    joint --losses rpn: an RPN with its own backbone
  2  OUT/step2_rcnn   joint --losses rcnn: a head with its own, 1's proposals
  3  OUT/prep, run    prep, train-rpn: an RPN on 2's backbone, frozen now
  4  OUT/run          train-rcnn: the head again, from 2's, on 3's proposals
With --val steps 3 and 4 measure, and the best head is kept.
next: {frcnn} evaluate --run work/alternate/run ..."""

# flags of `joint` that later steps have too
PREP = frozenset(("positive-iou", "negative-iou", "samples", "mirror", "anchor-positive-fraction", "best-anchor",
                  "seed"))
RPN = frozenset(("rpn-channels", "lambda", "rpn-beta", "pre-nms", "post-nms", "train-pre-nms", "train-post-nms",
                 "proposal-nms", "proposal-min-size", "seed", "rpn-activation", "rpn-initial", "rpn-box-loss"))
RCNN = frozenset(("head-width", "dropout", "roi-op", "roi-size", "regions", "region-positive-fraction", "head-beta",
                  "foreground-iou", "background-iou", "score-threshold", "nms", "max-detections", "seed", "box-head",
                  "delta-scales", "delta-means"))
STAGE_PRECISIONS = ("float32", "bfloat16")  # float16 is of image trainers alone
FOLDERS = ("step1_rpn", "step2_rcnn", "prep", "run")


@dataclasses.dataclass(frozen=True)
class Step:
    """One process: command and flags, and the files that are there when it is finished."""

    command: list[str]
    makes: tuple[Path, ...]
    alone: bool = False  # several workers: the chief does it by itself
    leaves_none: tuple[Path, ...] = ()  # what only a resume needs, removed at the end

    @property
    def done(self) -> bool:
        return all(path.exists() for path in self.makes) and not any(path.exists() for path in self.leaves_none)


def build_parser():
    """Flags of this command."""
    parser = cli.parser("alternate", __doc__, EXAMPLES)
    image_training.add_arguments(parser, "folder for all steps; OUT/run is the run")
    flags.add_arguments(parser, AlternateConfig)
    return parser


def main(args) -> int:
    """Runs the steps that are not finished yet."""
    out, config = Path(args.out), flags.from_args(AlternateConfig, args)
    if config.joint.network.depth > 1:
        raise InputError(f"--rpn-depth {config.joint.network.depth}: step 3 trains the RPN on 3x3 tiles, which is what "
                         f"one 3x3 convolution sees; leave it out, or train with {command('joint')}")
    data, val = source_arguments(args), validation_arguments(args)
    worker = worker_of(args.strategy)
    if args.fresh and args.strategy == "multiworker":
        raise InputError(f"--fresh: several workers cannot agree on when {out} is empty; remove it before they start")
    with contextlib.ExitStack() as held:
        if not worker:
            require_place(out, "--out")
            held.enter_context(alone(out))
        begin(out, AlternateRequest(config, tuple(data), val and tuple(val)), args.fresh, chief=worker == 0)
        return go_on(out, steps(out, config, data, val, args.strategy, args.device), worker)


def go_on(out: Path, all_steps: list[Step], worker: int) -> int:
    """Runs the steps that are not finished; the exit code."""
    for step in all_steps:
        if step.done:
            say(f"alternate: finished already: {', '.join(map(str, step.makes))}")
        elif step.alone and worker:
            say(f"alternate: left to the chief: {step.command[0]}")  # the next step waits for it
        else:
            code = run_stage(step.command)
            if code:
                return code
            if worker and not step.done:
                raise InputError(f"{out}: worker {worker} does not see what the chief wrote ({step.makes[0]}); give an "
                                 "--out on a disk that all workers share")
    say(f"alternate: {out / 'run'} is finished")
    cli.say_next(*cli.with_detector(out / "run"))
    return 0


def worker_of(strategy: str) -> int:
    """This process's number among several workers; 0, the chief's, where there is one process."""
    if strategy != "multiworker":
        return 0
    from frcnn_keras.training.distribution import place  # starts TensorFlow, which --help does without

    return place(os.environ.get("TF_CONFIG", ""))[0]


@dataclasses.dataclass(frozen=True)
class AlternateRequest:
    """What OUT/alternate.json says."""

    config: AlternateConfig
    data: tuple[str, ...]  # the flags of the data set
    val: tuple[str, ...] | None


def begin(out: Path, request: AlternateRequest, fresh: bool, chief: bool = True) -> None:
    """Writes OUT/alternate.json (the chief does); InputError where a step was begun with another config, which is
    named, or where OUT is somebody else's folder."""
    path = out / "alternate.json"
    if not is_mark(path, ("format", *always_stored(AlternateRequest))):
        if fresh and not is_empty(out):
            raise InputError(f"{out}: is not empty and no folder of this command, so --fresh removes nothing there; "
                             "give another --out")
        if os.path.lexists(path):
            raise InputError(f"{path}: is there already, and nothing says that this package wrote it; move it, or give "
                             "another --out")
    if fresh:
        for name in FOLDERS:
            discard_step(out / name)
    requests.begin(path, request, not fresh and any((out / name).exists() for name in FOLDERS), "--out", write=chief)


def discard_step(folder: Path) -> None:
    """Removes what a step wrote; what others put there stays."""
    from frcnn_keras.data.prepared import LAYOUT as PREP_LAYOUT
    from frcnn_keras.runs.marks import LAYOUT as RUN_LAYOUT

    if folder.name == "prep":
        for name in ("train", "val"):
            discard(folder / f"{name}.partial", PREP_LAYOUT)
            discard(folder / name, PREP_LAYOUT)
    else:
        discard(folder, RUN_LAYOUT)
    with contextlib.suppress(OSError):  # a user's file is in it
        folder.rmdir()


def steps(out: Path, config: AlternateConfig, data: list[str], val: list[str] | None,
          strategy: str = "none", device: str | None = None) -> list[Step]:
    """The processes, in order."""
    joint, step1, step2, run = config.joint, out / "step1_rpn", out / "step2_rcnn", out / "run"
    train, test = out / "prep" / "train", out / "prep" / "val"
    on = [] if device is None else ["--device", device]
    devices = on if strategy == "none" else [*on, "--strategy", strategy]
    patience = flags.to_arguments(joint, frozenset(("patience",)))  # of step 4, which alone measures AP
    common = ["joint", *data, *(flag for flag in flags.to_arguments(joint) if flag not in patience), *devices]
    chosen = joint.training.fit.precision
    precision = [f"--precision={chosen}"] if chosen in STAGE_PRECISIONS else []
    folders = ["--data", str(train), *(["--val", str(test)] if val else []), "--run", str(run),
               f"--epochs={config.stage_epochs}", *precision, *devices]
    prepare = [Step(["prep", *data, "--backbone", str(step2), "--neck-channels=0", f"--draws={config.stage_epochs}",
                     *flags.to_arguments(joint, PREP), *on, "--out", str(train)], (train / "config.json",), alone=True)]
    if val:
        prepare.append(Step(["prep", *val, "--eval-only", "--like", str(train), *on, "--out", str(test)],
                            (test / "config.json",), alone=True))
    proposals = [run / "proposals" / name / "manifest.json" for name in (["train", "val"] if val else ["train"])]
    return [
        Step([*common, "--losses", "rpn", "--out", str(step1)],
             (step1 / "detector.keras", step1 / "joint_metrics.json"), leaves_none=_resumed(step1, "joint")),
        Step([*common, "--losses", "rcnn", "--proposals", str(step1), "--out", str(step2)],
             (step2 / "detector.keras", step2 / "joint_metrics.json"), leaves_none=_resumed(step2, "joint")),
        *prepare,
        Step(["train-rpn", *folders, *flags.to_arguments(joint, RPN)], (run / "rpn_metrics.json", *proposals),
             leaves_none=_resumed(run, "rpn")),
        Step(["train-rcnn", *folders, "--head-weights", str(step2), *flags.to_arguments(joint, RCNN), *patience],
             (run / "detector.keras", run / "rcnn_metrics.json"), leaves_none=_resumed(run, "rcnn")),
    ]


def _resumed(run: Path, stage: str) -> tuple[Path, ...]:
    return run / f"{stage}_state.npz", run / f"{stage}_best.weights.h5"


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
