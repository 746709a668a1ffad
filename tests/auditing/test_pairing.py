from frcnn_keras.auditing.pairing import pair
from tests.auditing.by_hand import image


def test_one_of_each():
    # two detections on one label: the surer one speaks of it, the other of none
    one = pair(image([(0, 0, 40, 40, 1)], [(0, 0, 40, 40, 1, 0.9), (0, 0, 40, 22, 1, 0.5)]), 3)
    assert one.label_of.tolist() == [0, -1]
    assert one.place_of.tolist() == [0]


def test_of_two_near_ones_that_of_the_label_s_class_is_taken():
    # IoU with the label 0.7 each, with each other 0.4; cat .7: weight .7 * .7; dog .9: .7 * (0 + .9) / 2
    found = [(0, 0, 40, 28, 1, 0.7), (0, 12, 40, 40, 2, 0.9)]
    one = pair(image([(0, 0, 40, 40, 1)], found), 3)
    assert one.seen.labels.tolist() == [2, 1]
    assert one.place_of.tolist() == [1]


def test_neighbours_keep_their_own():
    labelled = [(0, 0, 40, 40, 1), (20, 0, 60, 40, 1)]
    one = pair(image(labelled, [(20, 0, 60, 40, 1, 0.9), (0, 0, 40, 40, 1, 0.8)]), 3)
    assert one.place_of.tolist() == [1, 0]


def test_far_ones_are_not_matched():
    # 40 x 40 moved by 28: 12 / 68 = 0.18; by 26: 14 / 66 = 0.21
    for moved, place in ((28, -1), (26, 0)):
        assert pair(image([(0, 0, 40, 40, 1)], [(moved, 0, moved + 40, 40, 1, 0.9)]), 3).place_of.tolist() == [place]


def test_what_is_ignored_explains_what_lies_in_it():
    # of the first, all lies in the crowd; of the second, a quarter
    found = [(10, 10, 20, 20, 1, 0.9), (90, 0, 130, 20, 1, 0.8)]
    one = pair(image([(0, 0, 100, 100, 1)], found, ignored=[0]), 3)
    assert one.explained.tolist() == [True, False]
