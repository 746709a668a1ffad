import subprocess
import sys

import pytest

from frcnn_keras.commands.stage_process import run_stage


@pytest.mark.parametrize("program, spelled", [
    ("/usr/bin/frcnn", "frcnn evaluate"), ("somewhere/__main__.py", "python -m frcnn_keras evaluate")])
def test_it_says_what_it_starts_and_passes_the_code_on(program, spelled, monkeypatch, capsys):
    started = []

    def run(command, check):
        started.append(command)
        return subprocess.CompletedProcess(command, 130)

    monkeypatch.setattr(sys, "argv", [program])
    monkeypatch.setattr(subprocess, "run", run)
    assert run_stage(["evaluate", "--run", "a b"]) == 130
    assert started == [[sys.executable, "-m", "frcnn_keras", "evaluate", "--run", "a b"]]
    assert capsys.readouterr().err == f"\n$ {spelled} --run a b\n"


def test_a_process_of_its_own(capfd):
    assert run_stage(["detetc"]) == 2
    assert "no command 'detetc'" in capfd.readouterr().err
