import numpy as np

from frcnn_keras.auditing.corrections import correct
from frcnn_keras.auditing.findings import Finding
from tests.auditing.by_hand import audited, image

DATA = audited(image([(0, 0, 10, 10, 1), (20, 20, 30, 40, 2)], first=1),
               image([(5, 5, 50, 50, 3)], number=2, first=3, ignored=[0]))


def finding(kind, number, box, suggested="", annotation=None, score=0.9):
    return Finding(kind, f"{number}.jpg", f"{number}.jpg", box, "cat", suggested, score, annotation)


def test_each_kind():
    new = correct(DATA, [finding("wrong_class", 1, (0, 0, 10, 10), "cow", 1),
                         finding("shifted", 1, (22, 19, 33.3333, 41), "dog", 2),
                         finding("missing", 2, (-3, 60, 20, 120), "dog"),
                         finding("missing", 1, (50, 50, 60, 60), "cat")])
    first, second = new.audited.images
    np.testing.assert_array_equal(first.boxes, [(0, 0, 10, 10), (22, 19, 33.33, 41), (50, 50, 60, 60)])
    assert first.labels.tolist() == [3, 2, 1] and first.annotations.tolist() == [1, 2, 4]
    np.testing.assert_array_equal(second.boxes, [(5, 5, 50, 50), (0, 60, 20, 100)])  # cut to 200 x 100
    assert second.ignored.tolist() == [True, False] and second.annotations.tolist() == [3, 5]
    assert DATA.images[0].labels.tolist() == [1, 2]


def test_what_goes():
    new = correct(DATA, [finding("spurious", 1, (0, 0, 10, 10), "", 1), finding("duplicate", 1, (0, 0, 1, 1), "", 2)])
    assert len(new.audited.images[0].boxes) == 0 and len(new.audited.images[1].boxes) == 1


def test_of_two_of_one_label_the_better_counts():
    better, worse = finding("spurious", 1, (0, 0, 1, 1), "", 1), finding("wrong_class", 1, (0, 0, 1, 1), "cow", 1, 0.3)
    new = correct(DATA, [better, worse])
    assert (new.taken, new.left) == ((better,), (worse,))
    assert new.audited.images[0].annotations.tolist() == [2]
