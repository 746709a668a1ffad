"""A data set in memory with accepted findings put right: what is trained on again."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from frcnn_keras.auditing.corrections import corrected_image
from frcnn_keras.auditing.findings import Finding
from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.errors import InputError
from frcnn_keras.runs.evaluated import EvaluatedImage


def corrected_dataset(dataset: Dataset, accepted: Sequence[Finding]) -> Dataset:
    """The data set that was audited, with findings put right, ready to train on. See `correct`.

    Raises:
        InputError: a finding's image or label is not in it.
    """
    labels = {name: label for label, name in enumerate(dataset.class_names, start=1)}
    places = {example.id: place for place, example in enumerate(dataset.examples)}
    by_image: dict[int, list[Finding]] = {}
    for one in accepted:
        # an evaluation without folds calls images by number; their files' names are then the data set's ids
        place = places.get(one.image, places.get(one.file))
        if place is None or not {one.label, one.suggested} - {""} <= labels.keys():
            raise InputError(f"{dataset.name}: has no image {one.image} with a label {one.label or one.suggested}, as "
                             "a finding says; give the data set that was audited")
        by_image.setdefault(place, []).append(one)
    examples = list(dataset.examples)
    for place, findings in by_image.items():
        examples[place] = _corrected_example(examples[place], findings, labels, dataset.name)
    return dataclasses.replace(dataset, name=f"{dataset.name}, corrected", examples=tuple(examples))


def _corrected_example(example: Example, findings: Sequence[Finding], labels: dict[str, int], name: str) -> Example:
    rows = [None if one.labelled is None else _row_of(one, example, labels, name) for one in findings]
    numbered = [dataclasses.replace(one, annotation=row) for one, row in zip(findings, rows, strict=True)]
    image = EvaluatedImage(
        example.id, 0, example.file, example.width, example.height, 1, np.arange(len(example.boxes)),
        example.boxes.astype(np.float64), example.labels.astype(np.int64), np.zeros(len(example.boxes), bool))
    first = {one.annotation: one for one in reversed(numbered) if one.annotation is not None}
    kept = [one for one in numbered if one.annotation is None or first[one.annotation] is one]
    new = corrected_image(image, kept, labels, len(example.boxes))
    old = new.annotations[new.annotations < len(example.boxes)]
    flags = np.zeros(len(new.boxes) - len(old), bool)
    return dataclasses.replace(example, boxes=new.boxes.astype(np.float32), labels=new.labels.astype(np.int32),
                               difficult=np.concatenate([example.difficult[old], flags]),
                               crowd=np.concatenate([example.crowd[old], flags]))


def _row_of(one: Finding, example: Example, labels: dict[str, int], name: str) -> int:
    """The label that a finding is of, by box and class; of equal ones the last."""
    same = np.abs(example.boxes - np.array(one.labelled)).max(axis=1, initial=0.0) < 0.01
    rows = np.flatnonzero(same & (example.labels == labels[one.label]))
    if not len(rows):
        raise InputError(f"{name}: image {one.image} has no {one.label} at {[round(edge, 1) for edge in one.labelled]}"
                         ", as a finding says; give the data set that was audited")
    return int(rows[-1])
