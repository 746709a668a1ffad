"""The records that describe a detector: every number that prediction needs beside its weights, and their JSON.

They stand in detector.keras and in the manifests, and are checked where they are made. `settings.options` turns them
into JSON and back.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from frcnn_keras.errors import InputError
from frcnn_keras.ops.images import NORMALISATIONS, resized_size
from frcnn_keras.ops.pyramid import STRIDE_RULES, level_anchors
from frcnn_keras.settings import options
from frcnn_keras.settings.detector import (
    AnchorConfig,
    DetectionConfig,
    HeadConfig,
    ImageConfig,
    LevelAnchorConfig,
    ProposalConfig,
)
from frcnn_keras.settings.ranges import SIDE, Range, range_of

LEVELS = range(1, 17)


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


def _within(name: str, value: object, allowed: Range, kind: type = float) -> None:
    """ValueError unless a number, or each of a tuple, is in range."""
    line = allowed.fault(value, kind)
    if line:
        raise ValueError(f"{name} {line}")


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
        _within("strides", self.strides, Range(above=0, most=SIDE, counts=LEVELS))
        _within("offsets", self.offsets, Range(least=-SIDE, most=SIDE, counts=LEVELS))
        each = {len(sizes) for sizes in self.anchor_sizes}
        _require(len(each) == 1 and 0 not in each, "each level must have as many anchor sizes", self.anchor_sizes)
        for sizes in self.anchor_sizes:
            _within("anchor_sizes of a level", sizes, range_of(AnchorConfig, "sizes"))
        _within("anchor_ratios", self.anchor_ratios, range_of(AnchorConfig, "ratios"))
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
        for name in ("shorter", "longer", "pad_multiple"):
            _within(name, getattr(self, name), range_of(ImageConfig, "longer"), int)
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
        _within("before", self.before, dataclasses.replace(range_of(ProposalConfig, "before"), least=1), int)
        _within("after", self.after, range_of(ProposalConfig, "after"), int)
        _within("iou_threshold", self.iou_threshold, range_of(ProposalConfig, "nms"))
        _within("min_size", self.min_size, range_of(ProposalConfig, "min_size"))
        _within("score_threshold", self.score_threshold, range_of(DetectionConfig, "score_threshold"))

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
        if self.levels is not None:
            _within("levels", self.levels, Range(least=LEVELS[0], most=LEVELS[-1]), int)
        _within("min_cells", self.min_cells, Range(least=0, most=SIDE))


@dataclasses.dataclass(frozen=True)
class Pooling(LevelPooling, Keywords):
    """How regions are pooled; keywords of ops.pyramid.pool_regions."""

    op: str = "align"  # or `pool`
    size: int = 7  # cells a side, S

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.op in ("align", "pool"), "op must be align or pool", self.op)
        _within("size", self.size, range_of(HeadConfig, "roi_size"), int)


@dataclasses.dataclass(frozen=True)
class Detecting(Keywords):
    """Which refined regions become detections; keywords of ops.postprocessing.detect."""

    score_threshold: float = 0.05
    iou_threshold: float = 0.5
    limit: int = 100
    min_size: float = 1e-2
    classes: tuple[int, ...] | None = None  # labels that are wanted; None: all
    # units of the head's dx, dy, dw, dh, in training too (arXiv 1504.08083: targets of unit variance)
    scales: tuple[float, ...] = (0.1, 0.1, 0.2, 0.2)
    # and what its 0 stands for, in plain deltas
    means: tuple[float, ...] = dataclasses.field(default=(0.0,) * 4, metadata={"added": True})

    def __post_init__(self) -> None:
        _within("limit", self.limit, range_of(DetectionConfig, "limit"), int)
        _within("iou_threshold", self.iou_threshold, range_of(DetectionConfig, "nms"))
        _within("score_threshold", self.score_threshold, range_of(DetectionConfig, "score_threshold"))
        _within("min_size", self.min_size, range_of(ProposalConfig, "min_size"))
        _within("scales", self.scales, range_of(HeadConfig, "delta_scales"))
        _within("means", self.means, range_of(HeadConfig, "delta_means"))
        if self.classes is not None:
            _within("classes", self.classes, Range(least=1, most=10**5, counts=range(1, 10**5)), int)

    @classmethod
    def of(cls, detections: DetectionConfig, head: HeadConfig) -> "Detecting":
        """That of a new detector's settings."""
        return cls(detections.score_threshold, detections.nms, detections.limit, scales=head.delta_scales,
                   means=head.delta_means)

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
