"""The long run: every reader and loader, in a process that is started again behind an input that ends it.

    python -m tests.fuzz --inputs 100000
    python -m tests.fuzz --only "voc xml" --first 812 --inputs 1     # one input again
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from tests.fuzz.running import Failure, run
from tests.fuzz.targets import all_targets, divided

SHOWN = 3  # failures of a kind that are printed


def build_parser() -> argparse.ArgumentParser:
    """Its flags."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100000, metavar="N", help="over all targets (default 100000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", metavar="TARGET", help="these targets alone; each gets its share")
    parser.add_argument("--first", type=int, default=0, metavar="K", help="number of each target's first input")
    parser.add_argument("--keep", default="work/fuzz", metavar="DIR", help="where inputs that failed are kept")
    parser.add_argument("--place", help=argparse.SUPPRESS)  # of the process that works: the folder it works in
    return parser


def main(argv: list[str] | None = None) -> int:
    """1 where any input did what it must not."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser().parse_args(argv)
    if args.place:
        return work(args)
    begun, shared = time.monotonic(), Path("/dev/shm")
    counts: dict[str, int] = {}
    failures: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as place:
        position, last = Path(place, "position"), ""
        while supervise([*argv, "--place", place], counts, failures):
            here = position.read_text(encoding="utf-8") if position.exists() else ""
            print(Path(place, "errors").read_text(encoding="utf-8", errors="replace")[-2000:])
            if here == last:  # it ended without reading anything: what is fuzzed is at fault, or this program
                return 2
            target, number = here.split("\t")
            tell(failures, target, int(number), "the process ended", "the process ended")
            last = here
    failed = sum(sum(kinds.values()) for kinds in failures.values())
    for target, kinds in failures.items():
        print(f"{target}: {sum(kinds.values())} failures of {len(kinds)} kinds")
    done = sum(counts.values())
    print(f"{done} inputs of {len(counts)} targets, {failed} failures, {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def supervise(argv: list[str], counts: dict[str, int], failures: dict[str, Counter[str]]) -> int:
    """Starts a process that works, tells what it finds, and returns its exit code."""
    with open(Path(argv[-1], "errors"), "wb") as errors, subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz", *argv], stdout=subprocess.PIPE, text=True, stderr=errors) as process:
        for line in process.stdout or ():
            found = json.loads(line)
            if "kind" in found:
                tell(failures, found["target"], found["number"], found["why"], found["kind"])
            else:
                counts[found["target"]] = counts.get(found["target"], 0) + found["done"]
                print(f"{found['target']}: {found['done']} inputs, slowest {found['slowest']:.2f} s, "
                      f"{found['rate']:.0f}/s", flush=True)
    return process.returncode


def tell(failures: dict[str, Counter[str]], target: str, number: int, why: str, kind: str) -> None:
    """Counts a failure; prints the first ones of its kind."""
    failures[target][kind] += 1
    if failures[target][kind] <= SHOWN:
        print(f"FAILED {target} {number}: {why}", flush=True)


def work(args: argparse.Namespace) -> int:
    """The inputs from where the process before ended on, told as lines of JSON."""
    place, keep = Path(args.place), Path(args.keep)
    position = place / "position"
    after = position.read_text(encoding="utf-8").split("\t") if position.exists() else None
    targets = [target for target in all_targets() if not args.only or target.name in args.only]
    counts = divided(targets, args.inputs)
    names = [target.name for target in targets]
    for target in targets[names.index(after[0]) if after else 0:]:
        first = args.first
        if after and target.name == after[0]:
            first = int(after[1]) + 1
        numbers, slowest, begun = range(first, args.first + counts[target.name]), 0.0, time.monotonic()
        for number, seconds, failure in run(target, place / "files", args.seed, numbers, position):
            slowest = max(slowest, seconds)
            if failure:
                store(keep, failure)
                print(json.dumps({"target": target.name, "number": number, "why": failure.why, "kind": failure.kind}),
                      flush=True)
        print(json.dumps({"target": target.name, "done": len(numbers), "slowest": slowest,
                          "rate": len(numbers) / max(time.monotonic() - begun, 1e-9)}), flush=True)
    return 0


def store(keep: Path, failure: Failure) -> None:
    """Keeps an input and what it did."""
    folder = keep / failure.target.replace(" ", "_")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{failure.number}").write_bytes(failure.data)
    (folder / f"{failure.number}.txt").write_text(str(failure), encoding="utf-8", errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
