"""Work on items that come in their own time: what is done is handed on, though the next item may be long in coming."""

import concurrent.futures
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from frcnn_keras.progress.lookahead import WORKERS


def conveyed(work: Callable, items: Iterable, workers: int = WORKERS) -> Iterator:
    """Yields work(item) for every item, in order; at most twice `workers` items are on their way, so memory stays flat.

    Other than `lookahead.ahead`, items are drawn by a thread of their own: of a camera, or of a folder that grows, a
    result does not wait for the next item. An error of the items is raised behind the results of those before it.
    """
    room, stopped = threading.Semaphore(2 * workers), threading.Event()
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()  # futures in the items' order; at last None, or an error
    pool = concurrent.futures.ThreadPoolExecutor(workers)

    def draw() -> None:
        source = iter(items)
        try:
            while room.acquire() and not stopped.is_set():
                try:
                    item = next(source)
                except StopIteration:
                    break
                waiting.put(pool.submit(work, item))
            waiting.put(None)
        except BaseException as error:  # raised where results are read, who alone can tell it
            waiting.put(error)

    # a daemon: who stops a camera that hangs is not to wait for it
    threading.Thread(target=draw, daemon=True, name="conveyor").start()
    try:
        while (arrived := waiting.get()) is not None:
            if isinstance(arrived, BaseException):
                raise arrived
            result = arrived.result()
            del arrived  # the future holds it
            room.release()
            yield result
            del result
    finally:
        stopped.set()
        room.release()
        pool.shutdown(wait=True, cancel_futures=True)
