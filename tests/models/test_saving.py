import zipfile

import keras
import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.models.rpn import RPN
from frcnn_keras.models.saving import load_model, load_weights, save_model, save_weights


def network(seed=0, units=4):
    """A network that uses one layer twice, so that its config names a shared object."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((3,), name="image")
    shared = keras.layers.Dense(3, name="shared")
    return keras.Model(image, keras.layers.Dense(units, name="last")(shared(shared(image))), name="network")


def rpn_of(seed=0):
    keras.utils.set_random_seed(seed)
    rpn = RPN(3, 8, name="rpn")
    rpn.build((None, None, None, 4))
    return rpn


@pytest.mark.parametrize("make", [network, rpn_of])
def test_equal_models_are_equal_files(make, tmp_path):
    first = make()
    keras.layers.Dense(3).build((None, 3))  # moves Keras's counters and addresses
    save_model(first, tmp_path / "a.keras")
    save_model(make(), tmp_path / "b.keras")
    content = (tmp_path / "a.keras").read_bytes()
    assert content == (tmp_path / "b.keras").read_bytes()
    save_model(make(seed=1), tmp_path / "c.keras")
    assert content != (tmp_path / "c.keras").read_bytes()


def test_keras_itself_reads_the_file(tmp_path):
    model = network()
    save_model(model, tmp_path / "a.keras")
    x = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    assert np.array_equal(keras.saving.load_model(tmp_path / "a.keras")(x), model(x))
    assert b"20" not in zipfile.ZipFile(tmp_path / "a.keras").read("metadata.json").split(b"date_saved")[1]


@pytest.mark.parametrize("save, name", [(save_model, "a.keras"), (save_weights, "a.weights.h5")])
def test_nothing_temporary_stays(save, name, tmp_path):
    save(network(), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("save, name", [(save_model, "a.keras"), (save_weights, "a.weights.h5")])
def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(save, name, tmp_path, monkeypatch):
    save(network(), tmp_path / name)
    before = (tmp_path / name).read_bytes()

    def fail(self, path, *args, **kwargs):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "save", fail)
    monkeypatch.setattr(keras.Model, "save_weights", fail)
    with pytest.raises(KeyboardInterrupt):
        save(network(seed=1), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_bytes() == before


def test_weights_round_trip_into_a_new_model(tmp_path):
    model, other = rpn_of(0), rpn_of(1)
    save_weights(model, tmp_path / "a.weights.h5")
    load_weights(other, tmp_path / "a.weights.h5")
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(one, two)


def refused(load, path):
    with pytest.raises(InputError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message and path.name in message and len(message) < 500
    return message


def spoiled(tmp_path, name, kind):
    path = tmp_path / name
    if kind == "text":
        path.write_text("no model")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "folder":
        path.mkdir()
    elif kind == "cut":
        (save_model if name.endswith(".keras") else save_weights)(network(), path)
        path.write_bytes(path.read_bytes()[:-200])
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", "{}")
    return path


@pytest.mark.parametrize("kind", ["absent", "text", "empty", "folder", "cut", "zip"])
def test_a_file_that_is_no_model_is_one_line(kind, tmp_path):
    refused(load_model, spoiled(tmp_path, "a.keras", kind))


@pytest.mark.parametrize("kind", ["absent", "text", "empty", "folder", "cut"])
def test_a_file_that_holds_no_weights_is_one_line(kind, tmp_path):
    refused(lambda path: load_weights(network(), path), spoiled(tmp_path, "a.weights.h5", kind))


def test_weights_of_another_model_are_refused(tmp_path):
    path = tmp_path / "a.weights.h5"
    save_weights(network(units=5), path)
    refused(lambda path: load_weights(network(), path), path)
    save_weights(rpn_of(), path)
    refused(lambda path: load_weights(network(), path), path)


def test_code_in_a_model_file_is_not_run(tmp_path):
    """A Lambda layer is stored as marshalled Python; a model file from elsewhere must not get to run it."""
    image = keras.Input((3,))
    keras.Model(image, keras.layers.Lambda(lambda x: x * 2, output_shape=(3,))(image)).save(tmp_path / "a.keras")
    assert "cannot be loaded" in refused(load_model, tmp_path / "a.keras")
