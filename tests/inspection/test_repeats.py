import numpy as np

from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.inspection.repeats import repeats


def example(name, boxes, labels):
    none = np.zeros(len(labels), bool)
    return Example(name, name, lambda: b"", 40, 60, np.array(boxes, np.float32).reshape(-1, 4),
                   np.array(labels, np.int32), none, none)


def data(*examples, classes=("cat", "dog")):
    return Dataset("set", classes, tuple(range(1, len(classes) + 1)), examples, ())


ONE, TWO = (1, 2, 30, 20), (5, 6, 20, 30)


def test_boxes_that_stand_twice():
    twice = repeats(data(example("a", [ONE, TWO, ONE, ONE], [1, 1, 1, 1]), example("b", [TWO, TWO], [2, 2]),
                         example("c", [ONE], [1])))
    assert [str(problem) for problem in twice] == [
        "set: 3 boxes in 2 images stand there twice, with the same class, first: a"] and not twice[0].fatal
    assert repeats(data(example("a", [ONE, ONE], [1, 2]), example("b", [ONE], [1]), example("c", [], []))) == []


def test_names_that_look_the_same():
    (problem,) = repeats(data(classes=("cat", "Cat", "dog")))
    assert not problem.fatal and "'cat', 'Cat'" in problem.message
