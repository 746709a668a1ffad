"""The four losses of a whole detector on images (arXiv 1506.01497, section 3.2: approximate joint training)."""

import dataclasses

import tensorflow as tf

from frcnn_keras.models.detector import FasterRCNN, propose_batch
from frcnn_keras.ops.losses import rcnn_losses, rpn_losses
from frcnn_keras.ops.proposals import Proposals
from frcnn_keras.ops.sampling import sample
from frcnn_keras.ops.targets import anchor_targets, region_targets
from frcnn_keras.ops.tiles import cut_tiles
from frcnn_keras.settings.detector import settled
from frcnn_keras.settings.image_trainers import ImageLossConfig

RPN_LOSSES = ("objectness_loss", "proposal_box_loss")
RCNN_LOSSES = ("class_loss", "box_loss")
LOSSES = RPN_LOSSES + RCNN_LOSSES


class ImageLosses:
    """From a batch of images to the four losses, by name: those of the staged trainers on the same draws.

    Each image's losses are means over its own samples, as in the stages; the batch's are the images' summed and
    divided by a count, the number of images by default. Proposals are constants: no gradient flows through them.

    Args:
        detector: models.detector.FasterRCNN; its parts' trainable weights decide what learns.
        settings: what the losses are taken of.
        together: whether a batch goes through the extractor as one tensor. An image's maps then depend on the batch
            it is padded to, a little at its right and lower end, as in other implementations. Otherwise each image
            goes by itself at its own padded size, exactly as in prediction; on CPU that is quicker too.
        names: LOSSES, or RPN_LOSSES or RCNN_LOSSES alone (steps 1 and 2 of alternating training).
        proposer: a detector of the same preparing whose extractor and RPN make the proposals, in place of `detector`'s
            own; nothing in it learns.
    """

    def __init__(self, detector: FasterRCNN, settings: ImageLossConfig, *, together: bool = False,
                 names: tuple[str, ...] = LOSSES, proposer: FasterRCNN | None = None):
        self.names, self.proposer = tuple(names), proposer
        self.detector, self.settings, self.together = detector, settings, together
        # how many proposals the head draws from; the rest is as the detector has it that makes them
        kept = settled(settings.proposals, detector.geometry.levels)
        self.proposing = dataclasses.replace((proposer or detector).proposing, before=kept.before, after=kept.after)

    def __call__(self, batch: dict, count=None) -> dict:
        """The losses of a batch of data.image_batches: float32 scalars by name.

        count: what the sums over images are divided by (images of all replicas and of all parts of a step together);
            the batch's images by default.
        """
        images = batch["images"].shape[0]
        maps = self.detector.features(batch["images"]) if self.together else None
        per_image = []
        for index in range(images):
            image = {name: values[index] for name, values in batch.items()}
            levels = tuple(level[index:index + 1] for level in maps) if self.together else self._own_maps(image)
            per_image.append(self.of_image(levels, image))
        return {name: tf.add_n([losses[name] for losses in per_image]) / tf.cast(count or images, tf.float32)
                for name in self.names}

    def _own_maps(self, image: dict) -> tuple:
        """Maps of an image without what it was padded with to be as large as the others of its batch."""
        height, width = tf.unstack(image["padded"])
        return self.detector.features(image["images"][None, :height, :width])

    def of_image(self, levels, image: dict) -> dict:
        """The losses of one image: levels, tuple over levels of (1, h, w, C); image: its part of the batch."""
        exists = image["exists"]  # (G,)
        objects = {name: tf.boolean_mask(image[name], exists) for name in ("boxes", "labels", "ignored")}
        draws = tf.random.experimental.stateless_split(image["seed"], 2)  # (2, 2)
        # the proposals need the whole map, their losses the sampled positions alone, an eighth of it; a deeper network
        # sees more than 3x3 cells and has to learn on the whole map
        deep = getattr(self.detector.rpn, "depth", 1) > 1
        outputs, losses = None, ()
        if deep or (self.proposer is None and self.names != RPN_LOSSES):
            outputs = self.detector.rpn(levels if deep else tuple(tf.stop_gradient(level) for level in levels))
        if self.names != RCNN_LOSSES:
            index, labels, targets = self.sampled_anchors(levels, objects, image["size"], draws[0])
            logits, deltas = self._on_map(outputs, index) if deep else self._on_tiles(levels, index)
            rpn = self.settings.rpn
            objectness, boxes = rpn_losses(logits, deltas, labels, targets, beta=rpn.beta,
                                           distance=rpn.distance)
            losses = (objectness, rpn.box_weight * boxes)
        if self.names != RPN_LOSSES:
            proposals = self.given(image) if self.proposer else self.propose(levels, outputs, image["size"],
                                                                             image["padded"])
            losses += self.rcnn_losses(levels, proposals, objects, draws[1])
        return dict(zip(self.names, losses, strict=True))

    def given(self, image: dict) -> Proposals:
        """The proposer's proposals on an image, as `propose` gives the detector's own.

        Made anew on the image as it is augmented, with the numbers and the weights that are final: none can be stale.
        """
        height, width = tf.unstack(image["padded"])
        levels = self.proposer.features(image["images"][None, :height, :width])
        proposals = self.proposer.propose(levels, image["size"][None], self.proposing)
        return Proposals(*(tf.stop_gradient(part[0]) for part in proposals))

    def propose(self, levels, outputs, size, padded) -> Proposals:
        """An image's proposals as constants: boxes (P, 4), scores (P,), valid (P,).

        outputs: of the RPN on levels. size, padded: (2,) of the image. Cells beyond `padded`, of other images of the
        batch, propose nothing.
        """
        shapes = [tf.shape(level)[1:3] for level in levels]
        logits, deltas = (tuple(tf.stop_gradient(part) for part in parts) for parts in outputs)
        if self.together:
            within = [_within(level, padded) for level in self.detector.anchors(levels)]
            logits = tuple(tf.where(here, level, level.dtype.min) for level, here in zip(logits, within))
            # and moved out of the image: those of the lowest rank may be proposals where there are few others
            deltas = tuple(tf.where(here[:, None], level, 1e6) for level, here in zip(deltas, within))
        proposals = propose_batch(logits, deltas, shapes, size[None], self.detector.geometry, self.proposing)
        return Proposals(*(tf.stop_gradient(part[0]) for part in proposals))

    def sampled_anchors(self, levels, objects: dict, size, seed) -> tuple:
        """Anchors drawn from the image by seed (2,): index (T,), labels (T,), -1 for padding, deltas (T, 4)."""
        anchors, chosen = tf.concat(self.detector.anchors(levels, size), 0), self.settings.anchors
        labels, targets, _ = anchor_targets(anchors, objects["boxes"], objects["ignored"], size[0], size[1],
                                            positive=chosen.positive, negative=chosen.negative)
        index, drawn = sample(labels, seed, chosen.count, chosen.positive_fraction)
        return index, tf.where(drawn, tf.gather(labels, index), -1), tf.gather(targets, index)

    def _on_tiles(self, levels, index) -> tuple:
        """Logits (T,) and deltas (T, 4) of the anchors at index, each from its 3x3 cells."""
        rpn = self.detector.rpn
        return rpn.on_tiles(*cut_tiles([level[0] for level in levels], index, rpn.anchors_per_position))

    @staticmethod
    def _on_map(outputs, index) -> tuple:
        logits, deltas = (tf.concat(parts, 1)[0] for parts in outputs)  # (A,), (A, 4)
        return tf.gather(logits, index), tf.gather(deltas, index)

    def rcnn_losses(self, levels, proposals: Proposals, objects: dict, seed) -> tuple:
        """Class and box loss of regions drawn from the proposals and the objects; seed (2,)."""
        regions, labels, targets, valid = region_targets(
            proposals.boxes, proposals.valid, objects["boxes"], objects["labels"], objects["ignored"], seed,
            scales=self.detector.detecting.scales, **vars(self.settings.regions))
        pooled = self.detector.pool(levels, tf.stop_gradient(regions)[None])[0]  # (R, S, S, C)
        logits, deltas = self.detector.rcnn(pooled, training=True)
        return rcnn_losses(logits, deltas, labels, targets, valid, beta=self.settings.head.beta)


def _within(anchors, padded):
    """Which anchors (A, 4) have their centre on an image of size padded (2,): (A,) bool."""
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2  # x, y
    return tf.reduce_all(centres < tf.cast(padded[::-1], tf.float32), 1)
