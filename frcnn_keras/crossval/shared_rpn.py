"""A fold's RPN for another training on the same images: linked, not trained again."""

from pathlib import Path

from frcnn_keras.errors import InputError, command
from frcnn_keras.runs.proposer_parts import link

_FIRST, _LAST = "rpn.json", "rpn_metrics.json"  # what says that the folder is a run, and that its RPN is finished
_NAMES = ("rpn_log.csv", "rpn_curves.png", "proposer.json", "extractor.keras", "rpn.weights.h5")
_PROPOSALS = Path("proposals", "train")


def take_rpn(source: Path, target: Path) -> None:
    """Gives the run folder `target` the RPN and the proposals of `source`, as links where the disk has such; does
    nothing where it has them."""
    if (target / _LAST).exists():
        return
    if not (source / _LAST).exists():
        raise InputError(f"{source}: holds no finished RPN; run the same {command('crossval')} again with --fresh")
    (target / _PROPOSALS).mkdir(parents=True, exist_ok=True)
    names = [name for name in _NAMES if (source / name).exists()]
    shards = sorted(path.name for path in (source / _PROPOSALS).iterdir() if not path.name.startswith("."))
    for name in (_FIRST, *(str(_PROPOSALS / name) for name in shards), *names, _LAST):
        link(source / name, target / name)
