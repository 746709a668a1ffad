"""Training regimes side by side, by their commands: what each costs, and the AP it reaches.

    python -m benchmarks.regimes --voc DIR --backbone-weights FILE [--only stages --only joint12] [--seeds 0,1,2]

A regime is `stages`, or finetune (after the stages), joint or alternate with a number of epochs, and a precision if
wanted: finetune3, joint12, finetune3-float32.

Trains on --split without looking at any other image, so the last epoch counts; then scores --test-split once. Every
command is a process of its own, as a user runs it, start-up included; scoring is not counted. Peak memory is the
largest of a regime's processes. Run one at a time on a quiet machine. --out keeps the folders and goes on with them.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.arguments import training_parser

REGIMES = ("stages", "finetune1", "finetune3", "finetune6", "joint6", "alternate3")
PATTERN = re.compile("(finetune|joint|alternate)([1-9][0-9]*)(?:-(float32|bfloat16))?")


def regime_name(text: str) -> str:
    """A regime's name, checked; argparse turns the error into its own."""
    if text != "stages" and not PATTERN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"no regime: {text!r}; stages, finetune3, joint12, alternate3, or with a "
                                         "precision: finetune3-float32")
    return text


def run(log: Path, *command) -> dict:
    """Runs a command; its seconds and its peak memory in MB (of the largest process under it)."""
    begun = time.perf_counter()
    with open(log, "ab") as file:
        child = subprocess.Popen([sys.executable, *map(str, command)], stdout=file, stderr=file)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{log.read_text(errors='replace')[-2000:]}")
    return {"seconds": time.perf_counter() - begun, "megabytes": usage.ru_maxrss / 1024}


def commands(args, regime: str, folder: Path, seed: int) -> tuple[list[list], Path]:
    """A regime's commands behind those of the regime it goes on from, and the run folder it ends in."""
    source = ["--voc", args.voc, "--split", args.split]
    backbone = ["--backbone", args.backbone, "--backbone-weights", args.backbone_weights]
    stages = ["--data", folder / "prep", "--run", folder / "run", "--seed", seed]
    if regime == "stages":
        return [["-m", "data_prep", *source, *backbone, "--seed", seed, "--out", folder / "prep"],
                ["-m", "train_rpn", *stages], ["-m", "train_rcnn", *stages]], folder / "run"
    kind, epochs, precision = PATTERN.fullmatch(regime).groups()
    flags = [*source, "--seed", seed, "--epochs", epochs, "--out", folder / regime,
             *(["--precision", precision] if precision else []), *getattr(args, f"{kind}_flags").split()]
    start = ["--run", folder / "run"] if kind == "finetune" else backbone
    out = folder / regime / "run" if kind == "alternate" else folder / regime
    return [["-m", "frcnn_keras", kind, *start, *flags]], out


def regime_result(args, regime: str, folder: Path, seed: int) -> dict:
    """What a regime cost and reached; kept beside its run, and read from there when it is asked again."""
    kept = folder / f"{regime}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    todo, out = commands(args, regime, folder, seed)
    before = {"seconds": 0.0, "megabytes": 0.0}
    if regime.startswith("finetune"):
        before = regime_result(args, "stages", folder, seed)
    costs = [run(folder / "log.txt", *command) for command in todo]
    run(folder / "log.txt", "-m", "frcnn_keras", "evaluate", "--run", out, "--voc", args.voc, "--split",
        args.test_split)
    metrics = json.loads((out / "evaluation" / "metrics.json").read_text())
    found = {"regime": regime, "seed": seed, "AP": metrics["coco"]["AP"], "AP50": metrics["coco"]["AP50"],
             "AP75": metrics["coco"]["AP75"],
             "classes": {name: [values["AP"], values["AP50"]] for name, values in metrics["per_class"].items()},
             "seconds": before["seconds"] + sum(cost["seconds"] for cost in costs),
             "megabytes": max(before["megabytes"], *(cost["megabytes"] for cost in costs))}
    kept.write_text(json.dumps(found) + "\n")
    return found


def line(found: dict) -> str:
    """One row of the table."""
    classes = ", ".join(f"{name} {ap:.3f} / {ap50:.3f}" for name, (ap, ap50) in found["classes"].items())
    return (f"| {found['regime']} | {found['seed']} | {found['AP']:.3f} | {found['AP50']:.3f} | {found['AP75']:.3f} | "
            f"{classes} | {found['seconds']:.0f} s | {found['megabytes']:.0f} MB |")


def main(argv=None) -> None:
    """Measures and prints a row for every regime and seed."""
    parser = training_parser("regimes", __doc__)
    parser.add_argument("--only", action="append", type=regime_name, metavar="REGIME",
                        help=f"this regime alone, may be repeated (default {', '.join(REGIMES)})")
    parser.add_argument("--out", metavar="DIR", help="keep everything here (default: a folder that goes)")
    for kind in ("finetune", "joint", "alternate"):
        parser.add_argument(f"--{kind}-flags", default="", metavar="FLAGS", help=f"more flags for {kind}")
    args = parser.parse_args(argv)
    print("| regime | seed | AP | AP50 | AP75 | AP / AP50 of each class | wall-clock | peak memory |\n"
          "|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        for seed in map(int, args.seeds.split(",")):
            folder = Path(args.out or temporary) / f"seed{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            for regime in args.only or REGIMES:
                print(line(regime_result(args, regime, folder, seed)), flush=True)


if __name__ == "__main__":
    main()
