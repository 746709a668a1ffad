"""Keras models, and the records that describe a detector.

The modules named here hold the classes that stand in saved models: once this package is imported, Keras knows them all.
"""

from frcnn_keras.models import (  # noqa: F401
    align,
    detector,
    fpn,
    neck,
    normed_conv,
    projection,
    rcnn,
    resnet,
    rpn,
)
