import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.exported import (
    Agreement,
    check,
    compare,
    drawn_pictures,
    needed,
    new_file,
    require_float32,
    resized,
)

SETTINGS = {"score_threshold": 0.05, "iou_threshold": 0.5, "limit": 4}
SIZE = (50, 100)


def wanted(boxes=((10, 5, 60, 45), (0, 0, 100, 50)), scores=(0.9, 0.4), labels=(1, 2)):
    return Detections.of(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32),
                         np.array(labels, np.int32), ("a", "b"))


def outputs(boxes=((0.1, 0.1, 0.9, 0.6), (0, 0, 1, 1)), scores=(0.9, 0.4), classes=(1, 2), count=None):
    made = {"detection_boxes": np.zeros((1, 4, 4), np.float32), "detection_scores": np.zeros((1, 4), np.float32),
            "detection_classes": np.zeros((1, 4), np.float32)}
    for key, values in zip(made, (boxes, scores, classes)):
        made[key][0, :len(values)] = np.reshape(values, (len(values), *made[key].shape[2:]))
    return {**made, "num_detections": np.array([len(scores) if count is None else count], np.float32)}


def agreement(given, of=None, **settings):
    return compare("file", given, wanted() if of is None else of, SIZE, {**SETTINGS, **settings})


def test_equal_outputs_agree():
    found = agreement(outputs())
    assert found.detections == 2 and found.differing == 0 and found.box < 1e-6 and found.score == 0
    assert agreement(outputs((), (), ()), wanted((), (), ())) == Agreement(1, 0, 0, 0.0, 0.0)


def test_differences_are_measured():
    found = agreement(outputs(boxes=((0.1, 0.1, 0.9, 0.60005), (0, 0, 1, 1)), scores=(0.9, 0.40002)))
    np.testing.assert_allclose([found.box, found.score], [5e-5, 2e-5], rtol=1e-2)


@pytest.mark.parametrize("given, message", [
    (outputs(boxes=((0.1, 0.1, 0.9, 0.602), (0, 0, 1, 1))),
     "1 of predict's are missing and 1 are new.*boxes differ by up to 0.002"),
    (outputs(scores=(0.9, 0.41)), "scores there by 0.01"),
    (outputs(classes=(1, 1)), "1 of predict's are missing"),
    (outputs(classes=(2, 1)), "2 of predict's are missing"),
    (outputs(((0.1, 0.1, 0.9, 0.6),), (0.9,), (1,)), "finds 1 objects and predict 2"),
    (outputs((), (), ()), "finds 0 objects and predict 2.*nothing in common"),
    (outputs(count=1), "not 0 past num_detections"),
    (outputs(scores=(0.4, 0.9)), "scores rise"),
    (outputs(boxes=((0.1, 0.1, 0.9, np.nan), (0, 0, 1, 1))), "not finite"),
    ({**outputs(), "detection_classes": np.zeros((1, 4), np.int64)}, "detection_classes is int64"),
    ({**outputs(), "detection_scores": np.zeros((1, 3), np.float32)}, r"detection_scores is float32 \(1, 3\)"),
])
def test_a_difference_is_an_error_that_names_it(given, message):
    with pytest.raises(RuntimeError, match=message) as caught:
        agreement(given)
    assert str(caught.value).startswith("file: ")


def test_equal_scores_may_change_places():
    tied = wanted(scores=(0.5, 0.5))
    assert agreement(outputs(boxes=((0, 0, 1, 1), (0.1, 0.1, 0.9, 0.6)), scores=(0.5, 0.5), classes=(2, 1)),
                     tied).differing == 0


def test_a_score_at_the_threshold_may_come_or_go():
    low = wanted(scores=(0.9, 0.05004))
    only = outputs(((0.1, 0.1, 0.9, 0.6),), (0.9,), (1,))
    assert agreement(only, low).differing == 0
    with pytest.raises(RuntimeError):
        agreement(only, wanted(scores=(0.9, 0.0502)))


def test_the_last_of_a_full_list_may_be_another():
    full = wanted(scores=(0.9, 0.40003))
    other = outputs(boxes=((0.1, 0.1, 0.9, 0.6), (0, 0, 0.5, 0.5)))
    for given in (outputs(), other):
        shorter = {key: value[:, :2] if value.ndim > 1 else value for key, value in given.items()}
        assert agreement(shorter, full, limit=2).differing == 0


def test_a_share_may_be_forgiven_but_no_more():
    one = outputs(boxes=((0.1, 0.1, 0.9, 0.6), (0, 0, 0.5, 0.5)))
    assert compare("file", one, wanted(), SIZE, SETTINGS, forgiven=0.5).differing == 1
    with pytest.raises(RuntimeError):
        compare("file", one, wanted(), SIZE, SETTINGS, forgiven=0.49)


def test_check_names_the_image(hand_detector):
    detector = Detector(hand_detector)
    with pytest.raises(RuntimeError, match=r"ONNX, test image 0 \(64 x 48\)"):
        check("ONNX", lambda image: {"num_detections": np.zeros(1), **dict.fromkeys(
            ("detection_boxes", "detection_scores", "detection_classes"), np.zeros(1))}, detector,
            [np.zeros((48, 64, 3), np.uint8)])


def test_pictures_are_the_same_every_time_and_nowhere_flat():
    first, second = drawn_pictures([(60, 80), (33, 20)]), drawn_pictures([(60, 80), (33, 20)])
    assert [picture.shape for picture in first] == [(60, 80, 3), (33, 20, 3)]
    for one, other in zip(first, second):
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, other)
    cells = first[0][:56, :80].reshape(7, 8, 10, 8, 3).transpose(0, 2, 1, 3, 4).reshape(70, -1)
    assert len(np.unique(cells, axis=0)) == 70 and (cells.std(1) > 2).all()


def test_resized_by_height_and_width():
    assert resized(np.zeros((10, 20, 3), np.uint8), (30, 40)).shape == (30, 40, 3)


def test_a_new_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "a.onnx"
    with pytest.raises(RuntimeError), new_file(path, False) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert list(path.parent.iterdir()) == []
    with new_file(path, False) as temporary:
        temporary.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole" and len(list(path.parent.iterdir())) == 1
    with pytest.raises(InputError, match="exists; .*--overwrite"), new_file(path, False):
        pass
    with new_file(path, True) as temporary:
        temporary.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(InputError, match="name a file"), new_file(tmp_path, True):
        pass


def test_a_missing_package_is_named():
    with pytest.raises(InputError, match="--format onnx needs the package no-such-thing .*requirements-extras.txt"):
        needed("onnx", "json", "no_such_thing.part")
    assert needed("onnx", "json")[0].dumps([]) == "[]"


def test_other_precisions_are_refused(hand_detector):
    require_float32(Detector(hand_detector))
    hand_detector.rpn.convolution.dtype_policy = "mixed_bfloat16"
    with pytest.raises(InputError, match="layer convolution computes in bfloat16"):
        require_float32(Detector(hand_detector))
