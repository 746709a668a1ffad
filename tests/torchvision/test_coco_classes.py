from frcnn_keras.torchvision.coco_classes import COCO_NAMES, is_gap


def test_coco_names_are_the_category_ids():
    assert len(COCO_NAMES) == 90 and len(set(COCO_NAMES)) == 90
    ids = {name: id for id, name in enumerate(COCO_NAMES, 1)}
    known = {"person": 1, "car": 3, "stop sign": 13, "tie": 32, "dining table": 67, "tv": 72, "book": 84,
             "toothbrush": 90}  # from COCO's instances_val2017.json
    assert {name: ids[name] for name in known} == known
    assert [ids[name] for name in COCO_NAMES if is_gap(name)] == [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]


def test_a_gap_is_named_by_its_id():
    assert all(name == f"N/A {id}" for id, name in enumerate(COCO_NAMES, 1) if is_gap(name))
    assert not is_gap("N/A") and not is_gap("person")
