from frcnn_keras.commands import report
from frcnn_keras.commands.report import build_parser
from tests.reporting.evaluated_run import write_images, write_run, write_training
from tests.reporting.pictures_by_hand import drawn_at_random


def test_it_prints_the_path(tmp_path, capsys):
    drawn = drawn_at_random(0)
    run, images = write_run(tmp_path / "run", drawn), write_images(tmp_path / "images", drawn)
    assert report.run(["--run", str(run), "--images", str(images), "--out", str(tmp_path / "r.html")]) == 0
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'r.html'}\n" and "note" not in told.err


def test_the_images_of_train_that_are_gone(tmp_path, capsys):
    run = write_run(tmp_path / "run", drawn_at_random(0))
    write_training(run)
    assert report.run(["--run", str(run)]) == 0
    assert "the images are not at hand (a b" in capsys.readouterr().err


def test_no_run_is_one_line(tmp_path, capsys):
    assert report.run(["--run", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert build_parser().parse_args(["--run", "r"]).out is None
