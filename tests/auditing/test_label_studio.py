import xml.etree.ElementTree as ElementTree

from frcnn_keras.auditing.corrections import correct
from frcnn_keras.auditing.findings import Finding
from frcnn_keras.auditing.label_studio import labelling_config, tasks
from tests.auditing.by_hand import audited, image

DATA = audited(image([(0, 0, 50, 25, 1), (100, 50, 200, 100, 2)]), image([(0, 0, 9, 9, 1)], number=2, first=3))
WRONG = Finding("wrong_class", "1.jpg", "1.jpg", (0, 0, 50, 25), "cat", "cow", 0.9, 1, (0, 0, 50, 25))
MISSING = Finding("missing", "1.jpg", "1.jpg", (20, 10, 60, 30), "", "dog", 0.8)
GONE = Finding("spurious", "1.jpg", "1.jpg", (100, 50, 200, 100), "dog", "", 0.7, 2, (100, 50, 200, 100))


def test_a_task_by_hand():
    findings = [WRONG, MISSING, GONE]
    [task] = tasks(DATA, correct(DATA, findings).audited, findings)
    assert task["data"]["image"] == "/data/local-files/?d=1.jpg"
    assert task["data"]["findings"].split("; ") == [
        "wrong_class 0.90: cat, should be cow", "missing 0.80: dog not labelled",
        "spurious 0.70: dog, no object there"]
    first, second = task["predictions"][0]["result"]
    assert first["value"] == {"x": 0, "y": 0, "width": 25, "height": 25, "rotation": 0, "rectanglelabels": ["cow"]}
    assert first["score"] == 0.9 and (first["original_width"], first["original_height"]) == (200, 100)
    assert second["value"] == {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["dog"]}
    assert second["score"] == 0.8 and first["id"] != second["id"]
    assert task["predictions"][0]["score"] == 0.9


def test_pictures_without_a_finding_are_no_tasks():
    assert tasks(DATA, DATA, []) == []


def test_the_interface_has_the_classes():
    tree = ElementTree.fromstring(labelling_config(DATA))
    assert [label.get("value") for label in tree.iter("Label")] == ["cat", "dog", "cow"]
    assert tree.find("RectangleLabels").get("toName") == tree.find("Image").get("name") == "image"
