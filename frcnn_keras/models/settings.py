"""What describes a detector."""

from frcnn_keras.errors import InputError
from frcnn_keras.settings.stages import LevelAnchorConfig


def detector_geometry(strides, offsets, stride_rule: str, anchors: LevelAnchorConfig) -> dict:
    """The keywords of ops.pyramid.level_anchors that these levels and settings stand for.

    Raises:
        InputError: a pyramid with neither one anchor size a level nor all on every level.
    """
    sizes = list(anchors.sizes)
    if len(strides) > 1:
        if not anchors.every_level and len(sizes) != len(strides):
            raise InputError(f"--anchor-sizes has {len(sizes)} sizes for {len(strides)} levels; give one a level, or "
                             "--anchors-on-every-level")
        sizes = [sizes] * len(strides) if anchors.every_level else [[size] for size in sizes]
    return {"strides": list(strides), "offsets": list(offsets), "stride_rule": stride_rule, "anchor_sizes": sizes,
            "anchor_ratios": list(anchors.ratios), "anchor_rounded": anchors.rounded}
