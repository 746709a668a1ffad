"""The images that a command is given, one after another."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from frcnn_keras.errors import InputError
from frcnn_keras.progress import Progress, say


def images_in_turn(title: str, images: Sequence[tuple[Path, str]], skip_bad: bool
                   ) -> Iterator[tuple[int, Path, str, Any]]:
    """(number from 1, path, name, image (H, W, 3) uint8 RGB tensor) of every (path, name); counted by a bar.

    skip_bad: images that cannot be read are passed over and said; else the first one raises its InputError.
    """
    from frcnn_keras.data.given_images import pixels  # brings TensorFlow, which --help does without

    with Progress(title, len(images), "images") as bar:
        for number, (path, name) in enumerate(images, 1):
            bar.advance()
            try:
                # handed on without a name here: a photograph of 12 megapixels has 36 MB, and who takes it lets it go
                yield number, path, name, pixels(path)
            except InputError as error:
                if not skip_bad:
                    raise
                say(f"left out: {error}")
