"""All targets, in the order of a run, and how many inputs each gets."""

from collections.abc import Iterator

from tests.fuzz import loader_targets, reader_targets
from tests.fuzz.target import Target

ROOMS = (reader_targets.readers, reader_targets.pictures, loader_targets.weights, loader_targets.settings,
         loader_targets.folders, loader_targets.keras_files)


def all_targets() -> Iterator[Target]:
    """Every target; each is made when it is asked for."""
    for room in ROOMS:
        yield from room()


def divided(targets: list[Target], inputs: int) -> dict[str, int]:
    """How many of the inputs each target gets: its share, and where it is slow no more than it takes."""
    slow = {target.name: min(target.most, max(1, inputs // 50)) for target in targets if target.most}
    shares = {target.name: target.share for target in targets if not target.most}
    left, total = max(0, inputs - sum(slow.values())), sum(shares.values())
    return {name: max(1, round(left * share / total)) for name, share in shares.items()} | slow
