"""Starting TensorFlow, where there is one."""

import sys

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.runtime import start_tensorflow


def test_without_tensorflow_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(InputError, match=r"TensorFlow is not installed; .*frcnn-keras\[cpu\]") as caught:
        start_tensorflow()
    assert "\n" not in str(caught.value)
