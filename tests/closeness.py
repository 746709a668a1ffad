"""Arrays of two answers against each other."""

import numpy as np


def close(one, other, rtol=0.0, atol=0.0):
    """Asserts that as many arrays are equal in turn, within these bounds."""
    for first, second in zip(one, other, strict=True):
        np.testing.assert_allclose(np.asarray(first, np.float64), np.asarray(second, np.float64), rtol=rtol, atol=atol)
