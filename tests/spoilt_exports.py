"""Exports that answer otherwise than their detector."""

from tests.bright_pictures import picture


def spoil(monkeypatch, exporter, output, factor):
    """Multiplies an output on its way into the file that a module `exporter` writes; returns an image that shows it."""
    outputs_of = exporter.detection_outputs

    def spoilt(model, image_tensor):
        outputs = outputs_of(model, image_tensor)
        return {**outputs, output: outputs[output] * factor}

    monkeypatch.setattr(exporter, "detection_outputs", spoilt)
    return picture()
