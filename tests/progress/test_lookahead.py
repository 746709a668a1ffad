import threading
from time import sleep

import pytest

from frcnn_keras.progress import ahead


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_order_is_kept(workers, count):
    def slow_where_even(item):
        sleep(0.002 if item % 2 == 0 else 0)
        return item * item

    assert list(ahead(slow_where_even, range(count), workers)) == [item * item for item in range(count)]


def test_an_exception_comes_at_its_items_turn():
    def work(item):
        if item == 5:
            raise KeyError(item)
        return item

    results, seen = ahead(work, range(10), 2), []
    with pytest.raises(KeyError):
        for result in results:
            seen.append(result)
    assert seen == [0, 1, 2, 3, 4]


def test_an_exception_of_the_source_passes_through():
    def items():
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(ahead(lambda item: item, items(), 2))


@pytest.mark.parametrize("workers", [1, 3])
def test_the_look_ahead_is_bounded(workers):
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    results = ahead(lambda item: item, items(), workers)
    assert taken == []  # nothing before the first is asked for
    for number in range(50):
        next(results)
        assert len(taken) <= number + 1 + 2 * workers
    results.close()
    assert len(taken) < 100


def test_several_at_a_time():
    barrier = threading.Barrier(2, timeout=10)  # passes only if two workers are inside at once

    def work(item):
        barrier.wait()
        return item

    assert list(ahead(work, range(4), 2)) == [0, 1, 2, 3]
