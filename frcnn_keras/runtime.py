"""Starting TensorFlow without a word, and with the threads that a stage wants."""

import contextlib
import importlib.util
import os
import sys

from frcnn_keras.errors import InputError


@contextlib.contextmanager
def _silent_stderr():
    """Points file descriptor 2 at nothing: TensorFlow's C++ logs start-up lines there whatever its log level is."""
    sys.stderr.flush()
    saved = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nothing)


def start_tensorflow(one_thread_an_op: bool = False, devices: bool = True) -> None:
    """Imports TensorFlow without its start-up lines. Call it before the first module that imports it.

    one_thread_an_op: for stages that work on several images at a time; without it two images' operations compete
    for the same threads. devices: start them too; a cluster must be joined before. Raises InputError where there is no
    TensorFlow: the package takes the one that its user has chosen.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise InputError("TensorFlow is not installed; pip install 'frcnn-keras[cpu]', or 'frcnn-keras[gpu]' for "
                         "NVIDIA cards; in a checkout pip install -r requirements.txt")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors reach Python as exceptions anyway
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with _silent_stderr():
        import tensorflow as tf

        accelerated = bool(tf.config.list_physical_devices("GPU"))
        if one_thread_an_op and not accelerated:
            with contextlib.suppress(RuntimeError):  # a program that has used TensorFlow already keeps its threads
                tf.config.threading.set_intra_op_parallelism_threads(1)
        if devices:
            tf.zeros(())  # starts the devices, which log as well
