"""Folds that train beside each other, each in a process of its own."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from frcnn_keras.errors import InputError
from frcnn_keras.progress import Progress
from frcnn_keras.runtime import start_tensorflow

if TYPE_CHECKING:  # it imports TensorFlow, which a process is to start as `_begin` says
    from frcnn_keras.crossval.fold_training import FoldTraining

MEMORY = 2 << 30  # bytes of one process: 1.5 GB were measured on photographs (python -m benchmarks.crossval)


def fitting_workers(folds: int) -> int:
    """How many processes this machine has cores and free memory for; 1 at least, and on a GPU."""
    if _on_gpu():
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(folds, cores, _free_memory() // MEMORY))


def _on_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.get_visible_devices("GPU"))


def _free_memory() -> int:
    """Bytes; as much as one process takes where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    return MEMORY


def train_beside(trainings: Sequence["FoldTraining"], workers: int) -> None:
    """Trains them, `workers` at a time. A fold that is finished costs a start of its process; one that was stopped goes
    on. Each process has its share of the cores. On BCCD with 2 cores two trainings took 110 s so and 150 s one by one,
    as one alone keeps one and a half cores busy; the detectors were the same to the byte.

    Raises:
        InputError, FloatingPointError: what a training raises; the others are stopped.
        InputError: a process was ended from outside; or they would share a GPU.
    """
    if _on_gpu():
        raise InputError(f"--workers {workers}: on a GPU folds train one after another; leave it out")
    spawn = multiprocessing.get_context("spawn")  # TensorFlow's threads do not survive a fork
    with Progress("crossval: folds beside each other", len(trainings), "folds") as progress, \
            concurrent.futures.ProcessPoolExecutor(workers, spawn, _begin, (os.getpid(), workers)) as pool:
        futures = [pool.submit(_train, one) for one in trainings]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
                progress.advance()
        except BaseException as error:
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                raise InputError(f"--workers {workers}: a fold's process was ended from outside, as a system does that "
                                 "is out of memory; the same command goes on, with fewer workers in less memory"
                                 ) from error
            raise


def _begin(parent: int, workers: int) -> None:
    """Ends with its parent, is silent, and takes its share of the cores."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    start_tensorflow("cpu", threads=max(1, (os.cpu_count() or 1) // workers))


def _end_with(parent: int) -> None:
    """A killed parent's folds would else hold their folders for minutes, and the same command could not go on."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _train(training: "FoldTraining") -> None:
    training.train_alone()
