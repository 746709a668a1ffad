import numpy as np

from frcnn_keras.reporting.confusion import confusion_matrix, most_confused
from tests.reporting.pictures_by_hand import picture


def test_every_place_of_the_matrix():
    one = picture([(1, 0, 0, 10, 10), (2, 50, 50, 60, 60), (1, 80, 80, 90, 90)], [
        (1, .9, 0, 0, 10, 10), (1, .8, 50, 50, 60, 60), (2, .7, 30, 30, 40, 40), (2, .1, 80, 80, 90, 90)])
    assert confusion_matrix([one], [.5, .5]).tolist() == [[1, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_an_object_goes_to_its_own_class_before_a_better_lying_other():
    one = picture([(1, 0, 0, 10, 10)], [(2, .9, 0, 0, 10, 10), (1, .6, 0, 0, 10, 8)])
    assert confusion_matrix([one], [.5, .5]).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_ignored_objects_count_nowhere():
    one = picture([(1, 0, 0, 10, 10)], [(2, .9, 0, 0, 10, 10)], ignored=[0])
    assert not confusion_matrix([one], [.5, .5]).any()


def test_each_class_has_its_own_threshold():
    one = picture([], [(1, .5, 0, 0, 10, 10), (2, .5, 0, 0, 10, 10)])
    assert confusion_matrix([one], [.4, .6])[2].tolist() == [1, 0, 0]


def test_most_confused():
    assert most_confused(np.array([[9, 2, 7], [5, 8, 1], [6, 6, 0]])) == [(1, 0, 5), (0, 1, 2)]
