"""A network as a user might bring it."""

import keras


def own_network(size=None):
    """A user's classifier: two strided convolutions with BatchNorm, a block with a branch, pooling, 3 classes."""
    images = keras.Input((size, size, 3))
    maps = keras.layers.Conv2D(8, 3, strides=2, padding="same", name="stem")(images)
    maps = keras.layers.BatchNormalization(name="stem_bn")(maps)
    inner = keras.layers.Conv2D(8, 3, padding="same", name="block_inner")(maps)
    maps = keras.layers.Add(name="block_out")([maps, inner])
    maps = keras.layers.Conv2D(16, 3, strides=2, padding="same", name="last")(maps)
    classes = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(maps))
    return keras.Model(images, classes, name="own")
