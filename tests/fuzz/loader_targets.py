"""The loaders of what the package wrote itself, of settings, and of weights from elsewhere."""

import functools
import io
import json
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests import pickle_assembler as asm
from tests.fuzz.target import Target

TOML = b"""# settings
epochs = 5
learning-rate = 1e-3
drops = [0.5, 0.75]
optimizer = "sgd"
rpn_channels = 0x20

[train-rpn]
batch = 3
seed = 7

[prep]
shorter = 300
"""


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def checkpoints() -> dict[str, bytes]:
    """The same tensors in every form that weights come in."""
    arrays = {"a.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "b": np.ones(3, np.float16)}
    content = asm.tensors(x=asm.tensor(asm.storage("0", 12), 1, (2, 3), (4, 1)),
                          y=asm.tensor(asm.storage("1", 4, "HalfStorage")))
    header = {"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]},
              "b": {"dtype": "BF16", "shape": [3], "data_offsets": [48, 54]}}
    text, npz, packed = json.dumps(header).encode(), io.BytesIO(), io.BytesIO()
    np.savez(npz, **arrays)
    np.savez_compressed(packed, **arrays)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "x")
        asm.write_zip(path, content, {"0": bytes(range(48)), "1": bytes(8)})
        new = path.read_bytes()
        asm.write_legacy(path, content, {"0": (12, bytes(range(48))), "1": (4, bytes(8))})
        old = path.read_bytes()
    return {"pth": new, "older pth": old, "safetensors": struct.pack("<Q", len(text)) + text + bytes(range(54)),
            "npz": npz.getvalue(), "packed npz": packed.getvalue()}


def weights() -> Iterator[Target]:
    """Files of weights from elsewhere."""
    from frcnn_keras.torchvision.checkpoints import read_tensors

    for name, data in checkpoints().items():
        yield Target(f"weights, {name}", {"x": data}, ("x",), lambda folder: [
            array.sum() for array in read_tensors(folder / "x").values()], 4)


def settings() -> Iterator[Target]:
    """TOML files."""
    from frcnn_keras.commands import flags
    from frcnn_keras.settings.stages import RPNConfig

    def read(folder: Path) -> object:
        parser = flags.Parser()
        flags.add_arguments(parser, RPNConfig)
        flags.apply_toml(parser, str(folder / "x.toml"), "train-rpn")
        return flags.from_args(RPNConfig, parser.parse_args([]))

    yield Target("TOML", {"x.toml": TOML}, ("x.toml",), read, 4)


def keras_files() -> Iterator[Target]:
    """Detectors, backbones, weights and a training's state: Keras takes long to load them."""
    import keras

    from frcnn_keras.models.backbones import load_backbone
    from frcnn_keras.models.saving import load_weights, save_model, save_weights
    from frcnn_keras.runs.detector import load
    from frcnn_keras.runs.parts import run_settings
    from frcnn_keras.training.loop import Keeper, StageModel
    from tests.detectors import small_detector

    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    image = keras.Input((None, None, 3))
    backbone = keras.Model(image, keras.layers.Conv2D(4, 3, 2, padding="same", name="features")(image), name="own")
    with tempfile.TemporaryDirectory() as place:
        run = Path(place, "run")
        run.mkdir()
        save_model(small_detector(), run / "detector.keras")
        detector = files_of(run)
        save_weights(network, run / "a.weights.h5")
        network.save_weights(run / "b.weights.h5")  # as Keras alone writes it
        backbone.save(run / "own.keras")
        model = StageModel(network, lambda batch: {}, ("loss_of_it",))
        model.compile(keras.optimizers.Adam())
        model.optimizer.build(network.trainable_variables)
        keeper = Keeper(run / "state.npz", run / "log.csv", "fuzz", 1, 3)
        keeper.set_model(model)
        keeper.add({"loss": 0.5})
        keeper._write_state()
        files = files_of(run)
    state = {"state.npz": files["state.npz"]}
    yield Target("run's settings", detector, ("detector.keras",), run_settings, 4)
    yield Target("detector.keras", detector, ("detector.keras",), load, 1, 200)
    for name in ("a.weights.h5", "b.weights.h5"):
        yield Target(f"weights.h5 {name[0]}", {name: files[name]}, (name,),
                     functools.partial(lambda folder, name: load_weights(network, folder / name), name=name), 1, 600)
    yield Target("own backbone", {"own.keras": files["own.keras"]}, ("own.keras",), lambda folder: load_backbone(
        str(folder / "own.keras"), None, ["features"], "tf"), 1, 200)
    yield Target("state of a training", state, ("state.npz",), lambda folder: Keeper(
        folder / "state.npz", folder / "log.csv", "fuzz", 1, 3).restore(model), 2)


def folders() -> Iterator[Target]:
    """A prep folder, and what a run was begun with."""
    import keras

    from data_prep.prepare import prepare
    from frcnn_keras.data.prepared import open_prepared
    from frcnn_keras.data.shapes import shapes_dataset
    from frcnn_keras.runs import request
    from frcnn_keras.runs.folder import PreparedFacts
    from frcnn_keras.settings import stages as configs
    from frcnn_keras.training.rpn_stage import RPNRequest, RPNSize

    image = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(4, 3, 8, padding="same", name="features")(image)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "own.keras")
        keras.Model(image, keras.layers.ReLU(name="top")(maps), name="own").save(path)
        config = configs.PrepConfig(
            backbone=configs.BackboneConfig(str(path), "none", ("features",), "tf"),
            images=configs.ImageConfig(32, 48), neck=configs.NeckConfig(0),
            anchors=configs.LevelAnchorConfig((16.0,), (1.0,)), minibatches=configs.MinibatchConfig(count=8, draws=1))
        prepared = prepare(shapes_dataset(1, 0, 48, 64), Path(place, "prep"), config)
        folder = files_of(Path(place, "prep"))
        begun = Path(place, "rpn.json")
        request.begin(begun, RPNRequest(configs.RPNConfig(), PreparedFacts.of(prepared), RPNSize(16)), False)
        stored = begun.read_bytes()
    manifests = tuple(name for name in folder if name.endswith(".json"))
    shards = tuple(name for name in folder if name.endswith(".tfrecord"))
    yield Target("manifests", folder, manifests, open_prepared, 5)
    yield Target("shards", folder, shards, open_prepared, 2)
    yield Target("request", {"rpn.json": stored}, ("rpn.json",), lambda where: request.read_request(
        where / "rpn.json", RPNRequest), 4)
