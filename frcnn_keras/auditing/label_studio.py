"""Findings as pre-annotations for Label Studio: who decides sees the labels with the suggestions in them."""

from collections.abc import Sequence

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.runs import studio_tasks
from frcnn_keras.runs.evaluated import Evaluated, EvaluatedImage


def tasks(audited: Evaluated, corrected: Evaluated, taken: Sequence[Finding]) -> list[dict]:
    """One task for each picture with a finding: its corrected labels as a prediction, each region that a finding made
    or changed with its score; what was removed is named in the task's data."""
    of_image: dict[tuple[str, int | str], list[Finding]] = {}
    for one in taken:
        of_image.setdefault((one.file, one.image), []).append(one)
    return [_task(old, new, of_image[new.file, new.id], audited.class_names)
            for old, new in zip(audited.images, corrected.images, strict=True) if (new.file, new.id) in of_image]


def labelling_config(audited: Evaluated) -> str:
    """The project's labelling interface that the tasks fit."""
    return studio_tasks.labelling_config(audited.class_names)


def _task(old: EvaluatedImage, new: EvaluatedImage, findings: Sequence[Finding], class_names: Sequence[str]) -> dict:
    changed = {one.annotation: one for one in findings if one.annotation is not None}
    added = iter(one for one in findings if one.kind == "missing")
    known, regions = set(old.annotations.tolist()), []
    for id, box, label in zip(new.annotations.tolist(), new.boxes, new.labels, strict=True):
        region = studio_tasks.region(f"label{id}", box, class_names[label - 1], new.width, new.height)
        one = changed.get(id) if id in known else next(added)
        if one is not None:
            region |= {"score": one.score, "meta": {"text": [_words(one)]}}
        regions.append(region)
    return {"data": {"image": studio_tasks.image_address(new.file), "findings": "; ".join(map(_words, findings))},
            "predictions": [{"model_version": "frcnn_keras audit", "score": max(one.score for one in findings),
                             "result": regions}]}


def _words(one: Finding) -> str:
    """`wrong_class 0.93: cat, should be dog`"""
    said = {"missing": f"{one.suggested} not labelled", "wrong_class": f"{one.label}, should be {one.suggested}",
            "shifted": f"{one.label}, its box", "spurious": f"{one.label}, no object there",
            "duplicate": f"{one.label}, labelled twice"}[one.kind]
    return f"{one.kind} {one.score:.2f}: {said}"
