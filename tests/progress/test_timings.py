import pytest

from frcnn_keras.progress import Timings, timed


def test_every_second_counts_for_the_innermost_part(tick):
    with Timings("other") as timings:
        tick(1)
        with timed("backbone"):
            tick(2)
            with timed("neck"):
                tick(4)
            tick(8)
        tick(16)
        with timed("backbone"):
            tick(32)
    assert timings.seconds == {"other": 17, "backbone": 42, "neck": 4}
    assert timings.total == 63


def test_seconds_before_it_count_for_the_rest(tick):
    with Timings("start-up", begun=90.0) as timings:
        tick(5)
    assert timings.seconds == {"start-up": 15}


def test_a_part_that_fails_is_left(tick):
    with Timings("other") as timings:
        with pytest.raises(KeyError), timed("rpn"):
            tick(3)
            raise KeyError
        tick(1)
    assert timings.seconds == {"other": 1, "rpn": 3}


def test_nobody_counts(tick):
    with Timings("other") as timings:
        pass
    with timed("rpn"):
        tick(5)
    assert timings.seconds == {"other": 0}


def test_as_a_decorator(tick):
    @timed("rpn")
    def work():
        tick(2)
        return 7

    with Timings("other") as timings:
        assert work() == 7
        assert work() == 7
    assert timings.seconds == {"other": 0, "rpn": 4}
