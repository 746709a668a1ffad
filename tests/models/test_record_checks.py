import dataclasses

import pytest

from frcnn_keras.models.record_checks import Keywords, require, within
from frcnn_keras.settings.ranges import Range


def test_require():
    require(True, "a must be b", 1)
    with pytest.raises(ValueError, match="^a must be b. Received: 1$"):
        require(False, "a must be b", 1)


def test_within():
    within("a", 3, Range(least=1, most=3), int)
    within("a", (0.5, 1), Range(least=0, most=1, counts=(2,)))
    with pytest.raises(ValueError, match="^a must be 1 to 3; received: 4$"):
        within("a", 4, Range(least=1, most=3), int)
    with pytest.raises(ValueError, match="^a must be 1 to 3 .whole numbers.; received: 2.0$"):
        within("a", 2.0, Range(least=1, most=3), int)


def test_keywords():
    @dataclasses.dataclass(frozen=True)
    class Record(Keywords):
        a: int
        b: tuple[int, ...] = (1,)

    assert Record(2).keywords() == {"a": 2, "b": (1,)}
