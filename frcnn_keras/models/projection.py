"""One projection for every level of a trained extractor: what makes a pyramid's maps small enough to keep."""

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="frcnn_keras")
class ProjectedExtractor(keras.Model):
    """An extractor and a 1x1 convolution that its levels share: images (B, H, W, 3) -> tuple over levels of
    (B, h, w, D).

    The levels share it because the RPN that slides over them shares its weights too.
    """

    def __init__(self, extractor: keras.Model, channels: int, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.extractor = extractor
        self.neck = keras.layers.Conv2D(channels, 1, name="neck", trainable=False, dtype="float32")
        self.neck.build((None, None, None, extractor.compute_output_shape((None, None, None, 3))[-1][-1]))
        self.built = True

    @property
    def trunk(self) -> keras.Model:
        """The network below."""
        return self.extractor.trunk

    def call(self, images, training=None):
        return tuple(self.neck(level) for level in self.extractor(images, training=False))

    def compute_output_shape(self, input_shape):
        shapes = self.extractor.compute_output_shape(input_shape)
        return tuple((*shape[:-1], self.neck.filters) for shape in shapes)

    def get_config(self):
        return {"name": self.name, "trainable": self.trainable, "channels": self.neck.filters,
                "extractor": keras.saving.serialize_keras_object(self.extractor)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        extractor = keras.saving.deserialize_keras_object(config["extractor"], custom_objects=custom_objects)
        return cls(**{**config, "extractor": extractor})


def project(extractor: keras.Model, kernel: np.ndarray | None = None, bias: np.ndarray | None = None) -> keras.Model:
    """`extractor` with NeckFit's kernel (C, D) and bias (D,) behind every level; itself where they are None. Frozen."""
    model = extractor
    if kernel is not None:
        model = ProjectedExtractor(extractor, kernel.shape[1], name="extractor")
        model.neck.set_weights([np.asarray(kernel)[None, None], np.asarray(bias)])
    model.trainable = False
    return model
