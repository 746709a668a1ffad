"""Faster R-CNN as one model: images -> features -> proposals -> detections (arXiv 1506.01497)."""

import keras
import tensorflow as tf

from frcnn_keras.ops import boxes as box_ops
from frcnn_keras.ops import images as image_ops
from frcnn_keras.ops.postprocessing import DetectedBoxes, detect
from frcnn_keras.ops.proposals import Proposals, propose
from frcnn_keras.ops.pyramid import level_anchors, pool_regions


@keras.saving.register_keras_serializable(package="frcnn_keras")
class FasterRCNN(keras.Model):
    """Extractor (backbone and neck), RPN and Fast R-CNN head, with every number that prediction needs.

    Args:
        extractor: images (B, H, W, 3), normalised and zero-padded -> tuple over levels of (B, h, w, C).
        rpn, rcnn: models.rpn.RPN and models.rcnn.RCNN.
        class_names: of labels 1..C.
        geometry: strides, offsets (one a level), anchor_sizes, anchor_ratios and, where they are not the defaults,
            anchor_rounded and stride_rule; keywords of ops.pyramid.level_anchors.
        preparing: shorter, longer, preprocessing, pad_multiple; fused_resize (False): see ops.images.resize_fused.
        proposing: before, after, iou_threshold, min_size, score_threshold; keywords of ops.proposals.propose.
        pooling: op (`align` or `pool`), size, levels, min_cells; keywords of ops.pyramid.pool_regions.
        detecting: score_threshold, iou_threshold, limit, classes; keywords of ops.detections.detect.
        category_ids: what label i + 1 is called in a COCO results file; 1..C by default.
    """

    def __init__(self, extractor, rpn, rcnn, *, class_names, geometry, preparing, proposing, pooling, detecting,
                 category_ids=None, **kwargs):
        super().__init__(**kwargs)
        self.extractor, self.rpn, self.rcnn = extractor, rpn, rcnn
        self.class_names = tuple(class_names)
        self.category_ids = tuple(category_ids or range(1, len(self.class_names) + 1))
        self.geometry, self.preparing, self.proposing = dict(geometry), dict(preparing), dict(proposing)
        self.pooling, self.detecting = dict(pooling), dict(detecting)
        self.built = True  # as every part is

    def call(self, images, sizes, proposals=None):
        """Detects objects in a batch.

        Args:
            images: (B, H, W, 3) float32, normalised, zero-padded to multiples of `pad_multiple`.
            sizes: (B, 2) int32, height and width of each image without its padding.
            proposals: Proposals with a leading batch axis; the RPN's own by default.

        Returns:
            DetectedBoxes with a leading batch axis, in pixels of the given images.
        """
        levels = self.features(images)
        if proposals is None:
            proposals = self.propose(levels, sizes)
        return self.detect(levels, proposals, sizes)

    def features(self, images):
        """Tuple over levels of (B, h, w, C)."""
        return tuple(tf.nest.flatten(self.extractor(images, training=False)))

    def propose(self, levels, sizes, **proposing) -> Proposals:
        """Proposals of each image: boxes (B, P, 4), scores (B, P), valid (B, P). Keywords replace those of
        `self.proposing`."""
        logits, deltas = self.rpn(levels)
        return propose_batch(logits, deltas, [tf.shape(level)[1:3] for level in levels], sizes, self.geometry,
                             {**self.proposing, **proposing})

    def anchors(self, levels) -> tuple:
        """Anchors of an image with these maps: tuple over levels of (A_l, 4), in the order of the RPN's outputs."""
        return level_anchors([tf.shape(level)[1:3] for level in levels], **self.geometry)

    def pool(self, levels, regions):
        """Regions (B, R, 4), in pixels of the images, pooled from the maps: (B, R, S, S, C) float32."""
        return pool_regions(levels, regions, self.geometry["strides"], self.geometry["offsets"], **self.pooling)

    def detect(self, levels, proposals, sizes) -> DetectedBoxes:
        """Classifies and refines proposals; boxes (B, M, 4), scores, labels and valid (B, M)."""
        return self.detect_pooled(self.pool(levels, proposals.boxes), proposals, sizes)

    def detect_pooled(self, pooled, proposals, sizes) -> DetectedBoxes:
        """The same from regions already pooled: (B, R, S, S, C)."""
        batch, regions = tf.shape(pooled)[0], tf.shape(pooled)[1]
        logits, deltas = self.rcnn(tf.reshape(pooled, (-1, *pooled.shape[2:])))
        classes = logits.shape[-1]
        scores = tf.reshape(tf.nn.softmax(logits), (batch, regions, classes))  # (B, R, N)
        deltas = tf.reshape(deltas, (batch, regions, classes, 4))

        def one(inputs):
            scores, deltas, boxes, valid, size = inputs
            return detect(scores, deltas, boxes, valid, size[0], size[1], **self.detecting)

        limit = self.detecting["limit"]
        kinds = DetectedBoxes(tf.TensorSpec((limit, 4), tf.float32), tf.TensorSpec((limit,), tf.float32),
                              tf.TensorSpec((limit,), tf.int32), tf.TensorSpec((limit,), tf.bool))
        return _each(one, (scores, deltas, proposals.boxes, proposals.valid, sizes), kinds)

    def detect_image(self, image) -> DetectedBoxes:
        """One image (H, W, 3) uint8 RGB of any size -> its detections in its own pixels; no batch axis."""
        images, size = self.prepare_image(image)
        found = self.call(images, size[None])
        factors = tf.cast(tf.shape(image)[:2], tf.float32) / tf.cast(size, tf.float32)
        boxes = box_ops.rescale(found.boxes[0], factors[1], factors[0])
        return DetectedBoxes(boxes, found.scores[0], found.labels[0], found.valid[0])

    def prepare_image(self, image) -> tuple:
        """One image (H, W, 3) uint8 RGB -> what `call` takes: (1, h, w, 3) float32, resized, normalised and padded, and
        its size (2,) without the padding."""
        size = tf.stack(image_ops.resized_size(tf.shape(image)[0], tf.shape(image)[1], self.preparing["shorter"],
                                               self.preparing["longer"]))
        resize = image_ops.resize_fused if self.preparing.get("fused_resize") else image_ops.resize
        normalised = image_ops.normalise(resize(image, size[0], size[1]), self.preparing["preprocessing"])
        return image_ops.pad(normalised[None], self.preparing["pad_multiple"]), size

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name))
                 for name in ("extractor", "rpn", "rcnn")}
        plain = {name: getattr(self, name) for name in ("geometry", "preparing", "proposing", "pooling", "detecting")}
        return {**super().get_config(), **parts, **plain, "class_names": list(self.class_names),
                "category_ids": list(self.category_ids)}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("extractor", "rpn", "rcnn"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def propose_batch(logits, deltas, shapes, sizes, geometry: dict, proposing: dict) -> Proposals:
    """Proposals of a batch from the RPN's outputs; shapes: tuple over levels of (rows, columns) of the maps."""
    anchors = level_anchors(shapes, **geometry)

    def one(inputs):
        logits, deltas, size = inputs
        return propose(logits, deltas, anchors, size[0], size[1], **proposing)

    count = proposing["after"]
    kinds = Proposals(tf.TensorSpec((count, 4), tf.float32), tf.TensorSpec((count,), tf.float32),
                      tf.TensorSpec((count,), tf.bool))
    return _each(one, (logits, deltas, sizes), kinds)


def _each(work, inputs, kinds):
    """`work` on each image of a batch; the last of `inputs` tells where there is but one, which needs no loop."""
    if inputs[-1].shape[0] != 1:
        return tf.map_fn(work, inputs, fn_output_signature=kinds)
    found = work(tf.nest.map_structure(lambda values: values[0], inputs))
    return tf.nest.map_structure(lambda values: values[None], found)
