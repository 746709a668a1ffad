"""The readers of data sets, each with what people have."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from frcnn_keras.data.image_header import check_complete, image_header
from frcnn_keras.readers.coco import read_coco
from frcnn_keras.readers.csv_file import read_csv
from frcnn_keras.readers.labelme import read_labelme
from frcnn_keras.readers.recognise import recognise
from frcnn_keras.readers.tf_records import read_label_map, read_tf_records
from frcnn_keras.readers.validation import settle
from frcnn_keras.readers.voc import read_voc
from frcnn_keras.readers.yolo import read_yolo
from tests.fuzz.mutation import framed
from tests.fuzz.target import Target

XML = """<annotation><filename>{name}.jpg</filename><size><width>24</width><height>18</height><depth>3</depth></size>
<object><name>cat</name><difficult>0</difficult>
<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>20</xmax><ymax>15</ymax></bndbox></object>
<object><name>dog</name><bndbox><xmin>4.5</xmin><ymin>1</ymin><xmax>9</xmax><ymax>12</ymax></bndbox></object>
</annotation>
"""
LABEL_MAP = b"item {\n  id: 1\n  name: 'cat'\n}\n# one\nitem { name: \"d\\303\\251\" id: 2 display_name: 'Dog' }\n"


def picture(kind: str, mode: str = "RGB", size: tuple[int, int] = (24, 18), **settings) -> bytes:
    """A small encoded picture."""
    values = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).convert(mode).save(stream, kind, **settings)
    return stream.getvalue()


def rotated() -> bytes:
    """A JPEG of EXIF orientation 6."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return picture("JPEG", exif=exif)


def read_all(dataset) -> object:
    """What every command does with a data set first."""
    for problem in dataset.problems:
        if not str(problem).isprintable():
            raise RuntimeError(f"a problem is said as {str(problem)!r}")
    settled = settle(dataset, skip_bad=True)
    for example in settled.examples[:3]:
        check_complete(example.read())
    return settled.fingerprint()


def tfrecord(parts: list[dict]) -> bytes:
    """Records of the Object Detection API."""
    import tensorflow as tf

    kinds = {bytes: ("bytes_list", tf.train.BytesList), int: ("int64_list", tf.train.Int64List),
             float: ("float_list", tf.train.FloatList)}
    payloads = []
    for part in parts:
        features = {}
        for key, values in part.items():
            name, kind = kinds[type(values[0])]
            features[key] = tf.train.Feature(**{name: kind(value=values)})
        payloads.append(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return framed(payloads)


def objects(number: int) -> dict:
    """An Example of an image and two objects."""
    return {"image/filename": [f"{number}.jpg".encode()], "image/source_id": [f"{number}".encode()],
            "image/encoded": [picture("JPEG")], "image/format": [b"jpeg"], "image/height": [18], "image/width": [24],
            "image/object/bbox/xmin": [0.1, 0.2], "image/object/bbox/xmax": [0.7, 0.9],
            "image/object/bbox/ymin": [0.1, 0.3], "image/object/bbox/ymax": [0.8, 0.7],
            "image/object/class/label": [1, 2], "image/object/class/text": [b"cat", "d\u00e9".encode()]}


def coco() -> dict:
    """Instances of two images."""
    return {"info": {}, "categories": [{"id": 3, "name": "cat", "supercategory": "animal"}, {"id": 7, "name": "dog"}],
            "images": [{"id": number, "file_name": f"{number}.jpg", "width": 24, "height": 18} for number in (1, 2)],
            "annotations": [{"id": number, "image_id": 1 + number % 2, "category_id": (3, 7)[number % 2], "iscrowd": 0,
                             "bbox": [1, 2.5, 10, 8], "area": 80.0, "segmentation": [[1, 2, 3, 4, 5, 6]]}
                            for number in range(4)]}


def voc_files() -> dict[str, bytes]:
    files = {"ImageSets/Main/train.txt": b"a\nb\n"}
    for name in ("a", "b"):
        files[f"JPEGImages/{name}.jpg"] = picture("JPEG")
        files[f"Annotations/{name}.xml"] = XML.format(name=name).encode()
    return files


def reading(read: Callable) -> Callable:
    """A reader, and what every command does then."""
    return lambda folder: read_all(read(folder))


def header_of(folder: Path) -> object:
    """What an image's header says, without TensorFlow."""
    data = (folder / "x").read_bytes()
    check_complete(data)
    return image_header(data)


def readers() -> Iterator[Target]:
    """A target for each reader and each of its files."""
    voc, table = voc_files(), b"1.jpg,1,2,10,12,cat\n1.jpg,3.5,4,9,9,\"d, og\"\n2.jpg,,,,,\n"
    images = {f"{number}.jpg": picture("JPEG") for number in (1, 2)}
    records = {"a.tfrecord": tfrecord([objects(1), objects(2)]), "map.pbtxt": LABEL_MAP}
    yield Target("voc xml", voc, ("Annotations/a.xml",), reading(lambda root: read_voc(root, "train")), 10)
    yield Target("voc split", voc, ("ImageSets/Main/train.txt",), reading(lambda root: read_voc(root, "train")), 3)
    bare = {name: content for name, content in voc.items() if not name.startswith("ImageSets")}
    yield Target("voc picture", bare, ("JPEGImages/a.jpg",), reading(lambda root: read_voc(root)), 3)
    yield Target("coco", {"ann.json": json.dumps(coco()).encode(), **images}, ("ann.json",),
                 reading(lambda root: read_coco(root, root / "ann.json")), 10)
    yield Target("csv", {"a.csv": table, **images}, ("a.csv",), reading(lambda root: read_csv(root / "a.csv")), 8)
    header = b"filename,width,height,class,xmin,ymin,xmax,ymax\n1.jpg,24,18,cat,1,2,10,12\n2.jpg,24,18,dog,1,2,10,12\n"
    yield Target("csv with a header", {"a.csv": header, **images}, ("a.csv",),
                 reading(lambda root: read_csv(root / "a.csv")), 4)
    yield from _yolo_and_labelme()
    yield Target("tfrecord", records, ("a.tfrecord",), reading(
        lambda root: read_tf_records(str(root / "*.tfrecord"), root / "map.pbtxt")), 8)
    yield Target("label map", records, ("map.pbtxt",), lambda root: read_label_map(root / "map.pbtxt"), 10)


def _yolo_and_labelme() -> Iterator[Target]:
    """Label files, what describes them, and JSON with shapes, one with its picture in it."""
    images = {f"images/train/{number}.jpg": picture("JPEG") for number in (1, 2)}
    described = b"path: .\ntrain: images/train\nval: [images/train]\nnc: 2\nnames:\n  0: cat\n  1: 'd og'\n"
    files = images | {"data.yaml": described, "labels/train/1.txt": b"0 0.5 0.5 0.25 0.5\n1 0.25 0.5 1e-1 0.4\n",
                      "labels/train/2.txt": b"1 0.1 0.1 0.6 0.2 0.5 0.9\n\n0 0.5 0.5 0.2 0.3\n"}
    yield Target("yolo labels", files, ("labels/train/1.txt", "labels/train/2.txt"), reading(
        lambda root: read_yolo(root, "train")), 6)
    yield Target("data.yaml", files, ("data.yaml",), reading(lambda root: read_yolo(root / "data.yaml", "train")), 8)
    darknet = images | {"1.data": b"classes = 2\ntrain = train.txt\nnames = obj.names\n", "obj.names": b"cat\ndog\n",
                        "train.txt": b"data/images/train/1.jpg\n./images/train/2.jpg\n",
                        "images/train/1.txt": b"0 0.5 0.5 0.25 0.5\n"}
    yield Target("darknet", darknet, ("1.data", "obj.names", "train.txt"), reading(
        lambda root: read_yolo(root / "1.data")), 4)
    rectangle = {"label": "cat", "points": [[2, 3], [20.5, 15]], "shape_type": "rectangle",
                 "flags": {"difficult": True}}
    circle = {"label": "dog", "points": [[9, 9], [12, 9]], "shape_type": "circle", "group_id": 3}
    content = {"version": "5.2.1", "flags": {}, "shapes": [rectangle, circle, circle], "imagePath": "a.jpg",
               "imageData": None, "imageHeight": 18, "imageWidth": 24}
    held = content | {"imageData": base64.b64encode(picture("PNG")).decode(), "imagePath": "..\\gone.png"}
    yield Target("labelme", {"a.jpg": picture("JPEG"), "a.json": json.dumps(content).encode(),
                             "b.json": json.dumps(held).encode()}, ("a.json", "b.json"), reading(read_labelme), 8)
    others = {"notes.json": json.dumps(content).encode(), "boxes.csv": b"a.jpg,1,2,3,4,cat\n"}
    yield Target("recognised", files | others, ("data.yaml", "notes.json", "boxes.csv", "labels/train/1.txt"),
                 lambda root: recognise(root).line, 4)


def pictures() -> Iterator[Target]:
    """Every form of encoded pictures: headers alone, and decoded."""
    from frcnn_keras.data.decoding import decode

    forms = {"jpeg": picture("JPEG"), "jpeg turned": rotated(), "jpeg grey": picture("JPEG", "L"),
             "jpeg cmyk": picture("JPEG", "CMYK"), "jpeg progressive": picture("JPEG", progressive=True),
             "png": picture("PNG"), "png alpha": picture("PNG", "RGBA"), "png palette": picture("PNG", "P"),
             "bmp": picture("BMP"), "gif": picture("GIF"), "tiff": picture("TIFF"), "webp": picture("WEBP")}
    for name, data in forms.items():
        yield Target(f"header of {name}", {"x": data}, ("x",), header_of, 1.5)
        yield Target(f"{name} decoded", {"x": data}, ("x",), lambda root: decode((root / "x").read_bytes(), "x"), 1.5)
