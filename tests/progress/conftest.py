"""A clock that stands still until a test lets seconds pass."""

import time

import pytest


@pytest.fixture
def tick(monkeypatch):
    """Lets seconds pass."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)
