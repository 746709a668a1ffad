"""Starting TensorFlow, where there is one; and a Keras that reads detectors, whenever it is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.runtime import start_tensorflow

ROOT = Path(__file__).resolve().parents[1]
LOADS = """
{imports}
import keras
model = keras.saving.load_model({path!r})
assert type(model).__name__ == "FasterRCNN" and model.geometry.levels == 1, model
"""


def test_without_tensorflow_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(InputError, match=r"TensorFlow is not installed; .*frcnn-keras\[cpu\]") as caught:
        start_tensorflow()
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("imports", ["import frcnn_keras", "import keras, frcnn_keras",
                                     "import frcnn_keras, tensorflow", "import tensorflow, frcnn_keras",
                                     "import frcnn_keras.models.settings"])
def test_keras_loads_a_detector_in_every_order_of_imports(imports, tiny_run):
    code = LOADS.format(imports=imports, path=str(tiny_run / "detector.keras"))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_keras_is_found_as_it_would_be():
    code = ("import frcnn_keras, importlib.util, sys; assert importlib.util.find_spec('keras') is not None; "
            "assert 'keras' not in sys.modules; import keras; "
            "assert type(keras.__spec__.loader).__name__ == 'SourceFileLoader'; "
            "assert not any('Keras' in type(finder).__name__ for finder in sys.meta_path)")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
