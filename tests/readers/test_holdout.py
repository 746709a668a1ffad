import dataclasses
import hashlib

import numpy as np
import pytest

from frcnn_keras.data.example import Dataset, Example, Problem
from frcnn_keras.errors import InputError
from frcnn_keras.readers import holdout
from frcnn_keras.readers.holdout import hold_out, parse_share, place_of
from frcnn_keras.readers.look_alikes import Look


@pytest.mark.parametrize("text, share", [("20%", 0.2), ("0.2", 0.2), (0.25, 0.25),
                                         (" 12.5 % ", 0.125), (".3", 0.3), ("90%", 0.9)])
def test_shares(text, share):
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "x", "20", "0", "0%", "1.0", "-5%", "95%", "nan", "1e-1", True, "20%%", None])
def test_what_is_no_share(text):
    with pytest.raises(InputError, match="--holdout must be the share"):
        parse_share(text)


@pytest.fixture
def alike(monkeypatch):
    """What the pictures look like, by id: a number each; the same number, the same picture."""
    numbers = {}

    def looks(examples):
        found = []
        for place, example in enumerate(examples):
            number = numbers.get(example.id, place + 1000)
            vector = np.random.default_rng(number).normal(size=256).astype(np.float32)
            found.append(Look((1, place), number << 8, vector / np.linalg.norm(vector)))
        return found

    monkeypatch.setattr(holdout, "looks", looks)
    return numbers


def dataset(ids, labels=None):
    examples = []
    for number, id in enumerate(ids):
        mine = np.array((labels or {}).get(id, [1]), np.int32)
        boxes = np.tile(np.float32([[1, 1, 9, 9]]), (len(mine), 1))
        none = np.zeros(len(mine), bool)
        examples.append(Example(id, str(id), lambda: b"", 10, 10, boxes, mine, none, none))
    return Dataset("set", ("cat", "dog"), (1, 2), tuple(examples), ())


def ids(part):
    return [example.id for example in part.examples]


def test_by_sha_256_of_the_id(alike):
    names = [f"{number}.jpg" for number in range(400)]
    halves = hold_out(dataset(names), 0.2)
    wanted = [name for name in names if int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) / 16**16 < 0.2]
    assert ids(halves.val) == wanted and 60 < len(wanted) < 100
    assert ids(halves.train) == [name for name in names if name not in wanted]
    assert halves.side("val") is halves.val and "split by the hash of ids, 20% held out" in halves.line
    assert halves.train.name == "set train" and place_of("a.jpg") == 0.3148659035229278  # on every machine


def test_order_and_additions_change_no_side(alike):
    names = [f"{number}.jpg" for number in range(100)]
    held = set(ids(hold_out(dataset(names)).val))
    assert set(ids(hold_out(dataset(names[::-1])).val)) == held
    more = set(ids(hold_out(dataset([f"new {number}" for number in range(50)] + names)).val))
    assert more & set(names) == held


def test_numbers_are_ids_too(alike):
    assert set(ids(hold_out(dataset(range(60))).val)) == {number for number in range(60) if place_of(str(number)) < 0.2}


def test_near_duplicates_go_where_the_smallest_id_goes(alike):
    names = [f"{number:03}" for number in range(100)]
    for number in range(0, 100, 4):
        alike |= dict.fromkeys(names[number : number + 4], number + 1)
    halves = hold_out(dataset(names), 0.3)
    held = set(ids(halves.val))
    for number in range(0, 100, 4):
        assert {name in held for name in names[number : number + 4]} == {place_of(names[number]) < 0.3}
    (note,) = [problem for problem in halves.train.problems if "near-duplicates" in problem.message]
    assert "100 images are near-duplicates, in 25 groups" in note.message and "000 and 001" in note.message
    assert not note.fatal


def test_a_group_larger_than_the_share_trains(alike):
    names = [f"{number}" for number in range(50)]
    alike |= dict.fromkeys(names[:9], 1)  # few enough that the hash alone counts
    held = ids(hold_out(dataset(names), 0.1).val)
    assert held == [name for name in names[9:] if place_of(name) < 0.1] and held


def test_a_camera_that_never_moves(alike):
    names = [f"{number}" for number in range(50)]
    alike |= dict.fromkeys(names, 1)
    halves = hold_out(dataset(names))
    assert ids(halves.val) == [name for name in names if place_of(name) < 0.2]
    assert "nearly all of 50 pictures look alike" in halves.val.problems[0].message


def test_pictures_that_are_all_the_same_are_split_all_the_same(monkeypatch):
    same = Look((1, 1), 0, np.zeros(256, np.float32))
    monkeypatch.setattr(holdout, "looks", lambda examples: [same] * len(examples))
    halves = hold_out(dataset([f"{number}" for number in range(50)]))
    assert 3 < len(halves.val.examples) < 20 and "nearly all" in halves.train.problems[0].message


@pytest.mark.parametrize("count", range(2, 12))
def test_neither_side_is_empty(count, alike):
    for share in (0.01, 0.2, 0.9):
        halves = hold_out(dataset([f"{number}" for number in range(count)]), share)
        assert halves.train.examples and halves.val.examples
        assert len(halves.train.examples) + len(halves.val.examples) == count


def test_one_image_cannot_be_split(alike):
    with pytest.raises(InputError, match="two images are needed to hold one out; there is 1$"):
        hold_out(dataset(["a"]))
    problems = Problem("a.csv", "a note", fatal=False), Problem("b.csv", "bad")
    broken = dataclasses.replace(dataset([]), problems=problems)
    with pytest.raises(InputError, match="there is none that can be used .b.csv: bad.$"):
        hold_out(broken)


def test_classes_that_one_side_lacks_are_told(alike):
    names = [f"{number}" for number in range(30)]
    inside = [name for name in names if place_of(name) < 0.2]
    halves = hold_out(dataset(names, {inside[0]: [2]}))
    (problem,) = halves.train.problems
    assert problem.message == "no object of dog is in train: what has none cannot be learnt"
    whole = dataset(names, {inside[0]: [2]})
    difficult = dataclasses.replace(whole, examples=tuple(
        dataclasses.replace(example, difficult=example.labels == 2) for example in whole.examples))
    assert not hold_out(difficult).train.problems


def none_but(names, bearing):
    """Labels by which only these images have objects."""
    return {name: [1] if name in bearing else [] for name in names}


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.9])
def test_both_sides_have_objects(share, alike):
    """Two of many pictures have any; whichever two, one is measured on."""
    names = [f"{number}" for number in range(12)]
    for first in names:
        for second in names:
            bearing = {first, second}
            halves = hold_out(dataset(names, none_but(names, bearing)), share)
            if len(bearing) > 1:
                assert len(bearing & set(ids(halves.train))) == len(bearing & set(ids(halves.val))) == 1
                plain = {name for name in names if place_of(name) < share}
                held = set(ids(halves.val))
                assert held ^ plain <= bearing or not plain  # no other image changes over
                if plain and not bearing & plain:
                    assert held - plain == {min(bearing, key=place_of)}
                elif bearing <= plain:
                    assert plain - held == {max(bearing, key=place_of)}


def test_objects_of_one_group_of_near_duplicates(alike):
    names = [f"{number}" for number in range(20)]
    alike |= dict.fromkeys(names[:3], 1)
    with pytest.raises(InputError, match="set: the 3 images with objects look so much alike .*give another --holdout"):
        hold_out(dataset(names, none_but(names, names[:3])))
    assert hold_out(dataset(names, none_but(names, [*names[:3], names[9]]))).val.examples
    assert hold_out(dataset(names, none_but(names, []))).val.examples  # whoever needs objects says so
    assert hold_out(dataset(names, none_but(names, names[:1]))).val.examples


def test_difficult_objects_are_none(alike):
    names = [f"{number}" for number in range(12)]
    inside = [name for name in names if place_of(name) < 0.3]
    whole = dataset(names)
    whole = dataclasses.replace(whole, examples=tuple(
        dataclasses.replace(example, difficult=np.full(1, example.id in inside)) for example in whole.examples))
    nearest = min(set(names) - set(inside), key=place_of)
    assert set(ids(hold_out(whole, 0.3).val)) == {*inside, nearest}
