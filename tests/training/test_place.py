import json

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.training.distribution import place
from tests.clusters import cluster


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
