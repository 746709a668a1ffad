from frcnn_keras.reporting.commands import commands_of
from frcnn_keras.reporting.facts import read_facts
from tests.reporting.evaluated_run import write_run, write_training
from tests.reporting.pictures_by_hand import drawn_at_random


def test_of_train_of_stages_and_of_a_crossvalidation(tmp_path):
    run = write_run(tmp_path / "a run", drawn_at_random(0, images=2))
    (run / "rpn.json").write_text('{"config": {}}')
    assert any("train-rpn --data PREP --run" in line for _, line in commands_of(read_facts(run)))
    write_training(run)
    lines = [line for _, line in commands_of(read_facts(run))]
    assert f"train 'a b' --out '{run}'" in lines[0] and "--voc 'a b' --split val --interval" in lines[1]
    (run / "cv.json").write_text('{"folds": [{"fold": 1}, {"fold": 2}]}')
    lines = [line for _, line in commands_of(read_facts(run))]
    assert lines[0].endswith("--folds 2") and len(lines) == 4
