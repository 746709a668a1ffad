import dataclasses

import numpy as np
import pytest

from frcnn_keras.data.example import Dataset, Example, Problem
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.inspection.report import AnchorGrid, report
from frcnn_keras.settings.detector import AnchorConfig, ImageConfig
from frcnn_keras.settings.stages import CheckConfig

# images of 40 x 60 are resized by two
CONFIG = CheckConfig(ImageConfig(80, 200), AnchorConfig((32.0,), (1.0,)))
GRID = AnchorGrid(8.0, 4.0)
BAD = Problem("bad.xml", "is broken")


def example(name, *boxes, labels=(), difficult=()):
    count = len(boxes)
    return Example(name, f"{name}.xml", lambda: b"no image", 40, 60, np.array(boxes, np.float32).reshape(-1, 4),
                   np.array(labels or [1] * count, np.int32), np.array(difficult or [False] * count, bool),
                   np.zeros(count, bool))


def data(*examples, problems=()):
    return Dataset("set", ("a", "b", "c"), (1, 2, 3), examples, tuple(problems))


DATA = data(example("one", (10, 10, 26, 26), (20, 4, 36, 20), labels=[1, 2]),
            example("two", (1, 2, 33, 10), difficult=[True]), example("empty"))


def of(dataset, config=CONFIG, grid=GRID, **settings):
    return report(dataset, config, grid, **{"decode": False, **settings})


def test_what_a_data_set_holds():
    found = of(DATA)
    assert (found.data, found.decoded, found.images, found.objects) == ("set", False, 3, 2)
    assert found.images_without_objects == ("empty.xml",) and found.problems == () and found.ok and found.stops == ()
    assert found.settings == CONFIG and found.grid == GRID
    assert list(found.per_class) == ["a", "b", "c"]
    a, b, c = found.per_class.values()
    assert [(row["objects"], row["images"], row["difficult"], row["crowd"]) for row in (a, b, c)] == [
        (1, 1, 1, 0), (1, 1, 0, 0), (0, 0, 0, 0)]
    assert a["size"]["p50"] == b["shorter_side"]["p95"] == 32 and np.isnan(c["size"]["p5"])


@pytest.mark.parametrize("images, size", [(ImageConfig(40, 200), 16), (ImageConfig(80, 90), 24)])
def test_sizes_are_those_after_resizing(images, size):
    """The longer side of 60 pixels may not grow to more than 90: by 1.5, not by two."""
    assert of(DATA, dataclasses.replace(CONFIG, images=images)).per_class["a"]["size"]["p50"] == size


def test_anchors_by_hand():
    """Objects of 32 x 32 about 36, 36, where an anchor's centre lies, and about 56, 24, 4 pixels from the next across
    and down: IoU 28 * 28 / (2 * 32 * 32 - 28 * 28) = .62."""
    found = of(DATA)
    assert found.reach["all"] == [1, 0.5] and found.reach["a"] == [1, 1] and found.reach["b"] == [1, 0]
    assert np.isnan(found.reach["c"]).all() and found.unreached == 0
    assert found.suggested_sizes is None and found.suggested_flag == ""
    # 32 of 64: IoU 32 * 32 / (64 * 64) = 1/4
    found = of(DATA, dataclasses.replace(CONFIG, anchors=AnchorConfig((64.0,), (1.0,))))
    assert found.reach["all"] == [0, 0] and 32 in found.suggested_sizes and found.suggested_reach["all"] == [1, 0.5]
    assert found.suggested_flag.startswith("--anchor-sizes ") and "32" in found.suggested_flag.split()[1].split(",")


def test_the_grid_matters():
    """One centre an image, at 16, 16: IoU 12 * 12 / (2 * 32 * 32 - 12 * 12) and less."""
    assert of(DATA, grid=AnchorGrid(100.0, 16.0)).reach["all"] == [0, 0]


@pytest.mark.parametrize("problem, skip_bad, ok", [
    (BAD, False, False), (BAD, True, True), (dataclasses.replace(BAD, fatal=False), False, True)])
def test_what_stops(problem, skip_bad, ok):
    found = of(data(*DATA.examples, problems=[problem]), skip_bad=skip_bad)
    assert found.ok == ok and found.problems == (problem,) and bool(found.stops) != ok


def test_nothing_at_all():
    found = of(data(example("empty")))
    assert not found.ok and (found.objects, found.reach, found.unreached) == (0, {}, 0)


def test_decoding_finds_what_headers_do_not_say():
    found = of(DATA, decode=True)
    assert found.decoded and found.images == 0 and len(found.problems) == 3 and not found.ok
    found = report(shapes_dataset(2), CheckConfig(), AnchorGrid(16.0, 8.0))
    assert found.decoded and found.images == 2 and found.ok
