import pytest

from frcnn_keras.reporting import analysis
from frcnn_keras.reporting import errors_by_kind as kinds
from frcnn_keras.reporting.analysis import analyse
from tests.reporting.pictures_by_hand import drawn_at_random, evaluated, picture

INTERVAL = {"coco": {}, "per_class": {}}


def test_errors_and_sizes_by_hand():
    one = picture([(1, 0, 0, 20, 20), (1, 100, 100, 150, 150), (2, 200, 200, 300, 300), (1, 50, 0, 60, 10)],
                  [(1, .9, 0, 0, 20, 20), (2, .8, 200, 200, 300, 300), (2, .7, 100, 100, 150, 150),
                   (1, .1, 350, 350, 360, 360)], size=(400, 400))
    found = analyse(evaluated(one), INTERVAL)
    counts = {error.name: error.sure for error in found.errors}
    assert counts == {**dict.fromkeys(kinds.KINDS, 0), kinds.MISSED: 1}  # the others score less than their thresholds
    assert [error.gain for error in found.errors] == sorted((error.gain for error in found.errors), reverse=True)
    assert [(size.objects, size.found, size.misnamed, size.misplaced, size.missed) for size in found.sizes] == [
        (2, 1, 0, 0, 1), (1, 0, 1, 0, 0), (1, 1, 0, 0, 0)]
    assert found.confusion.tolist() == [[1, 0, 2], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("seed", range(2))
def test_every_object_has_one_fate(seed):
    drawn = drawn_at_random(seed)
    found = analyse(drawn, INTERVAL)
    objects = sum(int((~one.ignored).sum()) for one in drawn.images)
    assert sum(size.objects for size in found.sizes) == objects == sum(curve.objects for curve in found.curves)
    assert all(size.objects == size.found + size.misnamed + size.misplaced + size.missed for size in found.sizes)
    assert found.confusion[:-1].sum() == objects


def test_the_interval_is_computed_where_there_is_none(monkeypatch):
    interval = analyse(drawn_at_random(0, images=4)).interval
    assert set(interval["coco"]) == {"AP", "AP50", "AP75", "AR100"} and interval["draws"] == 1000
    monkeypatch.setattr(analysis, "MANY", 3)
    assert analyse(drawn_at_random(0, images=4)).interval["draws"] == 200
