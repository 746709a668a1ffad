"""Which stage loses the objects of each size: what anchors reach, what proposals reach, what the head finds."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from frcnn_keras.reporting.analysis import SizeRange
from frcnn_keras.reporting.facts import Facts

PROPOSALS = 300
_KEYS = tuple(f"recall@{PROPOSALS}/{overlap}" for overlap in (0.5, 0.7))


@dataclasses.dataclass(frozen=True)
class Size:
    """A line of the table."""

    size: SizeRange
    anchors: tuple[float, float]  # the share of objects that an anchor overlaps by .5, by .7; NaN where not known
    proposals: tuple[float, float]  # likewise one of the first PROPOSALS proposals
    AP: float
    AR: float

    @property
    def words(self) -> str:
        """Of a hundred objects: how many each stage loses; "" where that is not known."""
        proposed, objects = self.proposals[0], self.size.objects
        if math.isnan(proposed) or not objects:
            return ""
        head = max(0.0, proposed - self.size.found / objects)
        return (f"{self.size.name}: of 100 objects {_count(1 - proposed)} get no proposal, which is the first stage's "
                f"loss{self._anchors()}; {_count(head)} get one and are still not found, which is the second stage's")

    def _anchors(self) -> str:
        """Training moves anchors onto objects: what an anchor does not reach, a proposal may."""
        fits = self.anchors[0]
        return "" if math.isnan(fits) else f" (no anchor fits {_count(1 - fits)})"


def _count(share: float) -> str:
    return f"{100 * share:.1f}" if 0 < share < 0.0995 else f"{100 * share:.0f}"


def sizes_of(facts: Facts, sizes: Sequence[SizeRange], reached: dict[str, Sequence[float]]) -> list[Size]:
    """reached: see reach.reach; empty where no record of the anchors is."""
    rows = []
    for one in sizes:
        recall: dict[str, Any] = facts.recall_by_size.get(one.name, {})
        anchors = tuple(reached.get(one.name, (math.nan, math.nan)))
        rows.append(Size(one, (anchors[0], anchors[1]), (recall.get(_KEYS[0], math.nan), recall.get(_KEYS[1],
                         math.nan)), facts.metrics["coco"].get(f"AP_{one.name}", math.nan),
                         facts.metrics["coco"].get(f"AR_{one.name}", math.nan)))
    return rows
