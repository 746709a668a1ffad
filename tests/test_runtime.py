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


@pytest.fixture
def two_cards(monkeypatch):
    """A TensorFlow that sees two GPUs; the list holds those that are visible."""
    import tensorflow as tf

    visible = ["card 0", "card 1"]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["card 0", "card 1"])
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: list(visible))
    monkeypatch.setattr(tf.config, "set_visible_devices",
                        lambda devices, kind: visible.__setitem__(slice(None), devices))
    return visible


@pytest.mark.parametrize("device, left", [
    (None, ["card 0", "card 1"]), ("cpu", []), ("gpu", ["card 0"]), ("gpu:0", ["card 0"]), ("gpu:1", ["card 1"])])
def test_a_device_hides_the_others(device, left, two_cards):
    start_tensorflow(device, devices=False)
    assert two_cards == left


def test_a_device_that_is_not_there(two_cards):
    with pytest.raises(InputError, match="--device gpu:2: TensorFlow sees gpu:0 to gpu:1; give another device, or cpu"):
        start_tensorflow("gpu:2", devices=False)
    assert two_cards == ["card 0", "card 1"]


def test_a_device_after_another_has_started(two_cards, monkeypatch):
    import tensorflow as tf

    def started(devices, kind):
        raise RuntimeError("Visible devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config, "set_visible_devices", started)
    with pytest.raises(InputError, match="--device cpu: TensorFlow has started on other devices"):
        start_tensorflow("cpu", devices=False)


@pytest.mark.slow
def test_a_command_on_a_card_that_is_not_there():
    done = subprocess.run([sys.executable, "-m", "frcnn_keras", "evaluate", "--run", "r", "--shapes", "1", "--device",
                           "gpu:63"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("evaluate: error: --device gpu:63: TensorFlow sees ")


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
