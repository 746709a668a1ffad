"""The same few images in every form that is recognised, written by hand."""

import json
import zlib
from pathlib import Path

from tests.yolo_files import picture, text

BOX = (20, 10, 60, 50)  # x1, y1, x2, y2 of 200 x 100


def xml(name, box=BOX, label="cat"):
    x1, y1, x2, y2 = box
    return (f"<annotation><filename>{name}</filename><size><width>200</width><height>100</height></size>"
            f"<object><name>{label}</name><bndbox>"
            f"<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>"
            "</object></annotation>")


def instances(names, box=BOX, label="cat"):
    x1, y1, x2, y2 = box
    return json.dumps({"images": [{"id": number, "file_name": name, "width": 200, "height": 100}
                                  for number, name in enumerate(names, 1)],
                       "annotations": [{"id": number, "image_id": number, "category_id": 1, "iscrowd": 0,
                                        "bbox": [x1, y1, x2 - x1, y2 - y1]} for number in range(1, len(names) + 1)],
                       "categories": [{"id": 1, "name": label}]})


def yolo_line(box=BOX, label=0):
    x1, y1, x2, y2 = box
    return f"{label} {(x1 + x2) / 400} {(y1 + y2) / 200} {(x2 - x1) / 200} {(y2 - y1) / 100}\n"


def shapes(name, box=BOX, label="cat"):
    shape = {"label": label, "points": [box[:2], box[2:]], "shape_type": "rectangle"}
    return json.dumps({"version": "5", "shapes": [shape], "imagePath": name, "imageData": None,
                       "imageHeight": 100, "imageWidth": 200})


def rows(names, box=BOX, label="cat"):
    return "".join(f"{name},{','.join(map(str, box))},{label}\n" for name in names)


def images(folder, count=3, start=0):
    """PNG files of noise; their names."""
    names = [f"{number}.png" for number in range(start, start + count)]
    for name in names:
        picture(Path(folder) / name, seed=zlib.crc32(f"{Path(folder).name}/{name}".encode()))
    return names


def voc(root, splits=()):
    names = images(root / "JPEGImages", 6)
    for name in names:
        text(root / f"Annotations/{name[:-4]}.xml", xml(name))
    for place, split in enumerate(splits):
        text(root / f"ImageSets/Main/{split}.txt", "".join(f"{name[:-4]}\n" for name in names[place::len(splits)]))
    return root


def voc_folders(root, splits=("train", "valid", "test")):
    """As Roboflow writes it."""
    for split in splits:
        for name in images(root / split):
            text(root / split / f"{name[:-4]}.xml", xml(name))
    return root


def coco(root):
    for split in ("train2017", "val2017"):
        text(root / f"annotations/instances_{split}.json", instances(images(root / split)))
        text(root / f"annotations/captions_{split}.json", json.dumps({"images": [], "annotations": []}))
    return root


def coco_folders(root, splits=("train", "valid", "test")):
    for split in splits:
        text(root / split / "_annotations.coco.json", instances(images(root / split)))
    return root


def yolo(root, names="cat\n"):
    for name in images(root / "images"):
        text(root / f"labels/{name[:-4]}.txt", yolo_line())
    text(root / "classes.txt", names)
    return root


def yolo_folders(root, splits=("train", "valid", "test")):
    for split in splits:
        for name in images(root / split / "images"):
            text(root / split / f"labels/{name[:-4]}.txt", yolo_line())
    text(root / "data.yaml", "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 1\n"
                             "names: ['cat']\n")
    text(root / "README.roboflow.txt", "hello\n")
    return root


def labelme(root, splits=("",)):
    for split in splits:
        for name in images(root / split):
            text(root / split / f"{name[:-4]}.json", shapes(name))
    return root


def table(root):
    text(root / "boxes.csv", rows(images(root)))
    return root


def table_folders(root, splits=("train", "valid", "test")):
    for split in splits:
        text(root / split / "_annotations.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n" + "".join(
            f"{name},200,100,cat,{','.join(map(str, BOX))}\n" for name in images(root / split)))
    return root
