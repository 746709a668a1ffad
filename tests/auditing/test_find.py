import dataclasses
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.auditing.find import find
from frcnn_keras.runs.evaluated import NOTHING
from tests.auditing.by_hand import audited, image, many


def test_each_error_is_found_and_stands_first():
    draw = np.random.default_rng(0)
    images = many(draw, 80)
    box = lambda one: tuple(one.boxes[0])  # noqa: E731
    images[10] = image((), [(*box(images[10]), 2, 0.97)], number=11, fold=1)  # missing
    images[20] = dataclasses.replace(images[20], labels=images[20].labels % 3 + 1)  # wrong class
    images[30] = dataclasses.replace(images[30], boxes=images[30].boxes + (15, 0, 15, 0))  # shifted by 0.3
    images[40] = dataclasses.replace(images[40], detected=NOTHING)  # spurious
    twice = images[50]
    images[50] = dataclasses.replace(twice, boxes=np.repeat(twice.boxes, 2, 0), labels=np.repeat(twice.labels, 2),
                                     ignored=np.zeros(2, bool), annotations=np.array([51, 999]))
    found = find(audited(*images)).findings
    first = {one.kind: one for one in reversed(found)}
    assert {kind: one.file for kind, one in first.items()} == {
        "missing": "11.jpg", "wrong_class": "21.jpg", "shifted": "31.jpg", "spurious": "41.jpg",
        "duplicate": "51.jpg"}
    assert {one.file for one in found[:5]} == {"11.jpg", "21.jpg", "31.jpg", "41.jpg", "51.jpg"}
    assert first["duplicate"].annotation == 999
    assert min(one.score for one in found[:5]) > 0.5
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from([0.6, 0.9, 0.99999, 1.0]))
def test_a_perfect_detector_on_perfect_labels_finds_nothing(seed, count, score):
    images = many(np.random.default_rng(seed), count, score)
    assert max((one.score for one in find(audited(*images), 0.0).findings), default=0) < 0.1


boxes = st.tuples(st.integers(0, 90), st.integers(0, 40), st.integers(1, 60), st.integers(1, 50)).map(
    lambda edges: (edges[0], edges[1], edges[0] + edges[2], edges[1] + edges[3]))
labelled = st.lists(st.tuples(boxes, st.integers(1, 3)), max_size=4)
detected = st.lists(st.tuples(boxes, st.integers(1, 3), st.floats(0.05, 1)), max_size=6)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.tuples(labelled, detected, st.integers(1, 2), st.booleans()), max_size=6), st.integers(0, 99))
def test_scores_are_within_0_and_1_and_know_no_order(drawn, seed):
    images, first = [], 1
    for number, (objects, found, fold, ignored) in enumerate(drawn, 1):
        images.append(image([(*box, label) for box, label in objects],
                            [(*box, label, score) for box, label, score in found], number=number, fold=fold,
                            first=first, ignored=[0] if ignored and objects else ()))
        first += len(objects)
    found = find(audited(*images), 0.0).findings
    assert all(0 <= one.score <= 1 for one in found)
    ignored = {int(id) for one in images for id in one.annotations[one.ignored]}
    assert not ignored & {one.annotation for one in found}
    random.Random(seed).shuffle(images)
    assert find(audited(*images), 0.0).findings == found


def test_nothing_at_all():
    assert find(audited()).findings == () and find(audited(image())).findings == ()
