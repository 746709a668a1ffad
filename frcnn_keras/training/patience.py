"""When a training has measured its best epoch and may stop."""

import math
from collections.abc import Sequence


def best_epoch(precisions: Sequence[float]) -> int:
    """The number, from 1, of the first epoch whose AP none has passed; NaN is below every other value.

    precisions: AP of every epoch, one at least.
    """
    known = [-math.inf if math.isnan(value) else value for value in precisions]
    return known.index(max(known)) + 1


def is_patience_spent(precisions: Sequence[float], patience: int) -> bool:
    """Whether AP has not risen for `patience` epochs; 0: patience has no end."""
    return 0 < patience <= len(precisions) - best_epoch(precisions) if precisions else False
