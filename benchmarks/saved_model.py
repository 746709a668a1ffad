"""A SavedModel in a process that knows nothing of frcnn_keras: python benchmarks/saved_model.py TASK FOLDER ...

    answer FOLDER IN.npy OUT.npz    IN: encoded images; OUT: `serving_default`'s outputs, one request an image
    soak FOLDER REQUESTS LARGEST    images of random sizes up to LARGEST x 3/4 LARGEST, one a request; prints JSON:
                                    megabytes resident after each tenth of the requests
"""

import json
import os
import sys

import cv2
import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def opened(folder):
    """call(inputs) -> outputs of serving_default, by the loader that servers use."""
    import logging

    import tensorflow as tf

    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        model = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
    signature = model.signature_def["serving_default"]
    outputs = {name: tensor.name for name, tensor in signature.outputs.items()}
    return lambda images: session.run(outputs, {signature.inputs["image_bytes"].name: np.array(images, object)})


def answer(folder, given, out):
    """Every image in a request of its own."""
    call = opened(folder)
    answers = [call([bytes(image)]) for image in np.load(given, allow_pickle=True)]
    np.savez(out, **{name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]})


def resident():
    """Megabytes of this process in memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def soak(folder, requests, largest):
    """The smallest and the largest size first, then random ones."""
    rng, call, found = np.random.default_rng(0), opened(folder), []
    requests, largest = int(requests), int(largest)
    for number in range(requests):
        width, height = (np.exp(rng.uniform(np.log(16), np.log(side))) for side in (largest, largest * 3 // 4))
        width, height = {0: (16, 16), 1: (largest, largest * 3 // 4)}.get(number, (int(width), int(height)))
        image = cv2.resize(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8), (width, height))
        answered = call([cv2.imencode((".jpg", ".png")[number % 2], image)[1].tobytes()])
        if answered["image_size"].tolist() != [[height, width]]:
            raise RuntimeError(f"{answered['image_size']} for an image of {height} x {width}")
        if (number + 1) * 10 // requests > number * 10 // requests:
            found.append(resident())
    print(json.dumps(found))


if __name__ == "__main__":
    {"answer": answer, "soak": soak}[sys.argv[1]](*sys.argv[2:])
