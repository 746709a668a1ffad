"""What belongs together, of a folder that stands for a prep folder."""

from types import SimpleNamespace

import numpy as np
import pytest

from frcnn_keras.crossval.together import together
from frcnn_keras.data.originals import NAME, Original, write_originals

IDS = [f"{place}.png" for place in range(10)]


@pytest.fixture
def prepared(tmp_path):
    return SimpleNamespace(path=tmp_path)


@pytest.fixture
def looks():
    return np.eye(10, 40, dtype=np.float32)


def groups_of(*arguments, **settings):
    found = together(*arguments, **settings)
    assert sorted(place for group in found.groups for place in group) == list(range(10))
    return [group for group in found.groups if len(group) > 1], found.notes


def test_all_by_themselves(prepared, looks):
    assert groups_of(prepared, IDS, looks, None, 5) == ([], ())


def test_the_same_bytes_and_those_that_look_alike(prepared, looks):
    """An image that prep left out, and pictures made in memory or unreadable, join nothing."""
    contents = [7, 8, 8, 0, 0, -1, -1, 9, 10, 11]
    originals = [Original("gone.png", 5, 0, 7, ""), *(Original(id, 5, 0, content, "")
                                                      for id, content in zip(IDS, contents, strict=True))]
    originals[8] = Original(IDS[7], 6, 0, 7, "")  # the same checksum, another size
    write_originals(prepared.path / NAME, originals)
    looks[9] = looks[2] * 3
    groups, notes = groups_of(prepared, IDS, looks, None, 2)
    assert groups == [(1, 2, 9)]
    assert notes == ("3 images are in 1 group of near-duplicates or of --group, each in one fold; the first: 1.png and "
                     "2.png",)


def test_groups_of_a_file_join_near_duplicates(prepared, looks):
    (prepared.path / "groups.csv").write_text("0.png,a\n1.png,a\n2.png,b\n3.png,b\n")
    looks[4] = looks[3]
    groups, notes = groups_of(prepared, IDS, looks, None, 2, prepared.path / "groups.csv")
    assert groups == [(0, 1), (2, 3, 4)]
    assert notes[0] == f"{prepared.path / 'groups.csv'} names no group of 6 images, each of which stands by itself"


def test_where_nearly_all_look_alike_looks_decide_nothing(prepared, looks):
    looks[:7] = looks[0]
    looks[8] = looks[9]
    groups, notes = groups_of(prepared, IDS, looks, None, 5)
    assert groups == [(8, 9)]
    assert notes[0].startswith("7 images look alike, more than a fold has") and "--group FILE" in notes[0]
    (prepared.path / "groups.csv").write_text("".join(f"{place}.png,scene\n" for place in range(7)))
    groups, notes = groups_of(prepared, IDS, looks, None, 5, prepared.path / "groups.csv")
    assert groups == [tuple(range(7)), (8, 9)]
    assert not any("look alike" in note for note in notes)  # they are in one fold, by the file
