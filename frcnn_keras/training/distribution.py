"""Several devices that train one network: every step's images are divided among them, and the result is one device's.

The strategies are TensorFlow's MirroredStrategy (one machine) and MultiWorkerMirroredStrategy (several, by TF_CONFIG).
Both run the loop below: Keras's `fit` fails with the second (keras-team/keras issue 20585).
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from frcnn_keras.data.batches import Share
from frcnn_keras.errors import InputError
from frcnn_keras.progress import say

_SUM = tf.distribute.ReduceOp.SUM


@dataclasses.dataclass(frozen=True)
class Distribution:
    """The devices of a training, and this process's place among them.

    strategy: None where one device trains by `fit`. worker: this process's number; 0 is the chief, which alone writes
    files. workers: how many processes there are.
    """

    strategy: tf.distribute.Strategy | None = None
    worker: int = 0
    workers: int = 1

    @property
    def chief(self) -> bool:
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """Devices of all workers together."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1

    def scope(self):
        """Variables made in this context are mirrored on all devices. All workers must make the same ones."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def share(self, batch: int) -> Share:
        """What of a step's images this process reads; InputError unless they can be divided equally."""
        if batch % self.replicas:
            raise InputError(f"--batch {batch} images cannot be divided equally among {self.replicas} devices "
                             f"({self.workers} workers); give a multiple of {self.replicas}")
        return Share(self.worker, self.workers, self.replicas)

    def on_chief(self, function: Callable):
        """What function() returns on the chief (something that JSON can hold), on every worker; its errors too.

        The others wait: it is also the place where they meet. function must make no variables in `scope`.
        """
        if self.workers == 1:
            return function()
        error, answer = None, {}
        if self.chief:
            try:
                answer = {"value": function()}
            except Exception as raised:  # raised again below, when the others know
                error, answer = raised, {"error": str(raised), "input": isinstance(raised, InputError)}
        answer = json.loads(self.from_chief(lambda: json.dumps(answer).encode()))
        if error is not None:
            raise error
        if "error" in answer:
            raise InputError(answer["error"]) if answer["input"] else RuntimeError(f"chief: {answer['error']}")
        return answer["value"]

    def from_chief(self, content: Callable[[], bytes]) -> bytes:
        """The bytes that content() gives on the chief, on every worker."""
        if self.workers == 1:
            return content()
        payload = content() if self.chief else b""
        size = int(self._sum(np.array([len(payload)], np.int64))[0])
        if not size:  # TensorFlow 2.21 crashes where workers reduce an empty tensor
            return b""
        words = np.zeros(-(-size // 8), np.int64)  # 64-bit words: sums with zeros keep every bit
        words.view(np.uint8)[:len(payload)] = np.frombuffer(payload, np.uint8)
        return self._sum(words).tobytes()[:size]

    def _sum(self, array: np.ndarray) -> np.ndarray:
        """The sum of every worker's array."""
        def of_replica(context):
            first = context.replica_id_in_sync_group % (self.replicas // self.workers) == 0
            return tf.constant(array if first else np.zeros_like(array))

        values = self.strategy.experimental_distribute_values_from_function(of_replica)
        return self.strategy.reduce(_SUM, values, axis=None).numpy()

    def train(self, model, dataset: tf.data.Dataset, first: int, epochs: int, keeper, callbacks=()) -> None:
        """Trains a compiled training.loop.StageModel from epoch `first` on.

        dataset: batches of a replica's part of a step, as many a step as this worker has replicas. keeper: a
        training.loop.Keeper; it measures and writes on the chief, and stops all workers when the loss is not finite.
        callbacks: the caller's; the chief alone calls them, and stops all workers where one sets model.stop_training.
        """
        keeper.set_model(model)
        others = keras.callbacks.CallbackList(list(callbacks) if self.chief else [], model=model, epochs=epochs,
                                              steps=keeper.steps, verbose=0)
        model.stop_training = False
        others.on_train_begin()
        endless = dataset.repeat()  # of one that may end TensorFlow asks all workers before every step whether it has
        feed = self.strategy.distribute_datasets_from_function(lambda context: endless)

        @tf.function(input_signature=[feed.element_spec])
        def step(batch):
            losses = self.strategy.run(model.step, args=(batch,))
            return {name: self.strategy.experimental_local_results(value)[0] for name, value in losses.items()}

        batches = iter(feed)
        for epoch in range(first, epochs):
            keeper.on_epoch_begin(epoch)
            others.on_epoch_begin(epoch)
            sums: dict[str, float] = {}
            for number in range(keeper.steps):
                others.on_train_batch_begin(number)
                for name, value in step(next(batches)).items():
                    sums[name] = sums.get(name, 0.0) + float(value)
                means = {name: total / (number + 1) for name, total in sums.items()}
                keeper.on_train_batch_end(number, means)
                others.on_train_batch_end(number, means)
            if self._end_epoch(epoch, means, keeper, others):
                break
        others.on_train_end()

    def _end_epoch(self, epoch: int, means: dict[str, float], keeper, others) -> bool:
        """The chief measures and writes; the others take its numbers. Whether a callback wants an end."""
        def end():
            keeper.on_epoch_end(epoch, means)
            others.on_epoch_end(epoch, means)
            return {"means": means, "stop": bool(others.model.stop_training)}  # with what the keeper measured

        outcome = self.on_chief(end)
        if not self.chief:
            keeper.close()
            keeper.add(outcome["means"])
        return outcome["stop"]


SINGLE = Distribution()


def summed_over_replicas(count, losses: dict, gradients: list) -> tuple[dict, list]:
    """Means over the samples of this replica -> means over those of all replicas, the same on each.

    count: this replica's samples. A replica with more of them counts for more, as in one batch of all.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return losses, gradients
    count = tf.cast(count, tf.float32)
    weight = tf.math.divide_no_nan(count, context.all_reduce(_SUM, count))
    parts = [tf.convert_to_tensor(part) * weight for part in (*losses.values(), *gradients)]
    parts = context.all_reduce(_SUM, parts)
    return dict(zip(losses, parts)), list(parts[len(losses):])


def start(name: str) -> Distribution:
    """The distribution of --strategy none, mirrored or multiworker. To be called before TensorFlow is used.

    Raises:
        InputError: multiworker without a TF_CONFIG, or with one that cannot be understood.
    """
    distribution = SINGLE
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        distribution = Distribution(tf.distribute.MirroredStrategy([device.name for device in devices]))
    elif name == "multiworker":
        worker, workers = place(os.environ.get("TF_CONFIG", ""))
        say(f"worker {worker} of {workers} (0 is the chief): waiting for the others")
        distribution = Distribution(tf.distribute.MultiWorkerMirroredStrategy(), worker, workers)
    return distribution


def place(tf_config: str) -> tuple[int, int]:
    """This process's number and the number of processes, of a TF_CONFIG; the chief is 0.

    Raises:
        InputError: it is empty, no JSON, or names no such process.
    """
    example = ('{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}')
    if not tf_config.strip():
        raise InputError(f"--strategy multiworker needs the environment variable TF_CONFIG, for example {example}")
    try:
        parsed = json.loads(tf_config)
        cluster, task = parsed["cluster"], parsed["task"]
        chiefs, workers = (list(cluster.get(kind, ())) for kind in ("chief", "worker"))
        kind, index = task["type"], int(task["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"TF_CONFIG: not as TensorFlow wants it ({type(error).__name__}: {error}); it must look like "
                         f"{example}") from error
    odd = sorted(set(cluster) - {"chief", "worker"})
    if odd or len(chiefs) > 1:
        raise InputError(f"TF_CONFIG: the cluster may have workers and one chief; it has {', '.join(odd or cluster)}")
    addresses = [*chiefs, *workers]
    for address in addresses:
        if not isinstance(address, str) or not address.rpartition(":")[2].isdigit():
            raise InputError(f"TF_CONFIG: {address!r} is no address; give host:port")
    if len(set(addresses)) != len(addresses):
        raise InputError(f"TF_CONFIG: an address stands there twice: {', '.join(addresses)}")
    tasks = {"chief": chiefs, "worker": workers}.get(kind, [])
    if not 0 <= index < len(tasks):
        raise InputError(f"TF_CONFIG: the cluster has no task {kind} {index}; it has {len(chiefs)} chief and "
                         f"{len(workers)} workers")
    return index + (len(chiefs) if kind == "worker" else 0), len(addresses)
