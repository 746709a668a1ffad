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
        """Which stage loses how many, as far as that can be told: a box far off may be moved onto its object yet, so
        what no proposal reaches is the most that the first stage loses. "" where proposals are not known."""
        objects, lost = self.size.objects, self.size.objects - self.size.found
        if math.isnan(self.proposals[0]) or not objects:
            return ""
        if not lost:
            return f"{self.size.name}: " + (f"all {objects} are found" if objects > 1 else "the one is found")
        unproposed = round((1 - self.proposals[0]) * objects)
        first = min(lost, unproposed)
        reach = (f"No proposal reaches {unproposed} of the {objects}, so the first stage loses {first} at most, and "
                 f"the second {lost - first} at least" if unproposed else
                 "Proposals reach them all, so the second stage loses them")
        return f"{self.size.name}: {lost} of {objects} are not found. {reach}"


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


def recall_table(recall: dict[str, float]) -> dict[str, Any]:
    """Of "recall@COUNT/OVERLAP": {"overlaps": ["0.5", ...], "rows": [(count of proposals, share for each overlap)]}.
    """
    parts = {name: tuple(name.removeprefix("recall@").split("/")) for name in recall}
    overlaps = list(dict.fromkeys(part[1] for part in parts.values() if len(part) == 2))
    counts = list(dict.fromkeys(part[0] for part in parts.values() if len(part) == 2))
    return {"overlaps": overlaps, "rows": [
        (count, [recall.get(f"recall@{count}/{overlap}", math.nan) for overlap in overlaps]) for count in counts]}
