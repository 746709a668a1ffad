import pytest

from frcnn_keras.progress.pace import Pace


def test_what_is_done_first_counts_neither_in_the_rate_nor_in_the_time_left(tick):
    pace = Pace(40)
    tick(30)  # a graph is traced
    pace.advance(4)
    assert (pace.rate, pace.left) == (None, None)
    tick(3)
    pace.advance(6)
    assert (pace.rate, pace.left) == (2, 15)
    assert pace.spent == 33


def test_nothing_is_said_within_a_second(tick):
    pace = Pace(40)
    pace.advance(1)
    tick(0.9)
    pace.advance(20)
    assert pace.left is None
    tick(0.1)
    assert pace.left == pytest.approx(19 / 20)


def test_earlier_work_counts_in_the_share_alone(tick):
    pace = Pace(40, start=20)
    pace.advance(1)
    tick(10)
    pace.advance(10)
    assert (pace.done, pace.rate, pace.left) == (31, 1, 9)


def test_work_that_stands_still_has_no_rate(tick):
    pace = Pace(40)
    pace.advance(1)
    tick(5)
    assert (pace.rate, pace.left) == (None, None)
