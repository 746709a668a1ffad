import xml.etree.ElementTree as ElementTree

from frcnn_keras.runs.studio_tasks import image_address, labelling_config, region


def test_a_region_is_in_per_cent():
    found = region("r1", (10, 20, 60, 40), "cat", 200, 80)
    assert found["value"] == {"x": 5, "y": 25, "width": 25, "height": 25, "rotation": 0, "rectanglelabels": ["cat"]}
    assert (found["id"], found["original_width"], found["original_height"]) == ("r1", 200, 80)


def test_addresses_are_urls():
    assert image_address("cam 1/ä#.jpg") == "/data/local-files/?d=cam%201/%C3%A4%23.jpg"


def test_the_interface_has_the_classes_whatever_is_in_their_names():
    names = ["cat", '<a & "b">', "赤"]
    tree = ElementTree.fromstring(labelling_config(names))
    assert [label.get("value") for label in tree.iter("Label")] == names
    assert tree.find("RectangleLabels").get("toName") == tree.find("Image").get("name") == "image"
