"""The records that describe a detector: every number that prediction needs beside its weights, and their JSON.

They stand in detector.keras and in the manifests, and are checked where they are made. `settings.options` turns them
into JSON and back.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from frcnn_keras.errors import InputError
from frcnn_keras.ops.images import NORMALISATIONS, resized_size
from frcnn_keras.ops.pyramid import STRIDE_RULES, level_anchors
from frcnn_keras.settings import options
from frcnn_keras.settings.detector import LevelAnchorConfig, ProposalConfig


class Keywords:
    """Mixed into a record whose fields are the keywords of a function of `ops`."""

    def keywords(self) -> dict:
        """The fields by name."""
        record: Any = self
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(record)}


def _require(holds: bool, what: str, received: object) -> None:
    """ValueError unless it holds."""
    if not holds:
        raise ValueError(f"{what}. Received: {received}")


@dataclasses.dataclass(frozen=True)
class Geometry(Keywords):
    """Where the anchors and the cells of each feature level lie; keywords of ops.pyramid.level_anchors.

    Levels are in order from the finest; a backbone of one level has tuples of one.
    """

    strides: tuple[float, ...]  # pixels of the resized image from cell to cell
    offsets: tuple[float, ...]  # image coordinate of the centre of cell 0's receptive field
    anchor_sizes: tuple[tuple[float, ...], ...]  # of each level: roots of the anchors' areas, pixels
    anchor_ratios: tuple[float, ...]  # height / width
    anchor_rounded: bool = False  # see ops.anchors.base_anchors
    stride_rule: str = "given"  # see ops.pyramid.level_strides

    def __post_init__(self) -> None:
        counts = {len(self.strides), len(self.offsets), len(self.anchor_sizes)}
        _require(len(counts) == 1 and 0 not in counts, "strides, offsets and anchor_sizes must be one a level", self)
        _require(all(0 < stride < math.inf for stride in self.strides), "strides must be positive", self.strides)
        _require(all(map(math.isfinite, self.offsets)), "offsets must be finite", self.offsets)
        each = {len(sizes) for sizes in self.anchor_sizes}
        _require(len(each) == 1 and 0 not in each, "each level must have as many anchor sizes", self.anchor_sizes)
        numbers = [*self.anchor_ratios, *(size for sizes in self.anchor_sizes for size in sizes)]
        _require(bool(self.anchor_ratios) and all(0 < number < math.inf for number in numbers),
                 "anchor sizes and ratios must be positive", numbers)
        _require(self.stride_rule in STRIDE_RULES, f"stride_rule must be one of {', '.join(STRIDE_RULES)}",
                 self.stride_rule)

    @classmethod
    def of(cls, strides: Sequence[float], offsets: Sequence[float], anchors: LevelAnchorConfig,
           stride_rule: str = "given") -> "Geometry":
        """That of levels and of the anchors' settings: one level takes all sizes, several take one each (FPN's rule,
        arXiv 1612.03144, section 4.1) or all.

        Raises:
            InputError: a pyramid with neither one anchor size a level nor all on every level.
        """
        sizes, levels = tuple(anchors.sizes), len(strides)
        if levels == 1 or anchors.every_level:
            spread = (sizes,) * levels
        elif len(sizes) == levels:
            spread = tuple((size,) for size in sizes)
        else:
            raise InputError(f"--anchor-sizes has {len(sizes)} sizes for {levels} levels; give one a level, or "
                             "--anchors-on-every-level")
        return cls(tuple(strides), tuple(offsets), spread, tuple(anchors.ratios), anchors.rounded, stride_rule)

    @property
    def levels(self) -> int:
        return len(self.strides)

    @property
    def anchors_per_position(self) -> int:
        """K, the same on every level."""
        return len(self.anchor_sizes[0]) * len(self.anchor_ratios)

    def anchors(self, shapes: Sequence) -> tuple:
        """Anchors of a padded image whose maps have these shapes, (rows, columns) a level: tuple over levels of
        (rows * columns * K, 4), order y, x, k."""
        return level_anchors(shapes, **self.keywords())


@dataclasses.dataclass(frozen=True)
class Preparing:
    """From an image to what the extractor takes."""

    shorter: int  # the shorter side is resized to this many pixels ...
    longer: int  # ... unless the longer side would pass this many
    preprocessing: str  # one of ops.images.NORMALISATIONS
    pad_multiple: int  # sides are padded with zeros to a multiple of this
    fused_resize: bool = False  # see ops.images.resize_fused

    def __post_init__(self) -> None:
        sides = (self.shorter, self.longer, self.pad_multiple)
        _require(all(side >= 1 for side in sides), "shorter, longer and pad_multiple must be at least 1", sides)
        _require(self.preprocessing in NORMALISATIONS, f"preprocessing must be one of {', '.join(NORMALISATIONS)}",
                 self.preprocessing)

    def size(self, height: Any, width: Any) -> tuple:
        """(height, width) of the resized image; ints or integer tensors, see ops.images.resized_size."""
        return resized_size(height, width, self.shorter, self.longer)


@dataclasses.dataclass(frozen=True)
class Proposing(Keywords):
    """Which anchors become proposals; keywords of ops.proposals.propose."""

    before: int
    after: int
    iou_threshold: float = 0.7
    min_size: float = 1e-3
    score_threshold: float = 0.0

    def __post_init__(self) -> None:
        counts = (self.before, self.after)
        _require(min(counts) >= 1, "before and after must be at least 1", counts)
        _require(0 <= self.iou_threshold <= 1, "iou_threshold must be 0 to 1", self.iou_threshold)
        _require(0 <= self.min_size < math.inf, "min_size must be 0 or more", self.min_size)
        _require(0 <= self.score_threshold <= 1, "score_threshold must be 0 to 1", self.score_threshold)

    @classmethod
    def of(cls, proposals: ProposalConfig) -> "Proposing":
        """That of settled settings (settings.detector.settled)."""
        return cls(proposals.before, proposals.after, proposals.nms, proposals.min_size)


@dataclasses.dataclass(frozen=True)
class LevelPooling:
    """Which levels regions are pooled from, as the features demand it."""

    levels: int | None = None  # how many, from the finest; None: all
    min_cells: float = 0.0  # see ops.roi.align_regions

    def __post_init__(self) -> None:
        _require(self.levels is None or self.levels >= 1, "levels must be at least 1", self.levels)
        _require(0 <= self.min_cells < math.inf, "min_cells must be 0 or more", self.min_cells)


@dataclasses.dataclass(frozen=True)
class Pooling(LevelPooling, Keywords):
    """How regions are pooled; keywords of ops.pyramid.pool_regions."""

    op: str = "align"  # or `pool`
    size: int = 7  # cells a side, S

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.op in ("align", "pool"), "op must be align or pool", self.op)
        _require(self.size >= 1, "size must be at least 1", self.size)


@dataclasses.dataclass(frozen=True)
class Detecting(Keywords):
    """Which refined regions become detections; keywords of ops.postprocessing.detect."""

    score_threshold: float = 0.05
    iou_threshold: float = 0.5
    limit: int = 100
    min_size: float = 1e-2
    classes: tuple[int, ...] | None = None  # labels that are wanted; None: all
    # units of the head's dx, dy, dw, dh, in training too (arXiv 1504.08083: targets of unit variance)
    scales: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)

    def __post_init__(self) -> None:
        _require(self.limit >= 1, "limit must be at least 1", self.limit)
        _require(0 <= self.iou_threshold <= 1, "iou_threshold must be 0 to 1", self.iou_threshold)
        _require(0 <= self.score_threshold <= 1, "score_threshold must be 0 to 1", self.score_threshold)
        _require(0 <= self.min_size < math.inf, "min_size must be 0 or more", self.min_size)
        _require(len(self.scales) == 4 and min(self.scales) > 0, "scales must be four positive numbers", self.scales)

    def changed(self, score_threshold: float | None, nms: float | None, limit: int | None) -> "Detecting":
        """With what users may choose in place of its own; None leaves a number as it is.

        Raises:
            InputError: a number that makes no sense; names its flag.
        """
        changed, own = self, self.keywords()
        chosen = (("--score-threshold", "score_threshold", score_threshold), ("--nms", "iou_threshold", nms),
                  ("--max-detections", "limit", limit))
        for flag, name, value in chosen:
            own[name] = own[name] if value is None else value
            try:
                changed = Detecting(**own)
            except ValueError as error:
                raise InputError(f"{flag}{str(error).removeprefix(name)}") from error
        return changed


@dataclasses.dataclass(frozen=True)
class DetectorSettings:
    """All of them: what detector.keras holds beside the networks."""

    geometry: Geometry
    preparing: Preparing
    proposing: Proposing
    pooling: Pooling
    detecting: Detecting

    def to_dict(self) -> dict:
        """Plain dicts and lists, as JSON holds them."""
        return options.to_dict(self)
