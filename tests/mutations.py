"""Inputs spoilt in a seeded way: bytes flipped, cut, doubled, words of the format put where they do not belong."""

import os

import numpy as np

COUNT = int(os.environ.get("FUZZ", "150"))  # inputs of each kind; a longer run: FUZZ=20000 pytest tests/data/...


def mutated(rng: np.random.Generator, data: bytes, words: tuple[bytes, ...] = ()) -> bytes:
    """`data` with one to four changes."""
    for _ in range(rng.integers(1, 5)):
        start, end = sorted(rng.integers(0, len(data) + 1, 2)) if data else (0, 0)
        end = min(end, start + int(rng.integers(1, 40)))
        kind = rng.integers(0, 6)
        if kind == 0 and data:
            place = int(rng.integers(0, len(data)))
            data = data[:place] + bytes([data[place] ^ 1 << int(rng.integers(0, 8))]) + data[place + 1:]
        elif kind == 1:
            data = data[:start] + data[end:]
        elif kind == 2:
            data = data[:end] + data[start:end] * int(rng.integers(1, 9)) + data[end:]
        elif kind == 3:
            data = data[:start] + rng.bytes(int(rng.integers(1, 9))) + data[end:]
        elif kind == 4 and words:
            data = data[:start] + words[rng.integers(0, len(words))] + data[start if rng.integers(0, 2) else end:]
        elif kind == 5:
            data = data[:start]
        data = data[:200_000]
    return data


def mutations(seed: int, sources: tuple[bytes, ...], words: tuple[bytes, ...] = (), count: int = COUNT):
    """`count` spoilt inputs, the same every time."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        yield mutated(rng, sources[rng.integers(0, len(sources))], words)
