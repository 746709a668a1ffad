import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops.sampling import sample, sample_of_each


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(0, 2**31 - 1), st.integers(0, 60), st.integers(1, 24), st.sampled_from([0.0, 0.25, 0.5, 1.0]),
       st.sampled_from([(0, 0), (1, 0), (0, 1), (0.5, 0.3), (0.1, 0.8)]))
def test_properties(seed, size, count, fraction, shares):
    labels = np.full(size, -1, np.int32)
    order = np.random.default_rng(seed).permutation(size)
    positives, negatives = int(shares[0] * size), int(shares[1] * size)
    labels[order[:positives]], labels[order[positives:positives + negatives]] = 1, 0

    indices, valid = (part.numpy() for part in sample(labels, (seed, 7), count, fraction))
    assert indices.shape == valid.shape == (count,) and indices.dtype == np.int32
    taken_positives = min(positives, int(count * fraction))
    taken_negatives = min(negatives, count - taken_positives)
    taken = taken_positives + taken_negatives
    assert valid.tolist() == [True] * taken + [False] * (count - taken)
    assert labels[indices[:taken]].tolist() == [1] * taken_positives + [0] * taken_negatives
    assert len(set(indices[:taken].tolist())) == taken  # without replacement
    assert not indices[taken:].any()


def test_seed_decides_the_draw():
    labels = np.arange(1000) % 2
    first, again, other = (sample(labels, seed, 64)[0].numpy().tolist() for seed in ((1, 2), (1, 2), (1, 3)))
    assert first == again != other


def test_every_member_is_as_likely():
    # 20 of 40 negatives and 10 of 20 positives in each of 400 draws: each is drawn 200 times, give or take 5 deviations
    labels = np.array([1] * 20 + [0] * 40 + [-1] * 10, np.int32)
    seeds = np.stack([np.arange(400), np.full(400, 5)], 1).astype(np.int32)
    draws = tf.map_fn(lambda seed: sample(labels, seed, 30, 1 / 3)[0], seeds, fn_output_signature=tf.int32).numpy()
    drawn = np.bincount(draws.ravel(), minlength=70)
    assert not drawn[60:].any() and drawn.sum() == 400 * 30
    assert abs(drawn[:60] - 200).max() < 5 * (400 * 0.25) ** 0.5


def test_in_a_graph_of_unknown_length():
    graph = tf.function(lambda labels, seed: sample(labels, seed, 4, 0.5),
                        input_signature=[tf.TensorSpec((None,), tf.int32), tf.TensorSpec((2,), tf.int32)])
    indices, valid = graph(tf.constant([1, -1, 0]), tf.constant([3, 4]))
    assert indices.numpy().tolist() == [0, 2, 0, 0] and valid.numpy().tolist() == [True, True, False, False]
    assert not graph(tf.zeros([0], tf.int32), tf.constant([3, 4]))[1].numpy().any()


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(0, 2**31 - 1), st.lists(st.integers(0, 30), min_size=2, max_size=4), st.integers(1, 12))
def test_of_several_images_the_draw_is_that_of_their_anchors_together(seed, sizes, count):
    rng = np.random.default_rng(seed)
    labels = [rng.integers(-1, 2, size).astype(np.int32) for size in sizes]
    whole, valid = (part.numpy() for part in sample(np.concatenate(labels), (seed, 1), count * len(sizes), 0.25))
    starts = np.cumsum([0, *sizes[:-1]])
    for own, start, (index, drawn) in zip(labels, starts, sample_of_each(labels, (seed, 1), count, 0.25), strict=True):
        index, drawn = index.numpy(), drawn.numpy()
        assert drawn.tolist() == [True] * (len(index) - 1) + [False]
        wanted = [i - start for i in whole[valid] if start <= i < start + len(own)]
        assert index[drawn].tolist() == wanted


def test_one_image_may_have_all_positives_of_a_batch():
    labels = [np.ones(20, np.int32), np.zeros(20, np.int32)]
    first, second = sample_of_each(labels, (0, 0), 8, 0.5)
    assert first[1].numpy().sum() == 8 and second[1].numpy().sum() == 8  # alone: 4 positives, and 8 negatives
    alone = sample_of_each(labels[:1], (0, 0), 8, 0.5)
    assert len(alone) == 1 and alone[0][1].numpy().tolist() == [True] * 4 + [False] * 4
