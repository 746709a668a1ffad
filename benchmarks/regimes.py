"""Training regimes side by side, by their commands: what each costs, and the AP it reaches.

    python -m benchmarks.regimes --voc DIR --backbone-weights FILE [--only stages --only finetune3] [--seeds 0,1,2]

Trains on --split without looking at any other image, so the last epoch counts; then scores --test-split once. Every
command is a process of its own, as a user runs it, start-up included; scoring is not counted. Peak memory is the
largest of a regime's processes. Run one at a time on a quiet machine. --out keeps the folders and goes on with them.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.arguments import training_parser

REGIMES = ("stages", "finetune1", "finetune3", "finetune6", "joint", "alternate")


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
    backbone = ["--backbone", args.backbone, "--backbone-weights", args.backbone_weights, "--seed", seed]
    stages = ["--data", folder / "prep", "--run", folder / "run", "--seed", seed]
    if regime == "stages":
        return [["-m", "data_prep", *source, *backbone, "--out", folder / "prep"], ["-m", "train_rpn", *stages],
                ["-m", "train_rcnn", *stages]], folder / "run"
    if regime.startswith("finetune"):
        out = folder / regime
        return [["-m", "frcnn_keras", "finetune", "--run", folder / "run", *source, "--seed", seed, "--epochs",
                 regime.removeprefix("finetune"), "--out", out, *args.finetune_flags.split()]], out
    if regime == "joint":
        return [["-m", "frcnn_keras", "joint", *source, *backbone, "--out", folder / "joint",
                 *args.joint_flags.split()]], folder / "joint"
    return [["-m", "frcnn_keras", "alternate", *source, *backbone, "--out", folder / "alternate",
             *args.alternate_flags.split()]], folder / "alternate" / "run"


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
    parser.add_argument("--only", action="append", choices=REGIMES, help="this regime alone, may be repeated")
    parser.add_argument("--out", metavar="DIR", help="keep everything here (default: a folder that goes)")
    for regime in ("finetune", "joint", "alternate"):
        parser.add_argument(f"--{regime}-flags", default="", metavar="FLAGS", help=f"more flags for {regime}")
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
