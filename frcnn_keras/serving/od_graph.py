"""What the TF Object Detection API's exporter gives out for a Faster R-CNN, of one image, besides the detections."""

import tensorflow as tf

from frcnn_keras.models.detector import FasterRCNN, in_the_image
from frcnn_keras.ops.postprocessing import DetectedBoxes, detect, served


def od_shapes(model: FasterRCNN) -> dict:
    """Shapes of `od_outputs`, all float32, by name."""
    limit, regions, classes = model.detecting.limit, model.proposing.after, len(model.class_names) + 1
    return {"detection_boxes": (limit, 4), "detection_scores": (limit,), "detection_classes": (limit,),
            "num_detections": (), "detection_multiclass_scores": (limit, classes),
            "detection_anchor_indices": (limit,), "raw_detection_boxes": (regions, 4),
            "raw_detection_scores": (regions, classes)}


@tf.autograph.experimental.do_not_convert
def od_outputs(model: FasterRCNN, image) -> dict:
    """One image (H, W, 3) uint8 RGB -> float32 by name. M: the detector's limit; P: its proposals; C: its classes.

    detection_boxes (M, 4), detection_scores (M,), detection_classes (M,), num_detections (): as `served` has them.
    raw_detection_boxes: (P, 4), each proposal moved as its best class would have it, before any is dropped, in the
        form of detection_boxes; 0 where there is no proposal.
    raw_detection_scores: (P, C + 1), of each proposal, the background's first.
    detection_anchor_indices: (M,), which of the proposals a detection was; 0 past num_detections.
    detection_multiclass_scores: (M, C + 1), that one's scores.
    """
    images, size = model.prepare_image(image)
    levels = model.features(images)
    proposals = model.propose(levels, size[None])
    scores, deltas = model.classify(model.pool(levels, proposals.boxes))
    regions, valid = proposals.boxes[0], proposals.valid[0]
    candidates = []  # what is suppressed: boxes (P, C, 4), scores (P, C)

    def suppress(boxes, ranking, *settings):
        candidates.extend((boxes, ranking))
        return model.suppress_classes(boxes, ranking, *settings)

    found = detect(scores[0], None if deltas is None else deltas[0], regions, valid, size[0], size[1],
                   **model.detecting.keywords(), original=tf.shape(image)[:2], suppress=suppress)
    boxes, ranking = candidates
    wanted = model.detecting.classes
    scores = scores[0] if wanted is None else tf.gather(scores[0], [0, *wanted], axis=1)  # (P, C + 1)
    scores = tf.where(valid[:, None], tf.cast(scores, tf.float32), 0.0)
    origin = origins(found, boxes, ranking)
    best = tf.argmax(scores[:, 1:], 1, tf.int32)  # (P,)
    raw = DetectedBoxes(tf.gather(boxes, best, batch_dims=1), tf.reduce_max(scores[:, 1:], 1), best + 1, valid)

    def in_fractions(given: DetectedBoxes) -> dict:
        return served(given._replace(boxes=in_the_image(given.boxes, image, size)), tf.shape(image)[:2])

    return in_fractions(found) | {
        "detection_multiclass_scores": tf.where(found.valid[:, None], tf.gather(scores, origin), 0.0),
        "detection_anchor_indices": tf.cast(origin, tf.float32),
        "raw_detection_boxes": in_fractions(raw)["detection_boxes"],
        "raw_detection_scores": scores}


def origins(found: DetectedBoxes, boxes, scores):
    """Which candidate each detection was: (M,) int32; 0 where there is none.

    boxes (P, C, 4) and scores (P, C): what `found` was chosen from. Detections are copies of them, so that they are
    equal to the bit; where several candidates are, suppression keeps the first.
    """
    label = tf.maximum(found.labels - 1, 0)  # (M,)
    same = tf.equal(tf.gather(scores, label, axis=1), found.scores)  # (P, M)
    same &= tf.reduce_all(tf.equal(tf.gather(boxes, label, axis=1), found.boxes), -1)
    return tf.where(found.valid, tf.argmax(tf.cast(same, tf.int32), 0, tf.int32), 0)
