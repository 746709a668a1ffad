import io
import re
import threading
from time import sleep

import pytest

from frcnn_keras import progress
from frcnn_keras.progress import Progress, ahead, clock


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def time(monkeypatch):
    """A clock that the test sets."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("seconds, text", [(0, "0:00"), (0.4, "0:00"), (59.6, "1:00"), (75.2, "1:15"), (3599, "59:59"),
                                           (3722, "1:02:02"), (90000, "25:00:00")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_rate_and_time_left(time):
    bar = Progress("features", 40, "images", stream=io.StringIO())
    time[0] += 5
    bar.advance(10)  # 2 a second; 30 left
    assert "10/40 images, 2.0/s, left 0:15" in bar.line()
    assert "[#####...............]" in bar.line()


def test_earlier_work_counts_in_the_share_and_not_in_the_rate(time):
    bar = Progress("features", 40, "images", start=20, stream=io.StringIO())
    time[0] += 10
    bar.advance(10)
    assert "30/40 images, 1.0/s, left 0:10" in bar.line()


def test_before_anything_is_done_and_of_nothing(time):
    assert "0/40" in Progress("a", 40, "images", stream=io.StringIO()).line()
    assert "0/0" in Progress("a", 0, "images", stream=io.StringIO()).line()


def test_a_log_file_gets_a_line_every_ten_seconds_and_a_last_one(time):
    stream = io.StringIO()
    with Progress("a", 100, "steps", stream=stream) as bar:
        for _ in range(100):
            time[0] += 0.25
            bar.advance(note="loss 1.5")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3  # after 10 s, after 20 s, at the end
    assert "\r" not in stream.getvalue()
    assert "100/100 steps, 4.0/s, took 0:25  loss 1.5" in lines[-1]


def test_a_terminal_has_one_line_redrawn_ten_times_a_second_at_most(time):
    stream = Terminal()
    with Progress("a", 100, "steps", stream=stream) as bar:
        for _ in range(100):
            time[0] += 0.01
            bar.advance()
    assert stream.getvalue().count("\n") == 1
    assert 9 <= len(re.findall("\r", stream.getvalue())) <= 12


def test_the_line_ends_where_the_work_fails(time):
    stream = io.StringIO()
    with pytest.raises(KeyError), Progress("a", 10, "steps", stream=stream) as bar:
        bar.advance(3)
        raise KeyError
    assert "3/10" in stream.getvalue() and stream.getvalue().endswith("\n")


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_order_is_kept(workers, count):
    def slow_where_even(item):
        sleep(0.002 if item % 2 == 0 else 0)
        return item * item

    assert list(ahead(slow_where_even, range(count), workers)) == [item * item for item in range(count)]


def test_an_exception_comes_at_its_items_turn():
    def work(item):
        if item == 5:
            raise KeyError(item)
        return item

    results, seen = ahead(work, range(10), 2), []
    with pytest.raises(KeyError):
        for result in results:
            seen.append(result)
    assert seen == [0, 1, 2, 3, 4]


def test_an_exception_of_the_source_passes_through():
    def items():
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(ahead(lambda item: item, items(), 2))


@pytest.mark.parametrize("workers", [1, 3])
def test_the_look_ahead_is_bounded(workers):
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    results = ahead(lambda item: item, items(), workers)
    assert taken == []  # nothing before the first is asked for
    for number in range(50):
        next(results)
        assert len(taken) <= number + 1 + 2 * workers
    results.close()
    assert len(taken) < 100


def test_several_at_a_time():
    barrier = threading.Barrier(2, timeout=10)  # passes only if two workers are inside at once

    def work(item):
        barrier.wait()
        return item

    assert list(ahead(work, range(4), 2)) == [0, 1, 2, 3]
