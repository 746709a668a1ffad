"""What stands twice in a data set, and what only looks like two: worth knowing, wrong or not."""

import numpy as np

from frcnn_keras.data.example import Dataset, Problem
from frcnn_keras.readers.class_names import look_alikes
from frcnn_keras.readers.tallies import Tally


def repeats(dataset: Dataset) -> list[Problem]:
    """A line on boxes that stand twice in their image with the same class, and one on each group of classes whose names
    differ in letters' case or blanks alone."""
    tally = Tally()
    for example in dataset.examples:
        rows = np.column_stack([example.boxes, example.labels])  # (G, 5)
        twice = len(rows) - len(np.unique(rows, axis=0))
        if twice:
            tally.add(example.file, twice)
    found = tally.problem(dataset.name, "stands there twice, with the same class", "stand there twice, with the same "
                          "class")
    for names in look_alikes(dataset.class_names):
        same = ", ".join(repr(name) for name in names)
        found.append(Problem(dataset.name, f"the classes {same} differ in letters' case or blanks alone: give objects "
                                           "of one kind one name", fatal=False))
    return found
