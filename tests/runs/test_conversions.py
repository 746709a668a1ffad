"""The other packages are stand-ins here, which take what the real ones take; the real ones where they are installed."""

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.runs.detections import Detections


def found(count=2):
    boxes = np.array([[1, 2, 11, 22], [0.5, 0, 5, 4]], np.float32)[:count]
    return Detections.of(boxes, np.array([0.75, 0.5], np.float32)[:count], np.array([2, 1], np.int32)[:count],
                         ("ant", "bee"), (7, 90))


def stand_in(monkeypatch, name, **members):
    module = ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


def test_coco():
    results = found().to_coco(np.int64(12))
    assert results == [{"image_id": 12, "category_id": 90, "score": 0.75, "bbox": [1, 2, 10, 20]},
                       {"image_id": 12, "category_id": 7, "score": 0.5, "bbox": [0.5, 0, 4.5, 4]}]
    assert json.loads(json.dumps(results)) == results
    assert found(0).to_coco(1) == [] and found(1).to_coco("a.jpg")[0]["image_id"] == "a.jpg"


def test_pandas(monkeypatch):
    stand_in(monkeypatch, "pandas", DataFrame=dict)
    table = found().to_pandas()
    assert list(table) == ["x1", "y1", "x2", "y2", "score", "label", "name"]
    assert {name: list(column) for name, column in table.items()} == {
        "x1": [1, 0.5], "y1": [2, 0], "x2": [11, 5], "y2": [22, 4], "score": [0.75, 0.5], "label": [2, 1],
        "name": ["bee", "ant"]}


@pytest.mark.parametrize("count", [0, 2])
def test_supervision(count, monkeypatch):
    stand_in(monkeypatch, "supervision", Detections=SimpleNamespace)
    made = found(count).to_supervision()
    assert made.xyxy.shape == (count, 4) and made.xyxy.dtype == np.float32
    assert made.confidence.tolist() == [0.75, 0.5][:count]
    assert made.class_id.tolist() == [1, 0][:count] and made.class_id.dtype == int
    assert made.data["class_name"].tolist() == ["bee", "ant"][:count]


@pytest.mark.parametrize("count", [0, 2])
def test_the_real_ones(count):
    pandas, supervision = pytest.importorskip("pandas"), pytest.importorskip("supervision")
    table, made = found(count).to_pandas(), found(count).to_supervision()
    assert isinstance(table, pandas.DataFrame) and table.shape == (count, 7)
    assert isinstance(made, supervision.Detections) and len(made) == count
    np.testing.assert_allclose(made.area, [200, 18][:count])
    assert len(made[made.confidence > 0.6]) == min(count, 1)
    if count:
        assert table.sort_values("score").name.tolist() == ["ant", "bee"]


@pytest.mark.parametrize("package", ["pandas", "supervision"])
def test_a_package_that_is_missing_is_one_line(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"needs the package {package} .*pip install {package}$"):
        getattr(found(), f"to_{package}")()
