"""One image -> its records: features, and the minibatches that are drawn of its anchors."""

import numpy as np

from data_prep.minibatches import draw_seeds, minibatch_function
from frcnn_keras.data import records
from frcnn_keras.data.example import Example
from frcnn_keras.data.extraction import FLOAT16_MAX, image_maps, map_function
from frcnn_keras.errors import InputError
from frcnn_keras.models.settings import Geometry, Preparing
from frcnn_keras.ops import boxes as box_ops
from frcnn_keras.ops.tiles import cut_tiles
from frcnn_keras.progress import say
from frcnn_keras.settings.stages import MinibatchConfig


class MapMaker:
    """An extractor on images, at the size that they are prepared at."""

    def __init__(self, extractor, preparing: Preparing, skip_bad: bool):
        """skip_bad: whether images that cannot be used are passed over; `skipped` lists them."""
        self.preparing, self.skip_bad = preparing, skip_bad
        self.skipped: set[str] = set()
        self.function = map_function(extractor, preparing)

    def size(self, example: Example) -> tuple[int, int]:
        """(height, width) of the resized image."""
        return self.preparing.size(example.height, example.width)

    def __call__(self, example: Example, mirror: bool = False) -> tuple[np.ndarray, ...] | None:
        """An image's maps, tuple over levels of (H, W, C); None for a bad image that is passed over."""
        try:
            return image_maps(self.function, example, self.size(example), mirror)
        except InputError as error:
            if not self.skip_bad:
                raise
            self.skipped.add(str(error))
            return None


class RecordMaker:
    """From an image to its serialized records, by artefact."""

    def __init__(self, maps: MapMaker, geometry: Geometry, minibatches: MinibatchConfig, seed: int, *,
                 eval_only: bool, write_tiles: bool):
        self.maps, self.geometry, self.minibatches, self.seed = maps, geometry, minibatches, seed
        self.eval_only, self.write_tiles = eval_only, write_tiles
        self.draw = minibatch_function(geometry, minibatches)

    def __call__(self, example: Example, mirror: bool) -> dict[str, list[bytes]] | None:
        """Records of the image or of its mirror image; None where it is bad and may be skipped."""
        maps = self.maps(example, mirror)
        if maps is None:
            return None
        maps = as_float16(maps)
        height, width = size = self.maps.size(example)
        boxes = box_ops.rescale(example.boxes, width / example.width, height / example.height)
        boxes = (box_ops.flip(boxes, width) if mirror else boxes).numpy()
        by_kind = {"features": [records.feature_record(
            image_id=example.id, mirror=mirror, maps=maps, size=size, original=(example.height, example.width),
            boxes=boxes, labels=example.labels, difficult=example.difficult, crowd=example.crowd)]}
        return by_kind if self.eval_only else by_kind | self._draws(example, mirror, maps, boxes, size)

    def _draws(self, example: Example, mirror: bool, maps, boxes, size) -> dict[str, list[bytes]]:
        """The minibatch record, and the tile records where they are asked for."""
        seeds = draw_seeds(self.seed, example.id, mirror, self.minibatches.draws)
        shapes = np.array([level.shape[:2] for level in maps], np.int32)
        indices, labels, deltas, reached = (
            part.numpy() for part in self.draw(boxes, example.ignored, np.array(size, np.int32), shapes, seeds))
        for number in np.flatnonzero(~reached & ~example.ignored) if not mirror else ():
            chosen = self.minibatches
            reach = "overlaps it" if chosen.best_anchor else f"has an IoU of {chosen.positive:g} or more with it"
            say(f"note: {example.file}: object {number + 1} makes no anchor positive: none inside the image {reach} "
                f"({'smaller' if chosen.best_anchor else 'other'} --anchor-sizes would)")
        tiles = []
        for draw in range(len(seeds) if self.write_tiles else 0):
            cut, slots = cut_tiles(maps, indices[draw], self.geometry.anchors_per_position)
            tiles.append(records.tile_record(image_id=example.id, mirror=mirror, draw=draw, tiles=cut.numpy(),
                                             anchors=slots.numpy(), labels=labels[draw], deltas=deltas[draw]))
        drawn = records.minibatch_record(image_id=example.id, mirror=mirror, indices=indices, labels=labels,
                                         deltas=deltas)
        return {"minibatches": [drawn], "tiles": tiles}


def as_float16(maps) -> tuple[np.ndarray, ...]:
    """Maps as they are stored; values beyond float16 become its largest."""
    return tuple(np.clip(level, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16) for level in maps)
