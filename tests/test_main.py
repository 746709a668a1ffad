import pytest

from frcnn_keras.__main__ import COMMANDS, main, usage

ORDER = ["train", "check", "prep", "train-rpn", "train-rcnn", "evaluate", "predict", "export"]


@pytest.mark.parametrize("program", ["frcnn", "__main__.py"])
def test_commands_stand_in_the_order_of_work(program, monkeypatch):
    monkeypatch.setattr("sys.argv", [program])
    text = usage()
    rows = [line.split()[0] for line in text.splitlines() if line.startswith("  ")]
    assert rows == list(COMMANDS) and rows[:len(ORDER)] == ORDER
    assert max(map(len, text.splitlines())) <= 80 and text.count("\n") < 40 and "--help-all" in text


@pytest.mark.parametrize("word, told", [("trian", "did you mean train?"), ("eval", "did you mean evaluate?"),
                                        ("detect", "did you mean predict?"), ("help", "did you mean --help?"),
                                        ("xyzzy", "there are train, check, prep")])
def test_a_mistyped_command_is_answered_and_not_run(word, told, capsys):
    assert main([word, "--out", "x"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"frcnn: error: no command {word!r}; {told}")


def test_an_underline_is_a_dash(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["train_rpn", "--help"])
    assert caught.value.code == 0 and "train-rpn" in capsys.readouterr().out
