"""data_prep beside the bare forward pass of its backbone on the same images, mirror images counted."""

import concurrent.futures
import contextlib
import dataclasses
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.inputs import Settings, dataset_of, prep_config, prepare_quietly
from benchmarks.timing import Row, Worker, serve
from frcnn_keras.data.example import Example
from frcnn_keras.runtime import start_tensorflow

ROLES = ("data_prep", "one", "several")
CHUNK = 32  # images that the bare pass has in memory at a time, each with its mirror image


def count_of(settings: Settings) -> int:
    return 8 if settings.quick else settings.images


def measure(settings: Settings) -> list[Row]:
    """Each way in a process of its own, as each needs its own thread settings; the processes take turns."""
    images = 2 * len(dataset_of(settings, count_of(settings)).examples)
    rates = {name: statistics.median(values) for name, values in _samples(settings).items()}
    names = {"whole": f"data_prep, {images} images, start to end", "pass": "data_prep, while the images pass"}
    besides = {"one": "bare backbone, 1 image at a time, default threads",
               "several": f"bare backbone, {os.cpu_count()} images at a time, 1 thread each"}
    return [Row("data_prep", what, rates[name], "images/s", beside, rates[role])
            for name, what in names.items() for role, beside in besides.items()]


def _samples(settings: Settings) -> dict[str, list[float]]:
    """Images a second by name."""
    arguments = json.dumps(dataclasses.asdict(settings))
    samples: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker("benchmarks.data_prep_rate", role, arguments)) for role in ROLES]
        for worker in workers:
            worker.ready()
        for _ in range(1 if settings.quick else 3):
            for worker in workers:
                for name, rate in worker.ask().items():
                    samples.setdefault(name, []).append(rate)
    return samples


def prep_measurement(settings: Settings):
    """() -> images a second of data_prep: of the `whole`, from the building of the model to the finished folder, and
    while the images `pass`, which is what counts the more the more there are. Start-up of the process is not timed."""
    dataset, config = dataset_of(settings, count_of(settings)), prep_config(settings)

    def once(dataset=dataset):
        reads: list[float] = []
        watched = dataclasses.replace(dataset, examples=tuple(_watched(each, reads) for each in dataset.examples))
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            prepare_quietly(watched, config, Path(folder) / "prep", workers=os.cpu_count() or 1)
            ended = time.perf_counter()
        images = 2 * len(dataset.examples)
        return {"whole": images / (ended - begun), "pass": _steady(reads, images, config.neck.sample)}

    once(dataclasses.replace(dataset, examples=dataset.examples[:4]))  # warm
    return once


def _watched(example: Example, reads: list[float]) -> Example:
    """The same example, which notes when it is read."""
    def read():
        reads.append(time.perf_counter())
        return example.read()

    return dataclasses.replace(example, read=read)


def _steady(reads: list[float], images: int, neck_sample: int) -> float:
    """Images a second between the reading of an early and of the last image, where as many are begun as are finished.

    The neck's images are read before; the quarter after them is left out too, as the graph is traced meanwhile.
    """
    marks = reads[min(neck_sample, images // 2):]
    first = len(marks) // 4
    return images / len(marks) * (len(marks) - 1 - first) / (marks[-1] - marks[first])


def bare_measurement(settings: Settings, role: str):
    """() -> images a second of the trunk alone; decoding, resizing and normalising are not timed."""
    import tensorflow as tf

    from frcnn_keras.models.backbones import load_backbone

    backbone = load_backbone("mobilenet_v2", settings.backbone_weights)
    examples = dataset_of(settings, count_of(settings)).examples
    graph = tf.function(lambda image: backbone.model(image, training=False),
                        input_signature=[tf.TensorSpec((1, None, None, 3), tf.float32)])

    def forward(image):
        return tf.nest.flatten(graph(image))[-1][0, 0, 0].numpy()  # waits for the result

    def once(examples=examples):
        seconds = 0.0
        for start in range(0, len(examples), CHUNK):
            images = preprocessed(examples[start: start + CHUNK], settings, backbone)
            begun = time.perf_counter()
            with concurrent.futures.ThreadPoolExecutor(1 if role == "one" else os.cpu_count()) as pool:
                list(pool.map(forward, images))
            seconds += time.perf_counter() - begun
        return {role: 2 * len(examples) / seconds}

    once(examples[:4])
    return once


def preprocessed(examples, settings: Settings, backbone) -> list:
    """Each image and its mirror image as the backbone takes it: (1, H, W, 3) float32."""
    from frcnn_keras.ops import images as image_ops

    sizes, made = prep_config(settings).images, []
    for example in examples:
        size = image_ops.resized_size(example.height, example.width, sizes.shorter, sizes.longer)
        image = image_ops.resize(image_ops.decode_image(example.read()), *size)
        for view in (image, image[:, ::-1]):
            view = image_ops.normalise(view, backbone.preprocess)
            made.append(image_ops.pad(view, backbone.pad_multiple)[None])
    return made


def main(role: str, arguments: str) -> None:
    """A worker."""
    settings = Settings(**json.loads(arguments))
    start_tensorflow(threads=0 if role == "one" else 1)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of tracing anew, as every repeat must
    serve(prep_measurement(settings) if role == "data_prep" else bare_measurement(settings, role))


if __name__ == "__main__":
    main(*sys.argv[1:])
