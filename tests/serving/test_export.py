import numpy as np
import pytest

from frcnn_keras.commands.export import build_parser
from frcnn_keras.data.given_images import pixels
from frcnn_keras.data.image_header import SERVED_PIXELS, image_header
from frcnn_keras.errors import InputError
from frcnn_keras.serving import litert, onnx, saved_model
from frcnn_keras.serving.export import FORMATS, check_settings, export
from tests.bright_pictures import encoded, picture

WRITERS = {"savedmodel": (saved_model, "export_saved_model"), "onnx": (onnx, "export_onnx"),
           "litert": (litert, "export_litert")}


@pytest.fixture
def asked(monkeypatch):
    """What each format's writer was asked for: [(format, positional arguments, keywords)]."""
    calls = []

    def note(format):
        return lambda *arguments, **settings: calls.append((format, arguments, settings)) or "written"

    for format, (module, name) in WRITERS.items():
        monkeypatch.setattr(module, name, note(format))
    return calls


def test_the_command_offers_every_format():
    (action,) = (action for action in build_parser()._actions if action.dest == "format")
    assert list(action.choices) == list(FORMATS) == list(WRITERS)


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_has_its_writer_with_its_settings(format, asked):
    own = {"image_size": (48, 64)}
    if format == "savedmodel":
        own = {"version": 3, "max_pixels": 307_200, "signatures": ("od-api:tf_example", "ours")}
    assert export("detector", "out", format, overwrite=True, **own) == "written"
    ((found, arguments, settings),) = asked
    assert found == format and arguments == ("detector", "out")
    assert settings == {"check_images": [], "overwrite": True, **own}


def test_a_saved_model_is_what_is_written_by_default(asked):
    export("detector", "out")
    ((found, _, settings),) = asked
    assert found == "savedmodel" and settings == {"check_images": [], "version": None, "overwrite": False,
                                                   "max_pixels": SERVED_PIXELS, "signatures": ("ours",)}


@pytest.mark.parametrize("format", FORMATS)
def test_images_to_compare_on_in_every_form(format, asked, tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(picture()))
    images = [tmp_path / "a.png", str(tmp_path / "a.png"), encoded(picture()), picture(), encoded(picture(), ".tiff")]
    export("detector", "out", format, check_images=iter(images))
    ((_, _, settings),) = asked
    found = settings["check_images"]
    assert found[:3] == [encoded(picture())] * 3
    if format == "savedmodel":  # as its clients send them
        assert [image_header(image).kind for image in found] == ["PNG"] * 5  # TensorFlow has no decoder for TIFF
    assert all(np.array_equal(pixels(image), picture()) for image in found)


def test_an_image_that_is_none(asked, tmp_path):
    with pytest.raises(InputError, match="absent.png"):
        export("detector", "out", check_images=[tmp_path / "absent.png"])
    with pytest.raises(ValueError, match="uint8 RGB"):
        export("detector", "out", check_images=[picture().astype(np.float32)])
    assert not asked


@pytest.mark.parametrize("format, settings, words", [
    ("onnx", {"version": 2}, "--version belongs to --format savedmodel; onnx is written to the file --out"),
    ("litert", {"version": 1}, "--version belongs"), ("savedmodel", {"image_size": (48, 64)}, "--image-size belongs"),
    ("litert", {"max_pixels": 400_000}, "--max-pixels belongs"),
    ("onnx", {"signatures": ("ours",)}, "--signatures belongs to --format savedmodel"),
    ("savedmodel", {"signatures": ("image_tensor",)}, "--signatures must be of ours, .*received: 'image_tensor'"),
    ("savedmodel", {"signatures": ("ours", "ours")}, "--signatures: each once"),
    ("savedmodel", {"max_pixels": 307_199}, "must be 307200"),
    ("onnx", {"image_size": (0, 64)}, "two whole numbers"), ("litert", {"image_size": (48, -1)}, "two whole numbers"),
    ("tflite", {}, "--format must be one of savedmodel, onnx, litert; received: 'tflite'")])
def test_settings_of_another_format_are_refused(format, settings, words, asked):
    with pytest.raises(InputError, match=words) as caught:
        export("detector", "out", format, **settings)
    assert not asked and "\n" not in str(caught.value)


@pytest.mark.parametrize("format, version, image_size", [
    ("savedmodel", 1, None), ("savedmodel", None, None), ("onnx", None, (1, 1)), ("litert", None, None)])
def test_settings_of_the_own_format_are_taken(format, version, image_size):
    check_settings(format, version, image_size)
