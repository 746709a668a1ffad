"""The four losses of a whole detector on images (arXiv 1506.01497, section 3.2: approximate joint training)."""

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from frcnn_keras.models.detector import FasterRCNN, propose_batch
from frcnn_keras.ops.losses import rcnn_losses, rpn_losses
from frcnn_keras.ops.proposals import Proposals
from frcnn_keras.ops.sampling import sample_of_each
from frcnn_keras.ops.targets import Candidates, anchor_targets, drawn_targets, region_candidates
from frcnn_keras.ops.tiles import cut_tiles
from frcnn_keras.settings.detector import settled
from frcnn_keras.settings.image_trainers import ImageLossConfig

RPN_LOSSES = ("objectness_loss", "proposal_box_loss")
RCNN_LOSSES = ("class_loss", "box_loss")
LOSSES = RPN_LOSSES + RCNN_LOSSES


class ImageLosses:
    """From a batch of images to the four losses, by name: those of the staged trainers on the same draws.

    Each image's losses are means over its own samples, as in the stages; the batch's are the images' summed and
    divided by a count, the number of images by default. With `sample_over` "batch" as many samples are drawn from the
    anchors, and from the regions, of all images of a device's step together, and the losses are means over these.
    Proposals are constants: no gradient flows through them.

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
        group, of_groups = [], []
        for index in range(images):
            image = {name: values[index] for name, values in batch.items()}
            levels = tuple(level[index:index + 1] for level in maps) if self.together else self._own_maps(image)
            group.append(self.labelled(levels, image))
            if self.settings.sample_over == "image" or index == images - 1:
                of_groups.append(self.of_group(group))
                group = []
        return {name: tf.add_n([losses[name] for losses in of_groups]) / tf.cast(count or images, tf.float32)
                for name in self.names}

    def _own_maps(self, image: dict) -> tuple:
        """Maps of an image without what it was padded with to be as large as the others of its batch."""
        height, width = tf.unstack(image["padded"])
        return self.detector.features(image["images"][None, :height, :width])

    def labelled(self, levels, image: dict) -> "Labelled":
        """An image before its samples are drawn: levels, tuple over levels of (1, h, w, C); image: its part of the
        batch."""
        exists = image["exists"]  # (G,)
        objects = {name: tf.boolean_mask(image[name], exists) for name in ("boxes", "labels", "ignored")}
        # the proposals need the whole map, their losses the sampled positions alone, an eighth of it; a deeper network
        # sees more than 3x3 cells and has to learn on the whole map
        outputs, anchors, regions = None, None, None
        if self.deep or (self.proposer is None and self.names != RPN_LOSSES):
            outputs = self.detector.rpn(levels)
        if self.names != RCNN_LOSSES:
            anchors = self.labelled_anchors(levels, objects, image["size"])
        if self.names != RPN_LOSSES:
            proposals = self.given(image) if self.proposer else self.propose(levels, outputs, image["size"],
                                                                             image["padded"])
            regions = self.candidates(proposals, objects)
        return Labelled(levels, image["seed"], objects, outputs, anchors, regions)

    @property
    def deep(self) -> bool:
        """Whether the RPN sees more than 3x3 cells."""
        return getattr(self.detector.rpn, "depth", 1) > 1

    def of_group(self, group: list["Labelled"]) -> dict:
        """The losses of images whose samples are drawn together, by name: means over these, times the images."""
        draws = tf.random.experimental.stateless_split(group[0].seed, 2)  # (2, 2)
        losses: tuple = ()
        if self.names != RCNN_LOSSES:
            losses += self.rpn_losses(group, draws[0])
        if self.names != RPN_LOSSES:
            losses += self.rcnn_losses(group, draws[1])
        return {name: loss * len(group) if len(group) > 1 else loss
                for name, loss in zip(self.names, losses, strict=True)}

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
        return Proposals(*(part[0] for part in proposals))

    def labelled_anchors(self, levels, objects: dict, size) -> tuple:
        """Labels (A,) and deltas (A, 4) of an image's anchors."""
        chosen = self.settings.anchors
        return anchor_targets(tf.concat(self.detector.anchors(levels, size), 0), objects["boxes"], objects["ignored"],
                              size[0], size[1], positive=chosen.positive, negative=chosen.negative,
                              keep_best=chosen.best_anchor)[:2]

    def candidates(self, proposals: Proposals, objects: dict) -> Candidates:
        """What an image's regions are drawn from."""
        chosen = self.settings.regions
        return region_candidates(proposals.boxes, proposals.valid, objects["boxes"], objects["ignored"],
                                 foreground=chosen.foreground, background=chosen.background)

    def rpn_losses(self, group: list["Labelled"], seed) -> tuple:
        """Objectness and box loss of anchors drawn from a group; seed (2,)."""
        chosen, rpn = self.settings.anchors, self.settings.rpn
        samples = []
        for one, (index, drawn) in zip(group, sample_of_each([one.anchors[0] for one in group], seed, chosen.count,
                                                             chosen.positive_fraction), strict=True):
            labels, targets = one.anchors
            outputs = self._on_map(one.outputs, index) if self.deep else self._on_tiles(one.levels, index)
            samples.append((*outputs, tf.where(drawn, tf.gather(labels, index), -1), tf.gather(targets, index)))
        objectness, boxes = rpn_losses(*_joined(samples), beta=rpn.beta, distance=rpn.distance)
        return objectness, rpn.box_weight * boxes

    def _on_tiles(self, levels, index) -> tuple:
        """Logits (T,) and deltas (T, 4) of the anchors at index, each from its 3x3 cells."""
        rpn = self.detector.rpn
        return rpn.on_tiles(*cut_tiles([level[0] for level in levels], index, rpn.anchors_per_position))

    @staticmethod
    def _on_map(outputs, index) -> tuple:
        logits, deltas = (tf.concat(parts, 1)[0] for parts in outputs)  # (A,), (A, 4)
        return tf.gather(logits, index), tf.gather(deltas, index)

    def rcnn_losses(self, group: list["Labelled"], seed) -> tuple:
        """Class and box loss of regions drawn from a group's proposals and objects; seed (2,)."""
        chosen, detecting, samples = self.settings.regions, self.detector.detecting, []
        for one, (index, drawn) in zip(group, sample_of_each([one.regions.kinds for one in group], seed, chosen.count,
                                                             chosen.positive_fraction), strict=True):
            regions, labels, targets, valid = drawn_targets(one.regions, index, drawn, one.objects["boxes"],
                                                            one.objects["labels"], detecting.scales, detecting.means)
            pooled = self.detector.pool(one.levels, regions[None])[0]  # (R, S, S, C)
            samples.append((*self.detector.rcnn(pooled, training=True), labels, targets, valid))
        return rcnn_losses(*_joined(samples), beta=self.settings.head.beta)


class Labelled(NamedTuple):
    """An image whose anchors and regions are labelled, and not yet drawn."""

    levels: tuple  # over levels of (1, h, w, C)
    seed: tf.Tensor  # (2,)
    objects: dict  # boxes (G, 4), labels, ignored (G,)
    outputs: tuple | None  # of the RPN on the levels, where they are needed
    anchors: tuple | None  # labels (A,), deltas (A, 4)
    regions: Candidates | None


def _joined(samples: list[tuple]) -> tuple:
    """Parts of several images, of one behind those of another; None where they have none."""
    if len(samples) == 1:
        return samples[0]
    return tuple(None if parts[0] is None else tf.concat(parts, 0) for parts in zip(*samples, strict=True))


def _within(anchors, padded):
    """Which anchors (A, 4) have their centre on an image of size padded (2,): (A,) bool."""
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2  # x, y
    return tf.reduce_all(centres < tf.cast(padded[::-1], tf.float32), 1)
