from frcnn_keras.auditing.judged import judged
from tests.auditing.by_hand import audited, image


def test_right_and_wrong_ones_by_hand():
    first = image([(0, 0, 40, 40, 1), (100, 0, 140, 40, 1), (0, 50, 40, 90, 2)],
                  [(0, 0, 40, 40, 1, 0.6), (0, 0, 40, 39, 1, 0.9), (100, 0, 140, 40, 2, 0.5),
                   (100, 0, 140, 18, 1, 0.8)])
    second = image([(0, 0, 40, 40, 1)], [(0, 0, 40, 40, 1, 0.7)], number=2, ignored=[0])
    cat, dog, cow = judged(audited(first, second))
    # 0.9 has the first cat, 0.6 comes too late, 0.8 has an IoU of 0.45; what is ignored counts nowhere
    assert cat.scores.tolist() == [0.9, 0.8, 0.6] and cat.right.tolist() == [True, False, False]
    assert cat.objects.tolist() == [2, 0] and cat.images.tolist() == [0, 0, 0]
    assert dog.scores.tolist() == [0.5] and dog.right.tolist() == [False] and dog.objects.tolist() == [1, 0]
    assert len(cow.scores) == 0 and cow.objects.sum() == 0
