"""A byte that changed in any shard that a stage reads ends its command with one line that names shard and record."""

import dataclasses
import shutil

import pytest

from data_prep.prepare import prepare
from frcnn_keras.commands import train_rcnn, train_rpn
from frcnn_keras.data import records

RPN = ["--epochs", "1", "--batch", "4", "--rpn-channels", "8", "--post-nms", "20", "--train-post-nms", "20"]
HEAD = ["--epochs", "1", "--batch", "4", "--head-width", "8", "--roi-size", "3", "--precision", "float32"]


@pytest.fixture
def folders(prep, val_prep, tiny_run, tmp_path):
    """Copies that a test may spoil: of prep folders, and of a run with a trained RPN and its proposals."""
    run = tmp_path / "run"
    run.mkdir()
    for name in ("rpn.json", "rpn.weights.h5"):
        shutil.copy(tiny_run / name, run / name)
    shutil.copytree(tiny_run / "proposals", run / "proposals")
    return {"data": shutil.copytree(prep.path, tmp_path / "data"),
            "val": shutil.copytree(val_prep.path, tmp_path / "val"), "run": run}


@pytest.fixture
def ended(folders, capsys):
    """Runs a stage; its exit code and its last line."""

    def ended(stage, *flags):
        new = folders["run"].with_name("new") if stage is train_rpn else folders["run"]
        code = stage.run(["--data", str(folders["data"]), "--run", str(new), *(RPN if stage is train_rpn else HEAD),
                          *flags])
        return code, capsys.readouterr().err.strip().splitlines()[-1]

    return ended


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


PLACES = {"length": lambda frame: frame.offset - 12, "length's checksum": lambda frame: frame.offset - 3,
          "payload": lambda frame: frame.offset + frame.length // 2,
          "payload's checksum": lambda frame: frame.offset + frame.length}


def refused(answer, shard, number=None):
    code, line = answer
    assert code == 2 and str(shard) in line and "Traceback" not in line, line
    assert number is None or f"record {number}:" in line, line


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind, stage, flags", [
    ("features", train_rpn, []), ("minibatches", train_rpn, []), ("tiles", train_rpn, ["--tiles"]),
    ("features", train_rcnn, [])])
def test_of_a_prep_folder(folders, ended, kind, stage, flags, place):
    shard = next((folders["data"] / kind).glob("*.tfrecord"))
    frame = records.spans([shard])[6].frame
    flip(shard, PLACES[place](frame))
    answer = ended(stage, *flags)
    refused(answer, shard, 7)
    assert "--fresh" in answer[1]


@pytest.mark.parametrize("place", PLACES)
def test_of_a_runs_proposals(folders, ended, place):
    proposals = folders["run"] / "proposals" / "train"
    shard = next(proposals.glob("*.tfrecord"))
    flip(shard, PLACES[place](records.spans([shard])[1].frame))
    answer = ended(train_rcnn)
    refused(answer, shard, 2)
    assert f"remove {proposals} and run" in answer[1]


def test_what_was_removed_is_made_again_to_the_byte(folders, ended):
    """As the message says: the run's RPN is finished, and the same command makes what is missing."""
    assert ended(train_rpn)[0] == 0
    proposals = folders["run"].with_name("new") / "proposals" / "train"
    shard = next(proposals.glob("*.tfrecord"))
    whole = shard.read_bytes()
    shutil.rmtree(proposals)
    assert ended(train_rpn)[0] == 0 and shard.read_bytes() == whole


def test_of_validation_features(folders, ended):
    shard = next((folders["val"] / "features").glob("*.tfrecord"))
    flip(shard, PLACES["payload"](records.spans([shard])[2].frame))
    refused(ended(train_rpn, "--val", str(folders["val"])), shard, 3)


def test_of_images_that_proposals_are_made_for(folders, ended, tiny_run):
    """Without epochs nothing is trained on: the proposals' own reading notices it."""
    shard = next((folders["data"] / "features").glob("*.tfrecord"))
    flip(shard, PLACES["payload"](records.spans([shard])[3].frame))
    refused(ended(train_rpn, "--epochs", "0", "--rpn", str(tiny_run)), shard, 4)


@pytest.mark.parametrize("kind", ["features", "minibatches", "tiles"])
@pytest.mark.parametrize("spoil", [lambda data: data[:-7], lambda data: data + bytes(16), lambda data: data + data[:9]])
def test_cut_off_and_grown_shards(folders, ended, kind, spoil):
    shard = next((folders["data"] / kind).glob("*.tfrecord"))
    shard.write_bytes(spoil(shard.read_bytes()))
    refused(ended(train_rpn, "--tiles"), shard)


def test_another_folders_shard(folders, ended, shapes, prep_config, tmp_path):
    """As many records, whole each of them: of the same images, prepared with another draw of minibatches."""
    other = prepare(shapes, tmp_path / "other", dataclasses.replace(prep_config, seed=1)).path
    shard = next((folders["data"] / "minibatches").glob("*.tfrecord"))
    shutil.copy(other / "minibatches" / shard.name, shard)
    answer = ended(train_rpn)
    refused(answer, shard)
    assert "not the shard that was written here" in answer[1]
