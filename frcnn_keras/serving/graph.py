"""The graph functions that a server calls: encoded images, pixels or Examples -> detections.

Every image of a request goes through the detector by itself, at its own size, exactly as a request of one image would:
batching stages would pad small images up to large ones, and what stands beside an image changes its borders' features.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from frcnn_keras.data.image_header import SERVED_PIXELS
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.ops.postprocessing import served
from frcnn_keras.readers.tf_records import encoded_image
from frcnn_keras.serving.decoding_graph import UNREADABLE, decoded
from frcnn_keras.serving.od_graph import od_outputs, od_shapes
from frcnn_keras.serving.pixel_graph import fitting
from frcnn_keras.serving.signatures import DEFAULT, OD_API, OD_INPUT, OURS

PARALLEL = 4  # images of a request under way at once; memory grows with it
_KINDS = {"detection_boxes": tf.float32, "detection_scores": tf.float32, "detection_classes": tf.float32,
          "num_detections": tf.float32, "image_size": tf.int32}


class ServingModule(tf.Module):
    """The signatures of a detector, over the weights it has.

    Encoded images are turned upright by their EXIF orientation, as `predict` turns them; pixels are taken as upright.
    Each of ours gives, for N images and at most K detections of each, past `num_detections` zeros and "":
        detection_boxes: (N, K, 4) float32, [ymin, xmin, ymax, xmax] as fractions of the upright image.
        detection_scores: (N, K) float32, falling.
        detection_classes: (N, K) float32, 1..C.
        num_detections: (N,) float32.
        detection_class_names: (N, K) string.
        image_size: (N, 2) int32, height and width of the upright image.
    Those of the TF Object Detection API give what `od_graph.od_outputs` has, with a batch axis. Where one of them is
    serving_default, a loaded model may be called as a function, as models of that API are.
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

    def signatures(self, kinds: Sequence[str] = (OURS,)) -> dict:
        """Concrete functions by signature's name; kinds: of signatures.KINDS, the first of which is serving_default."""
        found: dict[str, tf.types.experimental.ConcreteFunction] = {}
        for kind in kinds:
            for name, function in (self._ours() if kind == OURS else self._od_api(kind, bool(found))).items():
                found[name if found else DEFAULT] = function
        return found

    def _ours(self) -> dict:
        strings = tf.TensorSpec([None], tf.string, name="image_bytes")
        pixels = tf.TensorSpec([None, None, None, 3], tf.uint8, name="image_tensor")
        examples = tf.TensorSpec([None], tf.string, name="examples")
        return {"image_bytes": tf.function(self.image_bytes).get_concrete_function(strings),
                "image_tensor": tf.function(self.image_tensor).get_concrete_function(pixels),
                "tf_example": tf.function(self.tf_example).get_concrete_function(examples)}

    def _od_api(self, kind: str, later: bool) -> dict:
        """later: whether another signature is serving_default."""
        answer, spec, told = {
            "od-api:image_tensor": (self._od_pixels, tf.TensorSpec(None, tf.uint8), [1, None, None, 3]),
            "od-api:encoded_image": (self._od_encoded(tf.identity), tf.TensorSpec([None], tf.string), [None]),
            "od-api:tf_example": (self._od_encoded(encoded_image), tf.TensorSpec([None], tf.string), [None]),
        }[kind]
        function = tf.function(answer, input_signature=[tf.TensorSpec(spec.shape, spec.dtype, name=OD_INPUT)])
        if not later:
            setattr(self, "__call__", function)  # takes pixels of any shape, to say what is wrong with it
        asked = tf.function(lambda input_tensor: function(input_tensor))
        return {OD_API[kind]: asked.get_concrete_function(tf.TensorSpec(told, spec.dtype, name=OD_INPUT))}

    def image_bytes(self, image_bytes):
        """Encoded images (N,) string; JPEG, PNG, BMP, WebP or the first frame of a GIF, of any sizes."""
        return self._detect_each(image_bytes, lambda item, index: readable(tf.identity, item, index, self.max_pixels))

    def tf_example(self, examples):
        """Serialized Examples (N,) string with image/encoded."""
        return self._detect_each(examples, lambda item, index: readable(encoded_image, item, index, self.max_pixels))

    def image_tensor(self, image_tensor):
        """Pixels (N, H, W, 3) uint8 RGB."""
        return self._detect_each(fitting(image_tensor, "image_tensor"), lambda item, index: item)

    def _detect_each(self, items, read) -> dict:
        """Detects in every item that read(item, index) makes an image of; the outputs by name."""
        model, limit = self._model.whole, self._model.whole.detecting.limit

        def detect_item(item, index):
            image = read(item, index)  # (H, W, 3) uint8
            size = tf.shape(image)[:2]
            return served(model.detect_image(image), size) | {"image_size": size}

        shapes = {"detection_boxes": (limit, 4), "detection_scores": (limit,), "detection_classes": (limit,),
                  "num_detections": (), "image_size": (2,)}
        outputs = _each(items, detect_item, {name: tf.TensorSpec(shape, _KINDS[name])
                                             for name, shape in shapes.items()})
        outputs["detection_class_names"] = self.names.lookup(tf.cast(outputs["detection_classes"], tf.int64) - 1)
        return outputs

    def _od_pixels(self, input_tensor):
        """Pixels (1, H, W, 3) uint8 RGB of one image."""
        image = fitting(input_tensor, OD_INPUT, one=True)[0]
        return {name: value[None] for name, value in od_outputs(self._model.whole, image).items()}

    def _od_encoded(self, encoded_of) -> Callable:
        """The function of strings (N,), of which encoded_of makes encoded images."""
        model = self._model.whole
        kinds = {name: tf.TensorSpec(shape, tf.float32) for name, shape in od_shapes(model).items()}

        def answer(input_tensor):
            return _each(input_tensor, lambda item, index: od_outputs(
                model, readable(encoded_of, item, index, self.max_pixels)), kinds)

        return answer


def _each(items, work, kinds: dict) -> dict:
    """work(item, its index) on every item, up to PARALLEL at once; kinds: what it gives, TensorSpecs by name."""
    return tf.map_fn(lambda inputs: work(*inputs), (items, tf.range(tf.shape(items)[0])), fn_output_signature=kinds,
                     parallel_iterations=PARALLEL)


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
