import dataclasses

import numpy as np
import pytest

from frcnn_keras.auditing.corrected_dataset import corrected_dataset
from frcnn_keras.auditing.find import find
from frcnn_keras.auditing.findings import Finding
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from tests.auditing.by_hand import audited, many

DATA = shapes_dataset(6, 3)
PLACE, EXAMPLE = next((place, one) for place, one in enumerate(DATA.examples) if len(one.boxes) >= 3)


def finding(kind, row=None, suggested="", box=(1, 2, 30, 40), score=0.9):
    own = None if row is None else tuple(map(float, EXAMPLE.boxes[row]))
    label = "" if row is None else DATA.class_names[EXAMPLE.labels[row] - 1]
    return Finding(kind, EXAMPLE.id, "any", box, label, suggested, score, None if row is None else 77, own)


def test_each_kind():
    name = DATA.class_names[EXAMPLE.labels[0] % 4]
    marked = dataclasses.replace(EXAMPLE, difficult=np.arange(len(EXAMPLE.boxes)) == 2)
    data = dataclasses.replace(DATA, examples=(*DATA.examples[:PLACE], marked, *DATA.examples[PLACE + 1:]))
    new = corrected_dataset(data, [finding("wrong_class", 0, name), finding("spurious", 1),
                                   finding("missing", suggested="cross"), finding("shifted", 2, box=(5, 5, 9, 9))])
    one = new.examples[PLACE]
    np.testing.assert_array_equal(one.boxes, [EXAMPLE.boxes[0], (5, 5, 9, 9), *EXAMPLE.boxes[3:], (1, 2, 30, 40)])
    assert one.boxes.dtype == np.float32 and one.labels.dtype == np.int32
    assert one.labels[0] == EXAMPLE.labels[0] % 4 + 1 and one.labels[-1] == 2
    assert one.difficult.tolist() == [False, True] + [False] * (len(one.boxes) - 2)
    assert new.examples[:PLACE] == data.examples[:PLACE] and one.read() == EXAMPLE.read()


def test_images_by_number_are_found_by_their_files():
    one = dataclasses.replace(finding("spurious", 0), image=PLACE + 1, file=EXAMPLE.id)
    assert len(corrected_dataset(DATA, [one]).examples[PLACE].boxes) == len(EXAMPLE.boxes) - 1


def test_the_better_of_two_counts():
    new = corrected_dataset(DATA, [finding("shifted", 0, box=(5, 5, 9, 9)), finding("spurious", 0, score=0.2)])
    assert new.examples[PLACE].boxes[0].tolist() == [5, 5, 9, 9]


@pytest.mark.parametrize("change", [{"image": "other"}, {"suggested": "cow"}, {"labelled": (0.0, 0.0, 1.0, 1.0)},
                                    {"label": "nothing"}])
def test_another_data_set(change):
    with pytest.raises(InputError, match="give the data set that was audited"):
        corrected_dataset(DATA, [dataclasses.replace(finding("spurious", 0), **change)])


def test_an_audit_is_a_sequence_of_findings():
    images = many(np.random.default_rng(0))
    images[3] = dataclasses.replace(images[3], labels=images[3].labels % 3 + 1)
    audit = find(audited(*images))
    assert len(audit) == len(list(audit)) == len(audit.findings) > 0
    assert [one.kind for one in audit.above(0.5)] == ["wrong_class"]
    assert "wrong_class 1" in repr(audit)
