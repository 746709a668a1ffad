import io

import numpy as np
import pytest

from frcnn_keras.data.image_layouts import gif_frame, gif_layout
from frcnn_keras.serving.gif_graph import gif
from tests.encoded_pictures import WHOLE, gif_of


@pytest.mark.parametrize("encoded", [WHOLE["gif"], WHOLE["animated gif"], gif_of((9, 20), (2, 3))[0],
                                     gif_of((3, 4), (1, 0))[0]])
def test_frame_and_screen_are_those_that_python_finds(encoded):
    found, wanted = gif(np.frombuffer(encoded, np.uint8)), gif_frame(io.BytesIO(encoded))
    assert found.fine and found.frame.numpy().tolist() == [wanted.top, wanted.left, wanted.offset, wanted.stop]
    assert tuple(found.size.numpy()) == gif_layout(io.BytesIO(encoded)).stored
    assert not gif(np.frombuffer(encoded[: wanted.stop - 1], np.uint8)).fine
    assert gif(np.frombuffer(encoded[: wanted.stop], np.uint8)).fine
