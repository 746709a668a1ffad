"""What commands ask their functions for, without that anything is trained."""

import cv2
import numpy as np
import pytest


@pytest.fixture
def asked_of(monkeypatch):
    """asked_of(module, name) puts a stand-in in a training function's place, and devices' names in those of devices;
    returns the list of its calls to be: (positional arguments, keywords). Its numbers are of two epochs."""
    from frcnn_keras.commands import command_line

    monkeypatch.setattr(command_line, "start_devices", lambda args: f"devices of {args.strategy}")

    def replace(module, name):
        calls = []

        def train(*arguments, **settings):
            calls.append((arguments, settings))
            return {"loss": [2.0, 1.25], "AP": [0.1, 0.33335]}

        monkeypatch.setattr(module, name, train)
        return calls

    return replace


@pytest.fixture
def many(tmp_path):
    """Forty images of two classes, and the CSV of their objects."""
    lines = []
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), pixels)
        lines.append(f"{number}.png,1,2,20,20,{'cat' if number % 2 else 'dog'}\n")
    (tmp_path / "set.csv").write_text("".join(lines))
    return tmp_path / "set.csv"
