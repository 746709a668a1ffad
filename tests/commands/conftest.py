"""What commands ask their functions for, without that anything is trained."""

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
