"""Folds: every image in one, groups whole, classes spread, the same in every order."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.crossval.folds import Image, absent_line, assign
from frcnn_keras.errors import InputError


def images_of(labels):
    return [Image(f"{place}.png", frozenset(own)) for place, own in enumerate(labels)]


def alone(images):
    return [[place] for place in range(len(images))]


@st.composite
def data_sets(draw):
    """(images, groups, folds): groups of one to five images, as many as folds or more."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=25))
    count = sum(sizes)
    images = images_of(draw(st.lists(st.frozensets(st.integers(1, 4), max_size=3), min_size=count, max_size=count)))
    places = draw(st.permutations(range(count)))
    ends = np.cumsum(sizes)
    groups = [places[end - size:end] for end, size in zip(ends, sizes, strict=True)]
    return images, groups, draw(st.integers(2, len(sizes)))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(data_sets())
def test_every_image_in_one_fold_groups_whole_no_fold_empty(drawn):
    images, groups, folds = drawn
    found = assign(images, groups, folds)
    assert found.shape == (len(images),) and set(found.tolist()) == set(range(1, folds + 1))
    for group in groups:
        assert len(set(found[list(group)].tolist())) == 1


@settings(derandomize=True, deadline=None, max_examples=50)
@given(data_sets(), st.randoms(use_true_random=False))
def test_the_order_of_images_and_groups_does_not_matter(drawn, random):
    images, groups, folds = drawn
    order = list(range(len(images)))
    random.shuffle(order)
    place_now = {old: new for new, old in enumerate(order)}
    moved = [[place_now[place] for place in group] for group in groups]
    random.shuffle(moved)
    found, again = assign(images, groups, folds), assign([images[old] for old in order], moved, folds)
    assert found[order].tolist() == again.tolist()


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 4), min_size=5, max_size=60), st.integers(2, 5))
def test_a_class_an_image_is_spread_as_evenly_as_can_be(labels, folds):
    """Of n images that have a class every fold has n // folds, or one more; so is the room: one or two apart."""
    images = images_of([{label} if label else () for label in labels])
    found = assign(images, alone(images), folds)
    for label in range(1, 5):
        counts = np.bincount(found[np.array(labels) == label], minlength=folds + 1)[1:]
        assert counts.max() - counts.min() <= 1, label


def test_a_rare_class_beside_a_common_one_is_in_every_fold():
    labels = [{1, 2} if place < 5 else {1} for place in range(100)]
    images = images_of(labels)
    found = assign(images, alone(images), 5)
    assert sorted(found[:5].tolist()) == [1, 2, 3, 4, 5]
    assert np.bincount(found)[1:].tolist() == [20] * 5
    assert absent_line(images, found, ["common", "rare"]) == ""


def test_images_without_objects_and_groups_fill_what_room_is_left():
    images = images_of([set()] * 40)
    assert np.bincount(assign(images, alone(images), 5))[1:].tolist() == [8] * 5
    groups = [list(range(8)), *([place] for place in range(8, 40))]
    assert np.bincount(assign(images, groups, 5))[1:].tolist() == [8] * 5


def test_folds_follow_from_ids():
    images = images_of([{1}] * 40)
    found = assign(images, alone(images), 4)
    other = assign([Image(f"b{image.id}", image.classes) for image in images], alone(images), 4)
    assert found.tolist() != other.tolist()
    turns = sorted(range(40), key=lambda place: hashlib.sha256(f"{place}.png".encode()).hexdigest())
    assert found[turns].tolist() == [1, 2, 3, 4] * 10  # one after the other: all lack the class alike


def test_what_is_missing_is_told():
    images = images_of([{1}, {1}, {2}, set()])
    found = assign(images, alone(images), 2)
    assert absent_line(images, found, ["one", "two", "three"]) == (
        "folds without an object of a class, which have no AP of it: two (1 of 2), three (2 of 2); in one fold alone, "
        "so that the detector which is measured on it has never seen it: two")


def test_fewer_groups_than_folds():
    images = images_of([{1}] * 6)
    with pytest.raises(InputError, match=r"--folds 3: there are 6 images in 2 groups that belong together"):
        assign(images, [[0, 1, 2], [3, 4, 5]], 3)
    with pytest.raises(InputError, match=r"--folds 7: there are 6 images, and every fold needs one"):
        assign(images, alone(images), 7)
