"""What the rows of the effects' table are checked on: each stage as its own function makes it of its settings."""

import dataclasses
import shutil
import types

import keras
import numpy as np
import pytest

from data_prep.prepare import prepare
from frcnn_keras.data import records
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.models.saving import load_model, save_model
from frcnn_keras.training.finetune import finetune
from frcnn_keras.training.joint import train_joint
from frcnn_keras.training.rcnn_stage import train_rcnn
from frcnn_keras.training.rpn_stage import train_rpn
from frcnn_keras.training.stage import Stage
from tests.detectors import random_detector


class Caught(BaseException):
    """A stage that was about to train."""

    def __init__(self, stage):
        super().__init__()
        self.stage = stage


def caught(work, *arguments, **settings):
    """The stage that a trainer's function makes, before it trains."""
    def train(self, request, fresh):
        raise Caught(self)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Caught) as found:
        patch.setattr(Stage, "train", train)
        work(*arguments, **settings)
    return found.value.stage


class Given:
    """The session's small data set, folders and run, and what stages make of settings on them."""

    def __init__(self, tmp_path_factory, backbone, prep, val_prep, run, shapes):
        self.tmp, self.backbone, self.prep, self.val_prep = tmp_path_factory, backbone, prep, val_prep
        self.run, self.shapes = run, shapes
        self.cache: dict = {}

    def once(self, name, make):
        """make(), the first time that it is asked for by this name."""
        if name not in self.cache:
            self.cache[name] = make()
        return self.cache[name]

    def folder(self):
        return self.tmp.mktemp("effects")

    def own_backbone(self):
        """FILE.keras: one convolution to layer `features` of 5 channels, stride 8."""
        def make():
            keras.utils.set_random_seed(3)
            model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(5, 8, 8, name="features")])
            path = self.folder() / "own.keras"
            model.save(path)
            return str(path)

        return self.once("own backbone", make)

    def other_weights(self):
        """A weights FILE of the small backbone: its kernels, halved."""
        def make():
            model = load_model(self.backbone)
            model.set_weights([weight / 2 for weight in model.get_weights()])
            path = self.folder() / "half.weights.h5"
            model.save_weights(path)
            return str(path)

        return self.once("weights", make)

    def pyramid_run(self):
        """A run whose detector has two levels."""
        def make():
            run = self.folder()
            save_model(random_detector(2), run / "detector.keras")
            return str(run)

        return self.once("pyramid", make)

    def hand_images(self):
        """Two images of 64 x 80 with an object of 16 x 16 each, 3 to the right of an anchor of stride 8."""
        wide = shapes_dataset(2, 3, 64, 80)
        boxes = (np.float32([[15, 12, 31, 28]]), np.float32([[39, 20, 55, 36]]))
        examples = [dataclasses.replace(example, boxes=box, labels=np.int32([1]), difficult=np.zeros(1, bool),
                                        crowd=np.zeros(1, bool))
                    for example, box in zip(wide.examples, boxes, strict=True)]
        return dataclasses.replace(wide, examples=tuple(examples))

    def counted(self, dataset):
        """(the data set, a list that grows by an entry whenever an image is read)."""
        read = []

        def counting(example):
            def again():
                read.append(example.id)
                return example.read()

            return dataclasses.replace(example, read=again)

        return dataclasses.replace(dataset, examples=tuple(map(counting, dataset.examples))), read

    def prepared(self, config):
        """The two images prepared: an extractor's view, the folder, and how often images were read."""
        dataset, read = self.counted(self.hand_images())
        folder = prepare(dataset, self.folder() / "prep", config)
        parsed = [records.parse_features(span.read(), folder.channels) for span in folder.feature_spans]
        view = types.SimpleNamespace(
            prep=folder, dataset=dataset, geometry=folder.geometry, preparing=folder.features.preparing,
            extractor=load_model(folder.extractor_path), given=self, config=config,
            fitted_on=len(read) - len(folder.feature_spans),
            maps=lambda index: [level.numpy() for level in parsed[index * (2 if config.mirror else 1)]["maps"]])
        return view

    def rpn(self, config):
        return types.SimpleNamespace(stage=caught(train_rpn, self.prep.path, self.folder() / "run", config), given=self,
                                     config=config)

    def proposed(self, config):
        """{train, val: boxes of each image} as train-rpn writes them."""
        run = self.folder()
        train_rpn(self.prep.path, run, config, val=self.val_prep.path)
        return {name: [records.parse_proposals(span.read())["boxes"].numpy() for span in records.spans(
            sorted((run / "proposals" / name).glob("*.tfrecord")))] for name in ("train", "val")}

    def rcnn(self, config):
        run = shutil.copytree(self.run, self.folder() / "run")  # the session's is not to be trained anew
        stage = caught(train_rcnn, self.prep.path, run, config)
        stage.model = stage.build()
        return types.SimpleNamespace(stage=stage, given=self, config=config, detector=stage.assemble(None),
                                     batch=lambda: {name: part.numpy() for name, part in
                                                    next(iter(stage.batches(0))).items()})

    def finetune(self, config):
        twice = dataclasses.replace(self.shapes, examples=self.shapes.examples * 2)
        stage = caught(finetune, self.run, twice, self.folder() / "out", config)
        return types.SimpleNamespace(stage=stage, given=self, config=config)

    def joint(self, config):
        dataset, read = self.counted(self.hand_images())
        stage = caught(train_joint, dataset, self.folder() / "out", config)
        detector, fitted_on = stage.detector, len(read)
        pixels = [decoded(example) for example in dataset.examples]
        return types.SimpleNamespace(
            stage=stage, given=self, config=config, detector=detector, dataset=dataset, geometry=detector.geometry,
            preparing=detector.preparing, extractor=detector.extractor, fitted_on=fitted_on, batch=None,
            maps=lambda index: [level[0].numpy() for level in
                                detector.features(detector.prepare_image(pixels[index])[0])])


def decoded(example):
    import cv2

    return cv2.imdecode(np.frombuffer(example.read(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()


def iou(a, b):
    """Of two boxes, in float64."""
    width, height = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    shared = max(float(width), 0.0) * max(float(height), 0.0)
    return shared / (sum(float(c[2] - c[0]) * float(c[3] - c[1]) for c in (a, b)) - shared)
