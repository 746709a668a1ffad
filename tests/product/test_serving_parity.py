import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import saved_model, serving_parity
from frcnn_keras.models.saving import save_model
from frcnn_keras.runs.detector import load
from frcnn_keras.serving.drawn_pictures import drawn_images


def test_a_process_of_its_own_answers_as_predict(exported, tiny_run, capfd):
    assert serving_parity.run(["--run", str(tiny_run), "--saved-model", str(exported[1]), "--images", "3"]) == 0
    printed = capfd.readouterr().out
    assert printed.startswith("3 images, ") and printed.strip().endswith(": as predict")
    assert int(printed.split()[2]) > 5


def test_another_models_answers_are_found_out(exported, tiny_run, tmp_path, capfd):
    model = load(tiny_run).model
    model.rcnn.deltas.bias.assign_add(np.full(model.rcnn.deltas.bias.shape, 0.05, np.float32))
    save_model(model, tmp_path / "detector.keras")
    assert serving_parity.run(["--run", str(tmp_path), "--saved-model", str(exported[1]), "--images", "2"]) == 1
    assert "NOT as predict" in capfd.readouterr().out


def test_that_process_does_not_import_the_package(exported, tmp_path):
    np.save(tmp_path / "in.npy", np.array(drawn_images()[2:], object))
    code = (f"import sys; sys.path.insert(0, {str(saved_model.__file__.rsplit('/', 1)[0])!r}); import saved_model;"
            f"saved_model.answer({str(exported[1])!r}, 'in.npy', 'out.npz');"
            "sys.exit(any(name.startswith('frcnn_keras') for name in sys.modules))")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    with np.load(tmp_path / "out.npz", allow_pickle=True) as found:
        assert found["image_size"].tolist() == [[96, 333], [60, 48]]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/statm")
def test_soak_measures_after_every_tenth(exported, capsys):
    saved_model.soak(str(exported[1]), 20, 64)
    held = json.loads(capsys.readouterr().out)
    assert len(held) == 10 and all(50 < megabytes < 20000 for megabytes in held)
