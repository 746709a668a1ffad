"""Where the anchors and the cells of the feature levels lie in the image."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from frcnn_keras.errors import InputError
from frcnn_keras.models.record_checks import LEVELS, Keywords, require, within
from frcnn_keras.ops.pyramid import ANCHOR_CENTRES, ANCHOR_UNITS, STRIDE_RULES, level_anchors
from frcnn_keras.settings.detector import AnchorConfig, LevelAnchorConfig
from frcnn_keras.settings.options import LATER
from frcnn_keras.settings.ranges import SIDE, Range, range_of


@dataclasses.dataclass(frozen=True)
class Geometry(Keywords):
    """Where the anchors and the cells of each feature level lie; keywords of ops.pyramid.level_anchors.

    Levels are in order from the finest; a backbone of one level has tuples of one.
    """

    strides: tuple[float, ...]  # pixels of the resized image from cell to cell
    offsets: tuple[float, ...]  # image coordinate of the centre of cell 0's receptive field
    anchor_sizes: tuple[tuple[float, ...], ...]  # of each level: roots of the anchors' areas, in anchor_unit
    anchor_ratios: tuple[float, ...]  # height / width
    anchor_rounded: bool = False  # see ops.anchors.base_anchors
    stride_rule: str = "given"  # see ops.pyramid.level_strides
    anchor_unit: str = dataclasses.field(default="pixel", metadata={LATER: True})  # see ops.pyramid.level_anchors
    anchor_centres: str = dataclasses.field(default="field", metadata={LATER: True})  # see ops.pyramid.level_anchors

    def __post_init__(self) -> None:
        counts = {len(self.strides), len(self.offsets), len(self.anchor_sizes)}
        require(len(counts) == 1 and 0 not in counts, "strides, offsets and anchor_sizes must be one a level", self)
        within("strides", self.strides, Range(above=0, most=SIDE, counts=LEVELS))
        within("offsets", self.offsets, Range(least=-SIDE, most=SIDE, counts=LEVELS))
        each = {len(sizes) for sizes in self.anchor_sizes}
        require(len(each) == 1 and 0 not in each, "each level must have as many anchor sizes", self.anchor_sizes)
        for name, choices in (("stride_rule", STRIDE_RULES), ("anchor_unit", ANCHOR_UNITS),
                              ("anchor_centres", ANCHOR_CENTRES)):
            require(getattr(self, name) in choices, f"{name} must be one of {', '.join(choices)}", getattr(self, name))
        allowed = range_of(AnchorConfig, "sizes") if self.anchor_unit == "pixel" else \
            dataclasses.replace(range_of(LevelAnchorConfig, "scales"), counts=range(1, 65))
        for sizes in self.anchor_sizes:
            within("anchor_sizes of a level", sizes, allowed)
        within("anchor_ratios", self.anchor_ratios, range_of(AnchorConfig, "ratios"))

    @classmethod
    def of(cls, strides: Sequence[float], offsets: Sequence[float], anchors: LevelAnchorConfig,
           stride_rule: str = "given") -> "Geometry":
        """That of levels and of the anchors' settings: one level takes all sizes, several take one each (FPN's rule,
        arXiv 1612.03144, section 4.1) or all. Scales, which are counted in strides, are every level's.

        Raises:
            InputError: a pyramid with neither one anchor size a level nor all on every level.
        """
        sizes, levels = tuple(anchors.scales or anchors.sizes), len(strides)
        if levels == 1 or anchors.every_level or anchors.scales:
            spread = (sizes,) * levels
        elif len(sizes) == levels:
            spread = tuple((size,) for size in sizes)
        else:
            raise InputError(f"--anchor-sizes has {len(sizes)} sizes for {levels} levels; give one a level, or "
                             "--anchors-on-every-level")
        return cls(tuple(strides), tuple(offsets), spread, tuple(anchors.ratios), anchors.rounded, stride_rule,
                   "stride" if anchors.scales else "pixel", anchors.centres)

    @property
    def levels(self) -> int:
        return len(self.strides)

    @property
    def anchors_per_position(self) -> int:
        """K, the same on every level."""
        return len(self.anchor_sizes[0]) * len(self.anchor_ratios)

    @property
    def by_image(self) -> bool:
        """Whether anchors follow from an image's own size, and not from its maps' alone."""
        return self.stride_rule == "fraction"

    def anchors(self, shapes: Sequence, size: Any = None) -> tuple:
        """Anchors of a padded image whose maps have these shapes, (rows, columns) a level: tuple over levels of
        (rows * columns * K, 4), order y, x, k. size: (height, width) of the image without padding, which `by_image`
        needs; ints or a tensor (2,)."""
        return level_anchors(shapes, size, **self.keywords())
