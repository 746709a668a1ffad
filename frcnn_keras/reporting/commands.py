"""The commands that made a run, as far as its folder tells, and those that go on from it."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.errors import command
from frcnn_keras.reporting.facts import Facts
from frcnn_keras.runs.thresholds import BEST
from frcnn_keras.runs.thresholds import NAME as THRESHOLDS


def commands_of(facts: Facts, written_by: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(what it does, the command). written_by: flags that the page was written with, beside --run."""
    run = ["--run", str(facts.run)]
    stages = [name for name in facts.settings if name != "train"]
    made: list[tuple[str, list[str]]] = []
    if facts.crossval:
        made.append(("made it", ["crossval", "--data", str(facts.crossval.get("data", "PREP")), *run,
                                 "--folds", str(len(facts.crossval["folds"]))]))
    elif "train" in facts.settings:
        data = next((words[1] for words in facts.flags.values() if len(words) > 1), "DATA")
        made.append(("made it", ["train", data, "--out", str(facts.run)]))
    else:
        made += [("made it", [name, "--data", "PREP", *run]) for name in stages if name.startswith("train-")]
    flags = facts.flags.get(facts.scored_on)
    stored = ["--score-threshold", BEST] if (Path(facts.run) / THRESHOLDS).is_file() else []
    if facts.crossval:
        made.append(("finds the labels that are probably wrong",
                     ["audit", *run, "--images", "FOLDER", "--out", "audit"]))
        made.append(("chooses score thresholds for a detector that was trained on all of the images",
                     ["thresholds", *run, "--for", "OTHER_RUN"]))
    else:
        made.append(("scores it", ["evaluate", *run, *(flags or ["--voc", "DIR", "--split", "test"]), "--interval"]))
        if not stored:
            made.append(("chooses score thresholds", ["thresholds", *run]))
        made.append(("finds objects in other images",
                     ["predict", *run, "--images", "FOLDER", "--out", "drawn", *stored]))
    made.append(("writes this page", ["report", *run, *written_by]))
    return [(what, f"{command(name)} {shlex.join(rest)}") for what, (name, *rest) in made]
