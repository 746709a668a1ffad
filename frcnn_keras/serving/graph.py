"""The graph functions that a server calls: encoded images, pixels or Examples -> detections.

Every image of a request goes through the detector by itself, at its own size, exactly as a request of one image would:
batching stages would pad small images up to large ones, and what stands beside an image changes its borders' features.
"""

from pathlib import Path

import tensorflow as tf

from frcnn_keras.data.image_header import SERVED_PIXELS
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.ops.postprocessing import served
from frcnn_keras.readers.tf_records import encoded_image
from frcnn_keras.serving.decoding_graph import UNREADABLE, decoded

PARALLEL = 4  # images of a request under way at once; memory grows with it
_KINDS = {"detection_boxes": tf.float32, "detection_scores": tf.float32, "detection_classes": tf.float32,
          "num_detections": tf.float32, "image_size": tf.int32}


class ServingModule(tf.Module):
    """The three signatures of a detector, over the weights it has.

    Encoded images are turned upright by their EXIF orientation, as `predict` turns them; pixels are taken as upright.
    Each gives, for N images and at most K detections of each, past `num_detections` zeros and "":
        detection_boxes: (N, K, 4) float32, [ymin, xmin, ymax, xmax] as fractions of the upright image.
        detection_scores: (N, K) float32, falling.
        detection_classes: (N, K) float32, 1..C.
        num_detections: (N,) float32.
        detection_class_names: (N, K) string.
        image_size: (N, 2) int32, height and width of the upright image.
    """

    def __init__(self, model: FasterRCNN, labels: Path, max_pixels: int = SERVED_PIXELS):
        """labels: a text file with the name of class 1, 2, ... on each line; it becomes an asset. max_pixels: an
        encoded image of more is refused before it is decoded."""
        super().__init__(name="detector")
        self.max_pixels = max_pixels
        self.weights = [variable.value for variable in model.variables]  # Keras's own wrappers: the graph loader fails
        lines = tf.lookup.TextFileInitializer(
            str(labels), tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE)
        self.names = tf.lookup.StaticHashTable(lines, default_value="")
        self._model = _Untracked(model)

    def signatures(self) -> dict:
        """Concrete functions by signature's name."""
        strings = tf.TensorSpec([None], tf.string, name="image_bytes")
        pixels = tf.TensorSpec([None, None, None, 3], tf.uint8, name="image_tensor")
        examples = tf.TensorSpec([None], tf.string, name="examples")
        return {"serving_default": tf.function(self.image_bytes).get_concrete_function(strings),
                "image_tensor": tf.function(self.image_tensor).get_concrete_function(pixels),
                "tf_example": tf.function(self.tf_example).get_concrete_function(examples)}

    def image_bytes(self, image_bytes):
        """Encoded images (N,) string; JPEG, PNG, BMP, WebP or the first frame of a GIF, of any sizes."""
        return self._detect_each(image_bytes, lambda item, index: readable(tf.identity, item, index, self.max_pixels))

    def tf_example(self, examples):
        """Serialized Examples (N,) string with image/encoded."""
        return self._detect_each(examples, lambda item, index: readable(encoded_image, item, index, self.max_pixels))

    def image_tensor(self, image_tensor):
        """Pixels (N, H, W, 3) uint8 RGB."""
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(tf.shape(image_tensor)[1:3] > 0),
                                                          ["image_tensor: the images have no pixels"])]):
            image_tensor = tf.identity(image_tensor)
        return self._detect_each(image_tensor, lambda item, index: item)

    def _detect_each(self, items, read) -> dict:
        """Detects in every item that read(item, index) makes an image of; the outputs by name."""
        model, limit = self._model.whole, self._model.whole.detecting.limit

        def detect_item(inputs):
            item, index = inputs
            image = read(item, index)  # (H, W, 3) uint8
            size = tf.shape(image)[:2]
            return served(model.detect_image(image), size) | {"image_size": size}

        shapes = {"detection_boxes": (limit, 4), "detection_scores": (limit,), "detection_classes": (limit,),
                  "num_detections": (), "image_size": (2,)}
        kinds = {name: tf.TensorSpec(shape, _KINDS[name]) for name, shape in shapes.items()}
        outputs = tf.map_fn(detect_item, (items, tf.range(tf.shape(items)[0])), fn_output_signature=kinds,
                            parallel_iterations=PARALLEL)
        outputs["detection_class_names"] = self.names.lookup(tf.cast(outputs["detection_classes"], tf.int64) - 1)
        return outputs


class _Untracked:
    """Keeps a Keras model out of tf.Module's bookkeeping, which would save all that Keras knows of it as well."""

    def __init__(self, whole):
        self.whole = whole


def readable(encoded_of, item, index, max_pixels: int):
    """The image (H, W, 3) uint8 of encoded_of(item); where there is none, an error that says which of the request's.

    A graph has no `try`, and a decoder's own error does not know the index. A data set of one element can leave out
    what fails: then what comes behind it, an image without pixels, is taken.
    """
    attempt = tf.data.Dataset.from_tensors(item).map(lambda item: decoded(encoded_of(item), max_pixels))
    nothing = tf.data.Dataset.from_tensors((tf.zeros((0, 0, 3), tf.uint8), UNREADABLE))
    image, problem = attempt.ignore_errors().concatenate(nothing).take(1).get_single_element()
    message = tf.strings.join(["image ", tf.strings.as_string(index), " of the request (counted from 0) cannot be "
                               "decoded: ", problem])
    with tf.control_dependencies([tf.debugging.Assert(tf.equal(problem, ""), [message])]):
        return tf.ensure_shape(tf.identity(image), (None, None, 3))
