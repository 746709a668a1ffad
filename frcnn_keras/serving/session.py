"""A SavedModel as a server has it."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf


@contextlib.contextmanager
def serving_session(folder: str | Path) -> Iterator[Callable[[str, dict], dict]]:
    """A SavedModel in a session of its own: call(signature, inputs) -> outputs, all NumPy arrays by name.

    tf.saved_model.load would not do: it rebuilds Python objects, and hides what a server's loader stumbles over.
    """
    logger = logging.getLogger("tensorflow")
    level = logger.level
    with contextlib.closing(tf.compat.v1.Session(graph=tf.Graph())) as session:
        logger.setLevel(logging.ERROR)  # it advises tf.saved_model.load
        try:
            with session.graph.as_default():  # not for longer: in here nothing is eager
                model = tf.compat.v1.saved_model.loader.load(session, [tf.saved_model.SERVING], str(folder))
        finally:
            logger.setLevel(level)

        def call(signature: str, inputs: dict) -> dict:
            definition = model.signature_def[signature]
            outputs = {name: tensor.name for name, tensor in definition.outputs.items()}
            return session.run(outputs, {definition.inputs[name].name: value for name, value in inputs.items()})

        yield call
