"""The records that describe a detector: every number that prediction needs beside its weights, and their JSON.

They stand in detector.keras and in the manifests, and are checked where they are made. `settings.options` turns them
into JSON and back.
"""

import dataclasses
from typing import Any

from frcnn_keras.errors import InputError
from frcnn_keras.models.geometry import Geometry
from frcnn_keras.models.record_checks import LEVELS, Keywords
from frcnn_keras.models.record_checks import require as _require
from frcnn_keras.models.record_checks import within as _within
from frcnn_keras.ops.images import NORMALISATIONS, resized_size
from frcnn_keras.settings import options
from frcnn_keras.settings.detector import DetectionConfig, HeadConfig, ImageConfig, ProposalConfig
from frcnn_keras.settings.options import LATER
from frcnn_keras.settings.ranges import SIDE, Range, range_of


@dataclasses.dataclass(frozen=True)
class Preparing:
    """From an image to what the extractor takes."""

    shorter: int  # the shorter side is resized to this many pixels ...
    longer: int  # ... unless the longer side would pass this many
    preprocessing: str  # one of ops.images.NORMALISATIONS
    pad_multiple: int  # sides are padded with zeros to a multiple of this; 1: not at all
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
    means: tuple[float, ...] = dataclasses.field(default=(0.0,) * 4, metadata={LATER: True})
    # in place of score_threshold, one for each label that is given out
    class_thresholds: tuple[float, ...] | None = dataclasses.field(default=None, metadata={LATER: True})
    # boxes of less area, in pixels of the image as it was given, must pass this threshold and no other
    small_area: float | None = dataclasses.field(default=None, metadata={LATER: True})
    small_threshold: float | None = dataclasses.field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        _within("limit", self.limit, range_of(DetectionConfig, "limit"), int)
        _within("iou_threshold", self.iou_threshold, range_of(DetectionConfig, "nms"))
        _within("score_threshold", self.score_threshold, range_of(DetectionConfig, "score_threshold"))
        _within("min_size", self.min_size, range_of(ProposalConfig, "min_size"))
        _within("scales", self.scales, range_of(HeadConfig, "delta_scales"))
        _within("means", self.means, range_of(HeadConfig, "delta_means"))
        if self.class_thresholds is not None:
            one = range_of(DetectionConfig, "score_threshold")
            _within("class_thresholds", self.class_thresholds, dataclasses.replace(one, counts=range(1, 10**5)))
        _require((self.small_area is None) == (self.small_threshold is None),
                 "small_area and small_threshold go together", (self.small_area, self.small_threshold))
        if self.small_area is not None:
            _within("small_area", self.small_area, Range(least=0, most=SIDE**2))
            _within("small_threshold", self.small_threshold, range_of(DetectionConfig, "score_threshold"))
        if self.classes is not None:
            _within("classes", self.classes, Range(least=1, most=10**5, counts=range(1, 10**5)), int)

    @classmethod
    def of(cls, detections: DetectionConfig, head: HeadConfig) -> "Detecting":
        """That of a new detector's settings."""
        return cls(detections.score_threshold, detections.nms, detections.limit, scales=head.delta_scales,
                   means=head.delta_means)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """One, or one for each label."""
        return (self.score_threshold,) if self.class_thresholds is None else self.class_thresholds

    @property
    def every_threshold(self) -> tuple[float, ...]:
        """All that a detection may have to pass: those, and that of small boxes."""
        return self.thresholds + (() if self.small_threshold is None else (self.small_threshold,))

    def changed(self, score_threshold: float | None, nms: float | None, limit: int | None) -> "Detecting":
        """With what users may choose in place of its own; None leaves a number as it is.

        Raises:
            InputError: a number that makes no sense; names its flag.
        """
        changed, own = self, self.keywords()
        if score_threshold is not None:
            own |= dict.fromkeys(("class_thresholds", "small_area", "small_threshold"))
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
