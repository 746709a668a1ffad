"""The RPN by itself: its proposals are those that were written for the prepared images, in the images' own pixels."""

import shutil

import numpy as np
import pytest
from PIL import Image

import frcnn_keras
from frcnn_keras.data import records
from frcnn_keras.data.given_images import pixels
from frcnn_keras.data.prepared import open_prepared
from frcnn_keras.errors import InputError
from frcnn_keras.models.saving import save_model
from frcnn_keras.runs.proposer import Proposed, open_proposer
from frcnn_keras.training.proposals import open_proposals, write_proposals
from tests.detectors import proposing_of, random_detector
from tests.proposing_run import make_run

PROPOSING = proposing_of(100, 20)


@pytest.fixture(scope="module")
def run(prep, tmp_path_factory):
    """(run folder whose prep folder is gone, proposals that were written for the images, in order)."""
    root = tmp_path_factory.mktemp("proposing")
    shutil.copytree(prep.path, root / "prep")
    copied = open_prepared(root / "prep")
    rpn = make_run(root / "run", copied, PROPOSING)
    write_proposals(rpn, copied, root / "written", PROPOSING, "abc")
    spans = open_proposals(root / "written", copied, "abc")
    written = [records.parse_proposals(span.read()) for span in spans][::2]  # every second is a mirror image
    shutil.rmtree(root / "prep")
    return root / "run", written


def test_proposals_are_those_that_were_written(run, shapes, prep):
    """To 1e-4 pixels and 1e-5 of score, with the same maps: rounded to float16, as they were stored."""
    proposer = frcnn_keras.load_rpn(run[0])
    found = proposer.propose(example.read() for example in shapes.examples)
    for example, proposed, wanted in zip(shapes.examples, found, run[1], strict=True):
        height, width = prep.features.preparing.size(example.height, example.width)
        back = np.array([example.width / width, example.height / height] * 2)
        assert len(proposed.boxes) == len(wanted["boxes"]) > 5
        np.testing.assert_allclose(proposed.boxes, wanted["boxes"] * back, atol=2e-4)
        np.testing.assert_allclose(proposed.scores, wanted["scores"], atol=1e-5)


def test_boxes_are_best_first_apart_and_inside(run, shapes):
    for example, found in zip(shapes.examples, frcnn_keras.load_rpn(run[0]).stream(
            example.read() for example in shapes.examples), strict=True):
        assert found.boxes.dtype == found.scores.dtype == np.float32
        assert (np.diff(found.scores) <= 0).all() and ((found.scores >= 0) & (found.scores <= 1)).all()
        assert (found.boxes[:, :2] >= 0).all() and (found.boxes[:, 2] <= example.width).all()
        assert (found.boxes[:, 3] <= example.height).all() and (found.boxes[:, 2:] > found.boxes[:, :2]).all()


def test_paths_bytes_and_arrays_are_one(run, shapes, tmp_path):
    proposer, data = frcnn_keras.load_rpn(run[0]), shapes.examples[0].read()
    (tmp_path / "a.png").write_bytes(data)
    found = [proposer.propose(image)[0] for image in (tmp_path / "a.png", str(tmp_path / "a.png"), data,
                                                      np.asarray(pixels(data)), pixels(data))]
    for other in found[1:]:
        assert np.array_equal(found[0].boxes, other.boxes) and np.array_equal(found[0].scores, other.scores)
    with pytest.raises(ValueError, match="uint8 RGB"):
        proposer.propose(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(InputError, match="b.png"):
        proposer.propose([tmp_path / "b.png"])


def overlap(one, other):
    left, top = np.maximum(one[:2], other[:2])
    right, bottom = np.minimum(one[2:], other[2:])
    both = max(0, right - left) * max(0, bottom - top)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both)


def test_each_number_changes_what_it_says(run, shapes):
    image = shapes.examples[0].read()

    def found(**numbers):
        return frcnn_keras.load_rpn(run[0], **numbers).propose(image)[0]

    own = found()
    assert np.array_equal(found(limit=3).boxes, own.boxes[:3])
    middle = float(np.median(own.scores))
    assert np.array_equal(found(score_threshold=middle).boxes, own.boxes[own.scores >= middle])
    apart = found(nms=0.2).boxes
    assert max(overlap(one, other) for i, one in enumerate(apart) for other in apart[:i]) <= 0.2 + 1e-5
    assert max(overlap(one, other) for i, one in enumerate(own.boxes) for other in own.boxes[:i]) > 0.3
    scale = 156 / 124  # the image's pixels by those of the resized one, 96 x 124
    assert (own.boxes[:, 2:] - own.boxes[:, :2]).min() < 30 * scale
    assert (found(min_size=30.0).boxes[:, 2:] - found(min_size=30.0).boxes[:, :2]).min() >= 30 * scale - 0.1


@pytest.mark.parametrize("numbers, flagged, spoken", [
    ({"score_threshold": 7.0}, "--score-threshold must be 0 to 1; received: 7.0", "score_threshold must be"),
    ({"nms": -1.0}, "--nms must be 0 to 1; received: -1.0", "nms must be"),
    ({"limit": 0}, "--max-proposals must be 1 to 100000; received: 0", "limit must be"),
    ({"min_size": -1.0}, "--min-size must be 0 to 32768; received: -1.0", "min_size must be")])
def test_bad_numbers_are_named(run, numbers, flagged, spoken):
    with pytest.raises(InputError) as caught:
        open_proposer(run[0], **numbers)
    assert str(caught.value) == flagged
    with pytest.raises(InputError, match=f"^{spoken}"):
        frcnn_keras.load_rpn(run[0], **numbers)


def test_a_detectors_rpn_proposes_too(tmp_path, shapes):
    """One that no stage has trained: its maps are not rounded."""
    model = random_detector(2)
    save_model(model, tmp_path / "detector.keras")
    image = np.asarray(pixels(shapes.examples[0].read()))
    for run in (tmp_path, tmp_path / "detector.keras"):
        found = frcnn_keras.load_rpn(run).propose(image)[0]
        prepared, size = model.prepare_image(image)
        wanted = model.propose(model.features(prepared), size[None])
        boxes = wanted.boxes[0].numpy()[wanted.valid[0].numpy()]
        back = np.tile(np.array(image.shape[1::-1]) / size.numpy()[::-1], 2)
        np.testing.assert_allclose(found.boxes, boxes * back, atol=1e-3)


def test_a_folder_without_an_rpn_and_one_of_an_older_version(run, tmp_path):
    with pytest.raises(InputError, match="holds no RPN; run .*train-rpn"):
        frcnn_keras.load_rpn(tmp_path)
    shutil.copy(run[0] / "rpn.weights.h5", tmp_path)
    with pytest.raises(InputError, match="holds an RPN without its feature extractor.* same .*train-rpn again"):
        frcnn_keras.load_rpn(tmp_path)


def test_images_in_every_form_and_what_is_told_of_them(run, shapes):
    proposer, data = frcnn_keras.load_rpn(run[0]), shapes.examples[0].read()
    image = np.asarray(pixels(data))
    wanted = proposer.propose(image)[0]
    alpha = np.dstack([image, image[..., 0]])
    for given in (Image.fromarray(image), [Image.fromarray(image)], alpha, image[None]):
        (found,) = proposer.propose(given)
        np.testing.assert_array_equal(found.boxes, wanted.boxes)
    forms = image[..., 0], image[..., :1], Image.fromarray(image[..., 0])
    grey = [proposer.propose(form)[0].scores for form in forms]
    assert np.array_equal(grey[0], grey[1]) and np.array_equal(grey[0], grey[2])
    with pytest.raises(ValueError, match="uint8 RGB"):
        proposer.propose(image / 255)
    assert "96 pixels, 160 at most; maps of stride 8; anchors of 16, 32, 64 pixels; up to 20 " in repr(proposer)
    assert repr(wanted) == f"Proposed({len(wanted)} boxes, scores {wanted.scores[0]:.3f} to {wanted.scores[-1]:.3f})"
    assert repr(Proposed(wanted.boxes[:0], wanted.scores[:0])) == "Proposed(0 boxes)"
