"""Proposals of a whole prep folder with a trained RPN: written for the next stage, or measured."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from frcnn_keras import files
from frcnn_keras.data import records
from frcnn_keras.data.batches import feature_maps, map_specs
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.errors import InputError, command
from frcnn_keras.evaluation.recall import proposal_recall
from frcnn_keras.models.detector import propose_batch
from frcnn_keras.models.settings import detector_geometry
from frcnn_keras.parallel import ahead
from frcnn_keras.progress import Progress

SHARD_IMAGES = 256


def geometry_of(prepared: Prepared) -> dict:
    """The detector's `geometry` of a prep folder's features."""
    levels = prepared.levels
    return detector_geometry([level.stride for level in levels], [level.offset for level in levels],
                             prepared.features["stride_rule"], prepared.config.anchors)


def proposals_of(rpn, prepared: Prepared, proposing: dict, skip: int = 0) -> Iterator[tuple]:
    """(record, boxes (P, 4), scores (P,)) of every image in order, best first; P is at most proposing["after"]."""
    geometry = geometry_of(prepared)

    @tf.function(input_signature=[map_specs(prepared), tf.TensorSpec((2,), tf.int32)])
    def propose(maps, size):
        logits, deltas = rpn(maps)
        return propose_batch(logits, deltas, [tf.shape(level)[1:3] for level in maps], size[None], geometry, proposing)

    def one(record):
        found = propose(record["maps"], record["size"])
        valid = found.valid[0].numpy()
        return record, found.boxes[0].numpy()[valid], found.scores[0].numpy()[valid]

    return ahead(one, feature_maps(prepared).skip(skip))


def measure_recall(rpn, prepared: Prepared, proposing: dict) -> dict[str, float]:
    """Share of objects that the best 100, 300 and 1000 proposals reach at IoU 0.5 and 0.7."""
    proposals, boxes, ignored = [], [], []
    for record, found, _ in proposals_of(rpn, prepared, proposing):
        proposals.append(found)
        boxes.append(record["boxes"].numpy())
        ignored.append(record["ignored"].numpy())
    return proposal_recall(proposals, boxes, ignored)


def write_proposals(rpn, prepared: Prepared, out: Path, proposing: dict, fingerprint: str) -> None:
    """Writes `out`: one record an image in the features' order, tied to the RPN by its fingerprint.

    Goes on after the shards that an earlier start had finished; does nothing where `out` is already of this RPN.
    """
    request = {"format": records.FORMAT, "kind": "proposals", "rpn": fingerprint, "proposing": proposing,
               "extractor": prepared.features["extractor"], "annotations": prepared.features["annotations"],
               "mirror": prepared.features["mirror"], "records": len(prepared.feature_spans)}
    if (out / "manifest.json").exists() and request.items() <= files.read_json(out / "manifest.json").items():
        return
    partial = out.with_name(out.name + ".partial")
    if partial.exists() and files.read_json(partial / "request.json") != request:
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    files.write_json(partial / "request.json", request)
    total = request["records"]
    count = -(-total // SHARD_IMAGES)
    names = [records.shard_name(index, count) for index in range(count)]
    done = next((index for index, name in enumerate(names) if not (partial / name).exists()), count)
    _write_shards(partial, names[done:], proposals_of(rpn, prepared, proposing, done * SHARD_IMAGES), total,
                  done * SHARD_IMAGES)
    (partial / "request.json").unlink()
    files.write_json(partial / "manifest.json", request | {"shards": names})
    if out.exists():
        shutil.rmtree(out)
    os.replace(partial, out)


def _write_shards(partial: Path, names, proposals, total: int, start: int) -> None:
    """Writes proposals as they come, a shard at a time."""
    with Progress("proposals", total, "images", start=start) as bar:
        for name in names:
            shard = []
            for record, boxes, scores in proposals:
                shard.append(records.proposal_record(image_id=record["id"].numpy().decode(),
                                                     mirror=int(record["mirror"]), boxes=boxes, scores=scores))
                bar.advance()
                if len(shard) == SHARD_IMAGES:
                    break
            records.write_shard(partial / name, shard)


def open_proposals(folder: Path, prepared: Prepared, rpn_fingerprint: str) -> tuple[records.Span, ...]:
    """Positions of the proposal records that fit a prep folder and an RPN, in the features' order.

    Raises:
        InputError: not there, of another prep folder, or of another RPN.
    """
    if not (folder / "manifest.json").exists():
        raise InputError(f"{folder}: no proposals; run {command('train-rpn')} with the same --data, --val and "
                         "--run first")
    manifest = files.read_json(folder / "manifest.json")
    for field in ("extractor", "annotations", "mirror"):
        if manifest[field] != prepared.features[field]:
            raise InputError(f"{folder}: made for another prep folder than {prepared.path} ({field} differs); "
                             f"run {command('train-rpn')} with --data {prepared.path}")
    if manifest["rpn"] != rpn_fingerprint:
        raise InputError(f"{folder}: made by another RPN than this run's rpn.weights.h5; run "
                         f"{command('train-rpn')} again")
    found = tuple(records.spans(folder / name for name in manifest["shards"]))
    if len(found) != len(prepared.feature_spans):
        raise InputError(f"{folder}: {len(found)} proposal records for {len(prepared.feature_spans)} images; "
                         f"run {command('train-rpn')} again")
    return found
