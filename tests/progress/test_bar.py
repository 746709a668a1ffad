import io
import re
import sys

import pytest

from frcnn_keras.progress import Progress, bar, pace, say, tracked


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def time(monkeypatch):
    """A clock that the test sets."""
    now = [100.0]
    for module in (bar, pace):
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture(params=[40, 60, 80, 120])
def columns(request, monkeypatch):
    """A terminal's width."""
    monkeypatch.setenv("COLUMNS", str(request.param))
    monkeypatch.setenv("TERM", "xterm")
    return request.param


def shown(stream):
    """The lines that a terminal has drawn, one after another, without colours."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    return [line for line in re.split(r"[\r\n]+", plain) if line.strip()]


def test_rate_and_time_left(time):
    counted = Progress("features", 44, "images", stream=io.StringIO())
    counted.advance(4)
    assert counted.line() == "features [#...................] 4/44 images"  # a graph was traced: nothing is known yet
    time[0] += 5
    counted.advance(10)  # 2 a second; 30 left
    assert counted.line() == "features [######..............] 14/44 images, 2.0/s, left 0:15"


def test_a_note_and_the_end(time):
    counted = Progress("rpn 1/4", 2, "steps", stream=io.StringIO())
    counted.advance(note="loss 0.5")
    time[0] += 2
    counted.advance()
    assert counted.line() == "rpn 1/4 [####################] 2/2 steps, 0.5/s, took 0:02  loss 0.5"


def test_before_anything_is_done_and_of_nothing(time):
    assert "0/40" in Progress("a", 40, "images", stream=io.StringIO()).line()
    assert "0/0" in Progress("a", 0, "images", stream=io.StringIO()).line()


def test_a_log_file_gets_a_line_every_ten_seconds_and_a_last_one(time):
    stream = io.StringIO()
    with Progress("a", 100, "steps", stream=stream) as counted:
        for _ in range(100):
            time[0] += 0.25
            counted.advance(note="loss 1.5")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3  # after 10 s, after 20 s, at the end
    assert "\r" not in stream.getvalue() and "\x1b" not in stream.getvalue()
    assert "100/100 steps, 4.0/s, took 0:25  loss 1.5" in lines[-1]


def test_a_transient_bar_leaves_no_last_line(time):
    stream = io.StringIO()
    with Progress("a", 100, "steps", stream=stream, transient=True) as counted:
        counted.advance(100)
    assert stream.getvalue() == ""


def test_the_line_ends_where_the_work_fails(time):
    stream = io.StringIO()
    with pytest.raises(KeyError), Progress("a", 10, "steps", stream=stream) as counted:
        counted.advance(3)
        raise KeyError
    assert "3/10" in stream.getvalue() and stream.getvalue().endswith("\n")


def test_no_drawn_line_is_wider_than_the_terminal(columns):
    stream = Terminal()
    with Progress("features of the training images", 10, "images", stream=stream) as counted:
        for _ in range(10):
            counted.advance(note="loss 0.1234")
    lines = shown(stream)
    assert lines and max(map(len, lines)) <= columns
    assert all(line.startswith("feat") for line in lines)  # never broken into two
    if columns >= 80:
        assert "10/10 images, took 0:00  loss 0.1234" in lines[-1]


def test_a_line_that_is_said_stands_above_the_bar(columns, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress("features", 2, "images") as counted:
        counted.advance()
        say("note: a line")
        counted.advance()
    lines = shown(stream)
    assert [line.strip() for line in lines].count("note: a line") == 1
    assert lines[-1].startswith("features") and sys.stderr is stream


@pytest.mark.parametrize("transient", [False, True])
def test_the_terminal_is_as_it_was_where_the_work_fails(transient, columns, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(KeyError), Progress("a", 10, "steps", transient=transient) as counted:
        counted.advance(3)
        raise KeyError
    assert sys.stderr is stream and stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")


def test_a_dumb_terminal_gets_lines(monkeypatch, time):
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with Progress("a", 10, "steps", stream=stream) as counted:
        counted.advance(10)
    assert stream.getvalue() == "a [####################] 10/10 steps, took 0:00\n"


def test_tracked_items(monkeypatch, time):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    seen = []
    for item in tracked(iter("abc"), "scoring", 3, "images"):
        time[0] += 11
        seen.append(item)
    assert seen == ["a", "b", "c"]
    assert [line.split(",")[0] for line in stream.getvalue().splitlines()] == [
        f"scoring [{'#' * (20 * done // 3)}{'.' * (20 - 20 * done // 3)}] {done}/3 images" for done in (1, 2, 3)]
