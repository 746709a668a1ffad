import pytest

from frcnn_keras.progress import clock, say


@pytest.mark.parametrize("seconds, text", [(0, "0:00"), (0.4, "0:00"), (59.6, "1:00"), (75.2, "1:15"), (3599, "59:59"),
                                           (3722, "1:02:02"), (90000, "25:00:00")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_lines_go_to_stderr(capsys):
    say("a line")
    assert capsys.readouterr() == ("", "a line\n")
