"""Faster R-CNN as one model: images -> features -> proposals -> detections (arXiv 1506.01497)."""

import keras
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.settings import (
    Detecting,
    DetectorSettings,
    Geometry,
    Pooling,
    Preparing,
    Proposing,
)
from frcnn_keras.ops import boxes as box_ops
from frcnn_keras.ops import images as image_ops
from frcnn_keras.ops import postprocessing, proposals
from frcnn_keras.ops.postprocessing import DetectedBoxes
from frcnn_keras.ops.proposals import Proposals
from frcnn_keras.ops.pyramid import pool_regions
from frcnn_keras.settings import options

FORMAT = 2  # of what `get_config` gives; raised when older code would misread it


@keras.saving.register_keras_serializable(package="frcnn_keras")
class FasterRCNN(keras.Model):
    """Extractor (backbone and neck), RPN and Fast R-CNN head, with every number that prediction needs.

    Args:
        extractor: images (B, H, W, 3), normalised and zero-padded -> tuple over levels of (B, h, w, C).
        rpn, rcnn: models.rpn.RPN and models.rcnn.RCNN.
        class_names: of labels 1..C.
        geometry, preparing, proposing, pooling, detecting: the records of models.settings.
        category_ids: what label i + 1 is called in a COCO results file; 1..C by default.
    """

    # what suppresses doubles; models.portable has others, for runtimes without TensorFlow's
    suppress_ranked = staticmethod(proposals.suppress_ranked)
    suppress_classes = staticmethod(postprocessing.suppress_classes)

    def __init__(self, extractor, rpn, rcnn, *, class_names, geometry: Geometry, preparing: Preparing,
                 proposing: Proposing, pooling: Pooling, detecting: Detecting, category_ids=None, dtype="float32",
                 **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.extractor, self.rpn, self.rcnn = extractor, rpn, rcnn
        self.class_names = tuple(class_names)
        self.category_ids = tuple(category_ids or range(1, len(self.class_names) + 1))
        self.geometry, self.preparing, self.proposing = geometry, preparing, proposing
        self.pooling, self.detecting = pooling, detecting
        self.built = True  # as every part is

    @property
    def settings(self) -> DetectorSettings:
        """The five records together."""
        return DetectorSettings(self.geometry, self.preparing, self.proposing, self.pooling, self.detecting)

    def call(self, images, sizes, proposals: Proposals | None = None, originals=None):
        """Detects objects in a batch.

        Args:
            images: (B, H, W, 3) float32, normalised, zero-padded to multiples of `pad_multiple`.
            sizes: (B, 2) int32, height and width of each image without its padding.
            proposals: Proposals with a leading batch axis; the RPN's own by default.
            originals: (B, 2) int32, height and width of each image before it was resized, in whose pixels small boxes
                are small; `sizes` by default.

        Returns:
            DetectedBoxes with a leading batch axis, in pixels of the given images.
        """
        levels = self.features(images)
        if proposals is None:
            proposals = self.propose(levels, sizes)
        return self.detect(levels, proposals, sizes, originals)

    def features(self, images):
        """Tuple over levels of (B, h, w, C)."""
        return tuple(tf.nest.flatten(self.extractor(images, training=False)))

    def propose(self, levels, sizes, proposing: Proposing | None = None) -> Proposals:
        """Proposals of each image: boxes (B, P, 4), scores (B, P), valid (B, P). proposing: in place of the
        detector's own."""
        logits, deltas = self.rpn(levels)
        return propose_batch(logits, deltas, [tf.shape(level)[1:3] for level in levels], sizes, self.geometry,
                             proposing or self.proposing, self.suppress_ranked)

    def anchors(self, levels, size=None) -> tuple:
        """Anchors of an image with these maps: tuple over levels of (A_l, 4), in the order of the RPN's outputs. size:
        (2,) of the image, see Geometry.anchors."""
        return self.geometry.anchors([tf.shape(level)[1:3] for level in levels], size)

    def pool(self, levels, regions):
        """Regions (B, R, 4), in pixels of the images, pooled from the maps: (B, R, S, S, C) float32."""
        return pool_regions(levels, regions, self.geometry.strides, self.geometry.offsets, **self.pooling.keywords())

    def detect(self, levels, proposals, sizes, originals=None) -> DetectedBoxes:
        """Classifies and refines proposals; boxes (B, M, 4), scores, labels and valid (B, M)."""
        return self.detect_pooled(self.pool(levels, proposals.boxes), proposals, sizes, originals)

    def detect_pooled(self, pooled, proposals, sizes, originals=None) -> DetectedBoxes:
        """The same from regions already pooled: (B, R, S, S, C)."""
        scores, deltas = self.classify(pooled)
        moved = () if deltas is None else (deltas,)

        def postprocess(inputs):
            scores, *moved, boxes, valid, size, original = inputs
            return postprocessing.detect(scores, moved[0] if moved else None, boxes, valid, size[0], size[1],
                                         **self.detecting.keywords(), original=original, suppress=self.suppress_classes)

        limit = self.detecting.limit
        kinds = DetectedBoxes(tf.TensorSpec((limit, 4), tf.float32), tf.TensorSpec((limit,), tf.float32),
                              tf.TensorSpec((limit,), tf.int32), tf.TensorSpec((limit,), tf.bool))
        originals = sizes if originals is None else originals
        return _each(postprocess, (scores, *moved, proposals.boxes, proposals.valid, sizes, originals), kinds)

    def classify(self, pooled) -> tuple:
        """Regions already pooled, (B, R, S, S, C) -> probabilities (B, R, N), the background's first, and deltas
        (B, R, N, 4), or None where the head moves no regions."""
        batch, regions = tf.shape(pooled)[0], tf.shape(pooled)[1]
        logits, deltas = self.rcnn(tf.reshape(pooled, (-1, *pooled.shape[2:])))
        classes = logits.shape[-1]
        scores = tf.reshape(tf.nn.softmax(logits), (batch, regions, classes))
        return scores, None if deltas is None else tf.reshape(deltas, (batch, regions, classes, 4))

    def detect_image(self, image) -> DetectedBoxes:
        """One image (H, W, 3) uint8 RGB of any size -> its detections in its own pixels; no batch axis."""
        images, size = self.prepare_image(image)
        detections = self.call(images, size[None], originals=tf.shape(image)[None, :2])
        return DetectedBoxes(in_the_image(detections.boxes[0], image, size), detections.scores[0],
                             detections.labels[0], detections.valid[0])

    def examine_image(self, image) -> tuple[Proposals, DetectedBoxes]:
        """The same with the proposals that it comes from, in the image's own pixels too."""
        images, size = self.prepare_image(image)
        levels = self.features(images)
        proposals = self.propose(levels, size[None])
        detections = self.detect(levels, proposals, size[None], tf.shape(image)[None, :2])
        first = [tf.nest.map_structure(lambda values: values[0], found) for found in (proposals, detections)]
        boxes = [in_the_image(found.boxes, image, size) for found in first]
        return first[0]._replace(boxes=boxes[0]), first[1]._replace(boxes=boxes[1])

    def prepare_image(self, image) -> tuple:
        """One image (H, W, 3) uint8 RGB -> what `call` takes: (1, h, w, 3) float32, resized, normalised and padded, and
        its size (2,) without the padding."""
        preparing = self.preparing
        size = tf.stack(preparing.size(tf.shape(image)[0], tf.shape(image)[1]))
        resize = image_ops.resize_fused if preparing.fused_resize else image_ops.resize
        normalised = image_ops.normalise(resize(image, size[0], size[1]), preparing.preprocessing)
        return image_ops.pad(normalised[None], preparing.pad_multiple), size

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name))
                 for name in ("extractor", "rpn", "rcnn")}
        return {**super().get_config(), **parts, "format": FORMAT, "settings": self.settings.to_dict(),
                "class_names": list(self.class_names), "category_ids": list(self.category_ids)}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        records = vars(settings_of(config))
        for name in ("format", "settings"):
            del config[name]
        for name in ("extractor", "rpn", "rcnn"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config, **records)


def settings_of(config: dict) -> DetectorSettings:
    """The records in what `get_config` gave.

    Raises:
        InputError: it is of another format, or something is missing or makes no sense.
    """
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        version = config.get("format", 1) if isinstance(config, dict) else "no known format"
        raise InputError(f"it is of format {version}, and this version reads {FORMAT}; train or import the run anew")
    try:
        return options.from_dict(DetectorSettings, config["settings"])
    except (KeyError, ValueError) as error:
        raise InputError(f"its settings are damaged ({error}); train or import the run anew") from error


def in_the_image(boxes, image, size):
    """Boxes (..., 4) in pixels of an image resized to `size` (2,) -> in those of the image (H, W, 3) itself."""
    factors = tf.cast(tf.shape(image)[:2], tf.float32) / tf.cast(size, tf.float32)
    return box_ops.rescale(boxes, factors[1], factors[0])


def propose_batch(logits, deltas, shapes, sizes, geometry: Geometry, proposing: Proposing,
                  suppress=proposals.suppress_ranked) -> Proposals:
    """Proposals of a batch from the RPN's outputs; shapes: tuple over levels of (rows, columns) of the maps; suppress:
    see ops.proposals.propose."""
    shared = None if geometry.by_image else geometry.anchors(shapes)

    def propose_image(inputs):
        logits, deltas, size = inputs
        anchors = geometry.anchors(shapes, size) if shared is None else shared
        return proposals.propose(logits, deltas, anchors, size[0], size[1], **proposing.keywords(), suppress=suppress)

    count = proposing.after
    kinds = Proposals(tf.TensorSpec((count, 4), tf.float32), tf.TensorSpec((count,), tf.float32),
                      tf.TensorSpec((count,), tf.bool))
    return _each(propose_image, (logits, deltas, sizes), kinds)


def _each(work, inputs, kinds):
    """`work` on each image of a batch; the last of `inputs` tells where there is but one, which needs no loop."""
    if inputs[-1].shape[0] != 1:
        return tf.map_fn(work, inputs, fn_output_signature=kinds)
    outputs = work(tf.nest.map_structure(lambda values: values[0], inputs))
    return tf.nest.map_structure(lambda values: values[None], outputs)
