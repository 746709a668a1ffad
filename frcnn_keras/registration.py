"""Makes Keras know this package's classes, so that keras.saving.load_model reads a detector.keras.

`import frcnn_keras` imports neither Keras nor TensorFlow: `--help` need not wait for them. So the classes are
registered when Keras is there: at once, or as soon as someone imports it.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys

MODELS = "frcnn_keras.models"


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
