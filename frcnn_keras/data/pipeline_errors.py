"""What a tf.data pipeline's Python functions raise comes out wrapped by TensorFlow; here it becomes itself again."""

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

from frcnn_keras.errors import InputError


def input_error(error: tf.errors.OpError) -> InputError | None:
    """The InputError that TensorFlow reports as its own, one line; None where the error is another."""
    kinds = "|".join(kind.__name__ for kind in (InputError, *InputError.__subclasses__()))
    match = re.search(rf"\b(?:{kinds}): (.*)", str(error.message))
    return InputError(match[1].strip()) if match else None


@contextlib.contextmanager
def input_errors() -> Iterator[None]:
    """A block, or a decorated function, out of which a pipeline's InputError comes as one."""
    try:
        yield
    except tf.errors.OpError as error:
        raise input_error(error) or error from error
