"""Two workers, and two devices of one machine, against one process: the same steps, the same weights."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from frcnn_keras.commands import train_rpn
from frcnn_keras.data.batches import Share
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.training.distribution import SINGLE, Distribution, place
from tests.clusters import cluster, free_ports
from tests.distributed_stages import joint_config

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 400  # seconds after which processes that wait for each other are killed
STARTS = {"one": "none", "mirrored": "mirrored", "chief": "multiworker", "worker": "multiworker"}


@pytest.fixture(scope="module")
def base(tmp_path_factory, tiny_backbone):
    """A run whose RPN ranks clearly: a new one's scores are so alike that rounding alone reorders its proposals."""
    from frcnn_keras.models.saving import save_model
    from frcnn_keras.training.joint import new_detector

    run, rng = tmp_path_factory.mktemp("base"), np.random.default_rng(0)
    model = new_detector(shapes_dataset(10, 3, 120, 156), joint_config(str(tiny_backbone)))
    for kernel in (model.rpn.convolution.kernel, model.rpn.objectness.kernel):
        kernel.assign(rng.normal(0, 0.2, kernel.shape).astype(np.float32))
    save_model(model, run / "detector.keras")
    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory, prep, base):
    """By process: what it found (distributed_stages), its run folder, its output. The two workers were interrupted."""
    folder = tmp_path_factory.mktemp("distribution")
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    processes, runs = {}, {"one": "one", "mirrored": "mirrored", "chief": "two", "worker": "two"}
    try:
        for name, strategy in STARTS.items():
            quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
            environment = os.environ | quiet
            environment.pop("TF_CONFIG", None)
            if strategy == "multiworker":
                environment["TF_CONFIG"] = cluster(addresses, int(name == "worker"))
            command = [sys.executable, "-m", "tests.distributed_stages", strategy, prep.path, base,
                       folder / runs[name], folder / f"{name}.json", *(["1"] if strategy == "multiworker" else [])]
            with open(folder / f"{name}.log", "w") as log:
                processes[name] = subprocess.Popen(list(map(str, command)), cwd=ROOT, env=environment, stdout=log,
                                                   stderr=subprocess.STDOUT)
        codes = {name: process.wait(LIMIT) for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    logs = {name: (folder / f"{name}.log").read_text() for name in STARTS}
    for name, code in codes.items():
        assert code == 0, f"{name}: {logs[name][-3000:]}"
    return {name: (json.loads((folder / f"{name}.json").read_text()), folder / runs[name], logs[name])
            for name in STARTS}


@pytest.mark.parametrize("trainer", ["rpn", "rcnn", "joint"])
@pytest.mark.parametrize("name", ["mirrored", "chief", "worker"])
def test_losses_step_by_step(trained, name, trainer):
    alone, found = trained["one"][0][trainer], trained[name][0][trainer]
    assert trained[name][0]["replicas"] == 2 and trained["one"][0]["replicas"] == 1
    assert len(found) == len(alone) == (4 if trainer == "joint" else 6)
    assert len({step["loss"] for step in alone}) == len(alone)
    for one, other in zip(alone, found, strict=True):
        assert other == pytest.approx(one, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", ["mirrored", "chief"])
def test_final_weights(trained, name):
    from frcnn_keras.models.saving import load_model

    for file in ("detector.keras", "joint/detector.keras"):
        alone, found = (load_model(trained[key][1] / file) for key in ("one", name))
        assert len(alone.weights) > 10
        for one, other in zip(alone.weights, found.weights, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5, err_msg=f"{file} {one.path}")


def test_the_weights_moved(trained, base):
    """Otherwise equal weights would say nothing: they move by far more than may be unlike."""
    from frcnn_keras.models.saving import load_model

    start, end = (load_model(run / "detector.keras") for run in (base, trained["one"][1] / "joint"))
    moved = [float(np.abs(one - other).max()) for one, other in zip(start.get_weights(), end.get_weights())]
    assert sum(most > 1e-4 for most in moved) > 10
    biases = [weight.numpy() for weight in load_model(trained["one"][1] / "detector.keras").rpn.weights
              if weight.name == "bias"]  # zeros at first
    assert len(biases) == 3 and all(np.abs(bias).max() > 1e-3 for bias in biases)


@pytest.mark.parametrize("name", ["chief", "worker"])
def test_interrupted_workers_went_on(trained, name):
    for stage in ("rpn", "finetune"):
        assert f"{stage}: resuming after epoch 1 of 2" in trained[name][2]


def test_only_the_chief_writes(trained):
    assert trained["worker"][0]["written"] == []
    run, written = trained["chief"][1], trained["chief"][0]["written"]
    assert {run / "rpn_state.npz", run / "joint" / "finetune_state.npz"} <= set(map(Path, written))
    same = [sorted(str(path.relative_to(trained[name][1])) for path in trained[name][1].rglob("*"))
            for name in ("one", "chief")]
    assert same[0] == same[1]


@pytest.mark.parametrize("name", list(STARTS))
def test_a_mean_over_unequal_parts(trained, name):
    """Samples 1 | 2, 3 of w x with w = 0.5: the mean of squares is 14 / 3 / 4, its gradient by w 14 / 3."""
    assert trained[name][0]["unequal"] == pytest.approx([14 / 12, 0.5 - 0.1 * 14 / 3], rel=1e-6)


@pytest.mark.parametrize("name", list(STARTS))
def test_what_the_chief_says_is_known_everywhere(trained, name):
    found = trained[name][0]["agreement"]
    assert found["sent"] == [0, 256, 768] and found["told"] == 0
    assert found["InputError"] == "the chief cannot"
    assert "training diverged: the loss is nan at step 1" in found["FloatingPointError"]  # one worker's part was bad


def test_the_command_without_a_cluster(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    code = train_rpn.run(["--data", str(tmp_path), "--run", str(tmp_path / "run"), "--strategy", "multiworker"])
    assert code == 2 and "TF_CONFIG" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_images_must_divide():
    four = Distribution(types.SimpleNamespace(num_replicas_in_sync=4), worker=1, workers=2)
    assert four.share(8) == Share(1, 2, 4) and not four.chief
    with pytest.raises(InputError, match=r"--batch 6 images cannot be divided equally among 4 devices \(2 workers\)"):
        four.share(6)
    assert SINGLE.share(3) == Share() and SINGLE.chief


def test_places_in_a_cluster():
    workers = ["a:1", "b:2", "10.0.0.3:2222"]
    assert [place(cluster(workers, index)) for index in range(3)] == [(0, 3), (1, 3), (2, 3)]
    with_chief = {"chief": ["c:9"], "worker": workers}
    assert place(json.dumps({"cluster": with_chief, "task": {"type": "chief", "index": 0}})) == (0, 4)
    assert place(json.dumps({"cluster": with_chief, "task": {"type": "worker", "index": 2}})) == (3, 4)


@pytest.mark.parametrize(("text", "says"), [
    ("", "needs the environment variable TF_CONFIG"),
    ("{", "not as TensorFlow wants it"),
    ("[]", "not as TensorFlow wants it"),
    ('{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
    (cluster(["a:1"], 1), "the cluster has no task worker 1; it has 0 chief and 1 workers"),
    (cluster(["a:1"], -1), "the cluster has no task worker -1"),
    (cluster(["a:1"], 0, "evaluator"), "no task evaluator 0"),
    (cluster(["a"], 0), "'a' is no address; give host:port"),
    (cluster([1], 0), "1 is no address"),
    (cluster(["a:1", "a:1"], 0), "stands there twice"),
    (json.dumps({"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}), "it has ps"),
    (json.dumps({"cluster": {"chief": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}), "one chief"),
])
def test_a_tf_config_that_cannot_be_right(text, says):
    with pytest.raises(InputError) as error:
        place(text)
    assert says in str(error.value) and "\n" not in str(error.value)
