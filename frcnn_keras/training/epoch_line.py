"""What an epoch's numbers look like in one line."""

from collections.abc import Mapping

from frcnn_keras.progress import clock

SHOWN = "recall@300"  # of the recalls: as many proposals as prediction keeps


def epoch_line(title: str, epoch: int, epochs: int, numbers: Mapping[str, float], seconds: float) -> str:
    """`rpn 2/4: objectness 0.052  box 0.031  recall@300 0.991/0.874 (.5/.7)  0:12`.

    title: of the stage. epoch: from 1. numbers: of the epoch, by their names in the log; the losses' sum and the other
    counts of proposals stand there alone. seconds: that it took, its measuring included.
    """
    losses = [f"{name.removesuffix('_loss').replace('proposal_box', 'proposals')} {value:.3f}"
              for name, value in numbers.items() if name.endswith("_loss")]
    reached = {name.partition("/")[2].lstrip("0"): f"{value:.3f}"
               for name, value in numbers.items() if name.startswith(f"{SHOWN}/")}
    recall = [f"{SHOWN} {'/'.join(reached.values())} ({'/'.join(reached)})"] if reached else []
    precision = [f"{name} {numbers[name]:.3f}" for name in ("AP", "AP50") if name in numbers]
    return f"{title} {epoch}/{epochs}: " + "  ".join([*losses, *recall, *precision, clock(seconds)])
