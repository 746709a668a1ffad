"""Looks by slow means, and pictures that show the same beside others."""

import dataclasses

import cv2
import numpy as np
import pytest

from frcnn_keras.crossval.likeness import alike, look, read_looks


@pytest.mark.parametrize("rows, columns", [(4, 4), (7, 9), (38, 50), (2, 3), (1, 1)])
def test_a_look_is_the_means_of_fields(rows, columns):
    maps = np.random.default_rng(0).normal(size=(rows, columns, 3)).astype(np.float16)
    wanted = []
    for row in range(4):
        for column in range(4):
            tops = range(rows * row // 4, max(rows * row // 4 + 1, rows * (row + 1) // 4))
            lefts = range(columns * column // 4, max(columns * column // 4 + 1, columns * (column + 1) // 4))
            wanted += np.mean([[maps[top, left].astype(float) for left in lefts] for top in tops], axis=(0, 1)).tolist()
    np.testing.assert_allclose(look(maps), wanted, atol=1e-3)


def test_pairs_by_a_slow_loop():
    rng = np.random.default_rng(1)
    looks = rng.normal(size=(30, 12)).astype(np.float32) + 3
    looks[7] = looks[3] + rng.normal(0, 0.05, 12)
    mirrored = rng.normal(size=(30, 12)).astype(np.float32)
    mirrored[20] = (looks[11] - looks.mean(axis=0)) * 2  # a picture, and one that shows it mirrored
    middle, other = looks.mean(axis=0), mirrored.mean(axis=0)
    wanted = set()
    for first in range(30):
        for second in range(first + 1, 30):
            for a, b in ((looks[first] - middle, looks[second] - middle), (looks[first] - middle,
                                                                          mirrored[second] - other)):
                if a @ b / np.linalg.norm(a) / np.linalg.norm(b) >= 0.9:
                    wanted.add((first, second))
    assert set(alike(looks, mirrored)) == wanted >= {(3, 7), (11, 20)}
    assert set(alike(looks)) == {(3, 7)}


def test_in_parts_as_in_one(monkeypatch):
    looks = np.repeat(np.random.default_rng(2).normal(size=(6, 20)), 2, axis=0).astype(np.float32)
    whole = set(alike(looks))
    assert whole == {(2 * place, 2 * place + 1) for place in range(6)}
    monkeypatch.setattr("frcnn_keras.crossval.likeness._ROWS", 5)
    assert set(alike(looks)) == whole


@pytest.mark.slow
def test_pictures_saved_anew_are_alike_and_others_are_not(tmp_path, prep, prep_config):
    """Twelve drawn pictures, one of them as JPEG too and one mirrored: through prep, as users have them."""
    from data_prep.prepare import prepare
    from frcnn_keras.data.shapes import shapes_dataset

    dataset = shapes_dataset(12, 3, 120, 156)
    first, second = dataset.examples[:2]

    def changed(example, id, change):
        pixels = cv2.imdecode(np.frombuffer(example.read(), np.uint8), cv2.IMREAD_COLOR)
        encoded = change(pixels)
        return dataclasses.replace(example, id=id, read=lambda: encoded)

    jpeg = changed(first, "jpeg", lambda pixels: cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
                   .tobytes())
    flipped = changed(second, "flipped", lambda pixels: cv2.imencode(".png", pixels[:, ::-1])[1].tobytes())
    own = dataclasses.replace(dataset, examples=(*dataset.examples, jpeg, flipped))
    examples, looks, mirrored = read_looks(prepare(own, tmp_path / "prep", prep_config))
    assert [example.id for example in examples] == [str(example.id) for example in own.examples]
    pairs = set(alike(looks, mirrored))
    assert {(0, 12), (1, 13)} <= pairs
    assert (1, 13) not in set(alike(looks))
    for example, wanted in zip(examples, own.examples, strict=True):
        np.testing.assert_allclose(example.boxes, wanted.boxes, atol=1e-3)
        assert (example.height, example.width) == (wanted.height, wanted.width)
