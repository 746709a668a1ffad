import threading
import time

import pytest

from frcnn_keras.progress import conveyed


def test_every_result_in_order():
    def work(item):
        time.sleep(0.01 * (item % 3))
        return item * item

    assert list(conveyed(work, range(20), workers=4)) == [item * item for item in range(20)]
    assert list(conveyed(work, [])) == []


def test_a_result_does_not_wait_for_the_next_item():
    handed = threading.Event()

    def items():
        yield 1
        assert handed.wait(20), "the first result waits for the second item"
        yield 2

    results = conveyed(lambda item: item, items())
    assert next(results) == 1
    handed.set()
    assert list(results) == [2]


def test_few_are_on_their_way():
    drawn = []

    def items():
        for item in range(100):
            drawn.append(item)
            yield item

    results = conveyed(lambda item: item, items(), workers=2)
    for number, _ in enumerate(results):
        assert len(drawn) <= number + 2 * 2 + 1
        if number == 20:
            time.sleep(0.05)
    assert len(drawn) == 100


def test_errors_come_behind_the_results_before_them():
    def items():
        yield from (1, 2)
        raise ValueError("no more")

    for workers in (1, 3):
        results = conveyed(lambda item: item, items(), workers)
        assert [next(results), next(results)] == [1, 2]
        with pytest.raises(ValueError, match="no more"):
            next(results)
    results = conveyed(lambda item: 1 // item, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_who_stops_reading_stops_the_drawing():
    drawn = []

    def items():
        while True:
            drawn.append(1)
            yield 1

    before = threading.active_count()
    results = conveyed(lambda item: item, items(), workers=1)
    next(results)
    results.close()
    until = time.monotonic() + 20
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() <= before and len(drawn) < 10
