import dataclasses

import numpy as np
import pytest

from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.comparison import FORGIVEN, Agreement, Allowance, compare, compare_all, single
from tests.detectors import change

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


def agreement(given, of=None, limit=4, share=0.0):
    """Of a file's outputs, as another runtime's."""
    found = compare("file", single("file", given, limit), wanted() if of is None else of, SIZE,
                    Allowance(share, 0.05, limit))
    found.require()
    return found


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
    assert agreement(one, share=0.5).differing == 1
    with pytest.raises(RuntimeError):
        agreement(one, share=0.49)


def test_the_allowance_is_the_detectors(hand_detector):
    assert Allowance.of(Detector(hand_detector)) == Allowance(1 / 20, 0.5, 3)
    assert FORGIVEN == {"align": 1 / 20, "pool": 1 / 4}


WIDE = (50, 200)
FOUND = Detections.of(np.array([[20, 10, 100, 30], [0, 0, 200, 50]], np.float32), np.array([0.9, 0.4], np.float32),
                      np.array([2, 1], np.int32), ("cat", "dog"))
ANSWER = {"num_detections": np.float32(2), "detection_scores": np.array([0.9, 0.4, 0], np.float32),
          "detection_classes": np.array([2, 1, 0], np.float32),
          "detection_class_names": np.array([b"dog", b"cat", b""], object),
          "detection_boxes": np.array([[0.2, 0.1, 0.6, 0.5], [0, 0, 1, 1], [0, 0, 0, 0]], np.float32)}


def changed(key, place, value):
    answer = {name: np.array(given) for name, given in ANSWER.items()}
    answer[key][place] = value
    return answer


def swapped(key):
    """The answer with the first two values of an output, or of all, in the other order."""
    return {name: value[[1, 0, 2]] if np.ndim(value) and key in (name, "all") else value
            for name, value in ANSWER.items()}


def test_equal():
    found = compare_all("model", [ANSWER], [FOUND], [WIDE])
    assert found.close and found.detections == 2 and found.box < 1e-7 and found.score == 0
    found.require()
    assert "2 detections in 1 answers" in str(found)


@pytest.mark.parametrize("answer, text", [
    (changed("detection_scores", 1, 0.4002), "scores there by 0.0002"),
    (changed("detection_boxes", (0, 2), 0.601), "boxes differ by up to 0.001"),
    (changed("detection_boxes", (0, 2), np.nan), "1 of predict's are missing and 1 are new"),
    (changed("detection_classes", 0, 1), "1 of predict's are missing and 1 are new"),
    (changed("detection_class_names", 0, b"cat"), "1 of predict's are missing and 1 are new"),
    (changed("num_detections", (), 1), "1 of predict's are missing and 0 are new"),
    (swapped("all"), "2 of predict's are missing and 2 are new"),
    (swapped("detection_class_names"), "2 of predict's are missing and 2 are new"),
])
def test_unlike(answer, text):
    found = compare_all("model", [ANSWER, answer], [FOUND] * 2, [WIDE] * 2)
    assert not found.close and text in str(found) and found.differing == int(text[0] if text[0] in "12" else 1)
    with pytest.raises(RuntimeError, match=r"model, test image 1 \(200 x 50\): does not answer as predict"):
        found.require()


def test_within_the_tolerance():
    found = compare_all("model", [changed("detection_scores", 1, 0.40005)], [FOUND], [WIDE])
    assert found.close and 4e-5 < found.score < 6e-5


@pytest.mark.parametrize("scores, threshold", [((0.9, 0.05004), 0.05), ((0.5, 0.5), 0.05)])
def test_without_an_allowance_neither_the_edge_nor_the_order_is_forgiven(scores, threshold):
    """What the allowance of another runtime lets pass."""
    of = dataclasses.replace(FOUND, scores=np.array(scores, np.float32))
    answer = changed("detection_scores", slice(2), scores)
    given = changed("num_detections", (), 1) if scores[1] < 0.1 else {
        name: value[[1, 0, 2]] if np.ndim(value) else value for name, value in answer.items()}
    assert compare("model", given, of, WIDE, Allowance(0.0, threshold, 4)).close
    assert not compare("model", given, of, WIDE).close
    assert compare("model", answer, of, WIDE).close


def test_answers_add_up():
    one, other = Agreement(1, 3, 1, 0.1, 0.02, ("a",)), Agreement(2, 4, 0, 0.01, 0.2, ("b", "c"))
    assert one + other == Agreement(3, 7, 1, 0.1, 0.2, ("a", "b", "c"))
    with pytest.raises(RuntimeError, match="a .3 answers do not.; nothing was written"):
        (one + other).require()
    assert str(one) == ("3 detections in 1 answers, largest difference: boxes 1.0e-01 of the image, scores 2.0e-02; "
                        "1 that only one of the two has; a")


def test_answers_are_as_many_as_images():
    with pytest.raises(ValueError):
        compare_all("model", [ANSWER], [FOUND] * 2, [WIDE] * 2)


def test_figures_are_plain_values():
    found = compare_all("model", [ANSWER], [FOUND], [WIDE])
    assert all(isinstance(value, (int, float, tuple)) for value in dataclasses.asdict(found).values())


def test_the_edges_of_all_classes_are_forgiven(hand_detector):
    """A score at any class's threshold may come or go; between them it may not."""
    count = len(hand_detector.class_names)
    thresholds = tuple(0.2 + 0.2 * place for place in range(count))
    hand_detector.detecting = dataclasses.replace(hand_detector.detecting, class_thresholds=thresholds)
    allowance = Allowance.of(Detector(hand_detector))
    assert (allowance.threshold, allowance.others) == (thresholds[0], thresholds[1:])
    change(hand_detector, "detecting", small_area=1024.0, small_threshold=0.1)
    small = Allowance.of(Detector(hand_detector))
    assert (small.threshold, small.others) == (0.1, thresholds)
    assert small.beyond_the_edge(np.array([0.1, 0.15, 0.2]), np.zeros(0)).tolist() == [0.15]
    beyond = allowance.beyond_the_edge(np.array([0.2, 0.3, 0.4, 0.9]), np.zeros(0))
    assert beyond.tolist() == ([0.3, 0.9] if count > 1 else [0.3, 0.4, 0.9])
