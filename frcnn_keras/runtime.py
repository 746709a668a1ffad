"""What runs: this version of the package, TensorFlow without its start-up lines, a Keras that knows the classes.

`import frcnn_keras` imports neither Keras nor TensorFlow: `--help` need not wait for them. So the classes that stand in
a detector.keras are registered when Keras is there: at once, or as soon as someone imports it.
"""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys

from frcnn_keras.errors import InputError

VERSION = "0.1.0"  # of the package, and in what it writes
MODELS = "frcnn_keras.models"  # where the classes are


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


def start_tensorflow(device: str | None = None, threads: int = 0, devices: bool = True) -> None:
    """Imports TensorFlow without its start-up lines. Call it before the first module that imports it.

    device: what to compute on: `cpu`, or `gpu:0`, `gpu:1`, ...; by default what TensorFlow takes. threads: of one
    operation on the CPU: 1 for stages that work on several images at a time, where two images' operations would compete
    for the same threads; 0: as many as there are cores. devices: start them too; a cluster must be joined before.

    Raises:
        InputError: there is no such device, or no TensorFlow: the package takes the one that its user has chosen.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise InputError("TensorFlow is not installed; pip install 'frcnn-keras[cpu]', or 'frcnn-keras[gpu]' for "
                         "NVIDIA cards; in a checkout pip install -r requirements.txt")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors reach Python as exceptions anyway
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with _silent_stderr():
        import tensorflow as tf

        if device is not None:
            _choose(device)
        accelerated = bool(tf.config.get_visible_devices("GPU"))
        if threads and not accelerated:
            with contextlib.suppress(RuntimeError):  # a program that has used TensorFlow already keeps its threads
                tf.config.threading.set_intra_op_parallelism_threads(threads)
        if devices:
            tf.zeros(())  # starts the devices, which log as well


def _choose(device: str) -> None:
    """Hides the other devices from TensorFlow; InputError where there is no such device, or others have started."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    number = -1 if device == "cpu" else int(device.partition(":")[2] or 0)
    if number >= len(gpus):
        there = f"gpu:0 to gpu:{len(gpus) - 1}" if len(gpus) > 1 else "gpu:0" if gpus else "no GPU"
        raise InputError(f"--device {device}: TensorFlow sees {there}; give another device, or cpu")
    wanted = [] if number < 0 else [gpus[number]]
    if tf.config.get_visible_devices("GPU") != wanted:
        try:
            tf.config.set_visible_devices(wanted, "GPU")
        except RuntimeError as error:
            raise InputError(f"--device {device}: TensorFlow has started on other devices in this process already; "
                             "start another process") from error


def register_with_keras() -> None:
    """Imports the classes now where Keras is imported already, else right after Keras will have been."""
    if "keras" in sys.modules:
        importlib.import_module(MODELS)
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds Keras where it would be found anyway, and sees to it that its loader imports the classes behind it."""

    def find_spec(self, fullname, path=None, target=None):
        """The spec of Keras; None for every other module."""
        if fullname != "keras":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _KerasLoader(spec.loader, self)
        return spec


class _KerasLoader(importlib.abc.Loader):
    """Keras's own loader, and the classes behind it."""

    def __init__(self, loader, finder: _KerasFinder):
        self.loader, self.finder = loader, finder

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        """Runs Keras; then imports the classes, unless it is their own modules that wanted Keras."""
        if self.finder in sys.meta_path:
            sys.meta_path.remove(self.finder)
        module.__loader__ = module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        importlib.import_module(MODELS)  # where they are half imported, this does nothing
