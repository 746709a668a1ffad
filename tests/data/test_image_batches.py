import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data.augmentation import Augmentation
from frcnn_keras.data.image_batches import image_batches
from frcnn_keras.data.pipeline_errors import input_error
from frcnn_keras.models.settings import Preparing
from frcnn_keras.ops.images import decode_image, normalise, resize, resized_size

PREPARING = Preparing(60, 90, "tf", 16)
EVERYTHING = Augmentation(mirror=True, jitter_shorter=(40, 70), brightness=0.3, contrast=0.3, saturation=0.3)


def batches(shapes, augmentation=Augmentation(), first=0, epochs=1, batch=2, seed=4):
    dataset = image_batches(shapes.examples, preparing=PREPARING, augmentation=augmentation, batch=batch, seed=seed,
                            first_epoch=first, epochs=epochs)
    return [{name: part.numpy() for name, part in one.items()} for one in dataset]


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def by_boxes(shapes, boxes):
    """The example that resized boxes (G, 4) are of."""
    for example in shapes.examples:
        height, width = resized_size(example.height, example.width, 60, 90)
        scale = [width / example.width, height / example.height] * 2
        if len(example.boxes) == len(boxes) and np.allclose(example.boxes * scale, boxes, atol=1e-3):
            return example
    raise AssertionError("no example has these boxes")


def test_every_image_once_an_epoch_padded_and_normalised(shapes):
    seen = []
    for one in batches(shapes):
        assert one["images"].shape[1:3] == tuple(one["padded"].max(0))
        for index in range(2):
            exists = one["exists"][index]
            assert np.array_equal(exists, np.arange(len(exists)) < exists.sum())
            example = by_boxes(shapes, one["boxes"][index][exists])
            seen.append(example.id)
            height, width = one["size"][index]
            assert (height, width) == resized_size(example.height, example.width, 60, 90)
            assert tuple(one["padded"][index]) == tuple(-(-side // 16) * 16 for side in (height, width))
            np.testing.assert_array_equal(one["labels"][index][exists], example.labels)
            np.testing.assert_array_equal(one["ignored"][index][exists], example.ignored)
            expected = normalise(resize(decode_image(example.read()), height, width), "tf")
            np.testing.assert_allclose(one["images"][index, :height, :width], expected, atol=1e-5)
            assert not one["images"][index, height:].any() and not one["images"][index, :, width:].any()
            scale = [width / example.width, height / example.height] * 2
            np.testing.assert_allclose(one["boxes"][index][exists], example.boxes * scale, rtol=1e-5)
    assert sorted(seen) == sorted(example.id for example in shapes.examples)


def test_the_same_seed_gives_the_same_batches_and_another_others(shapes):
    first, again = batches(shapes, EVERYTHING), batches(shapes, EVERYTHING)
    assert all(same(one, other) for one, other in zip(first, again, strict=True))
    other = batches(shapes, EVERYTHING, seed=5)
    assert not any(same(one, two) for one, two in zip(first, other, strict=True))


def test_a_later_start_goes_on_as_if_nothing_had_happened(shapes):
    whole, later = batches(shapes, EVERYTHING, epochs=3), batches(shapes, EVERYTHING, first=2, epochs=3)
    assert len(whole) == 9
    assert all(same(one, other) for one, other in zip(whole[6:], later, strict=True))
    assert not same(whole[0], whole[3])  # each epoch is changed and shuffled anew


def test_an_images_draws_do_not_depend_on_its_neighbours(shapes):
    """The same image of the same epoch is the same in a batch of one and of three."""
    def images(batch):
        found = {}
        for one in batches(shapes, EVERYTHING, batch=batch):
            for index in range(batch):
                height, width = one["size"][index]
                found[tuple(one["seed"][index])] = one["images"][index, :height, :width]
        return found

    alone, together = images(1), images(3)
    assert alone.keys() == together.keys() and len(alone) == 6
    for key in alone:
        np.testing.assert_array_equal(alone[key], together[key])


def as_prepared(example):
    """An example's image and boxes at the size of prediction: (h, w, 3), (G, 4)."""
    height, width = resized_size(example.height, example.width, 60, 90)
    image = normalise(resize(decode_image(example.read()), height, width), "tf").numpy()
    return image, example.boxes * np.array([width / example.width, height / example.height] * 2)


def test_mirror_images_have_mirrored_boxes(shapes):
    """Each image is as it is or mirrored, its boxes with it; which changes from epoch to epoch, and follows from a
    seed of its own."""
    prepared = {example.id: as_prepared(example) for example in shapes.examples}
    seen, by_seed = {}, []
    for one in batches(shapes, Augmentation(mirror=True), epochs=4, batch=1):
        height, width = one["size"][0]
        image = one["images"][0, :height, :width]
        ((key, flips),) = [(key, flips) for key, (own, _) in prepared.items() for flips in (False, True)
                           if own.shape == image.shape and np.allclose(own[:, ::-1 if flips else 1], image, atol=1e-4)]
        x1, y1, x2, y2 = prepared[key][1].T
        expected = np.stack([width - x2, y1, width - x1, y2] if flips else [x1, y1, x2, y2], -1)
        np.testing.assert_allclose(one["boxes"][0], expected, atol=1e-3)
        seen.setdefault(key, []).append(flips)
        by_seed.append(flips == (float(tf.random.stateless_uniform((), one["seed"][0])) < 0.5))
    assert len(seen) == 6 and 6 <= sum(map(sum, seen.values())) <= 18
    assert any(len(set(flips)) == 2 for flips in seen.values()) and not all(by_seed)


def test_jittered_boxes_keep_their_place(shapes):
    """Boxes and images are scaled alike: an object's share of the image stays."""
    found = {}
    for one in batches(shapes, Augmentation(jitter_shorter=(40, 70)), epochs=2, batch=1):
        height, width = one["size"][0]
        found.setdefault(one["labels"][0].tobytes() + bytes([len(one["labels"][0])]), []).append(
            (one["boxes"][0] / [width, height, width, height], min(height, width)))
    sides = {side for pairs in found.values() for _, side in pairs}
    assert len(sides) > 3 and min(sides) >= 40 and max(sides) <= 70
    for pairs in found.values():
        for boxes, _ in pairs:
            assert any(np.allclose(boxes, e.boxes / [e.width, e.height, e.width, e.height], atol=1e-5)
                       for e in shapes.examples if len(e.boxes) == len(boxes))


def test_a_broken_image_is_named(shapes):
    broken = dataclasses.replace(shapes.examples[0], read=lambda: b"\xff\xd8\xff no image", file="there/bad.jpg")
    spoilt = dataclasses.replace(shapes, examples=(broken,))
    with pytest.raises(tf.errors.OpError) as caught:
        batches(spoilt, batch=1)
    message = str(input_error(caught.value))
    assert message.startswith("there/bad.jpg: the image is truncated") and "\n" not in message

