"""Proposals of a whole prep folder with a trained RPN: written for the next stage, or measured."""

from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from frcnn_keras.data import records
from frcnn_keras.data.batches import feature_maps, map_specs
from frcnn_keras.data.checksums import write_checksums
from frcnn_keras.data.manifests import NAME, ProposalManifest, read_manifest
from frcnn_keras.data.prepared import Prepared, shard_spans
from frcnn_keras.errors import InputError, command
from frcnn_keras.evaluation.recall import proposal_recall
from frcnn_keras.files import seal, write_json
from frcnn_keras.files.folders import Layout, discard, keep_folder, recover
from frcnn_keras.models.detector import propose_batch
from frcnn_keras.models.settings import Proposing
from frcnn_keras.progress import Progress, ahead, tracked
from frcnn_keras.runs import request as requests
from frcnn_keras.settings.options import always_stored

SHARD_IMAGES = 256
REQUEST = "request.json"  # of a folder that is not finished: its manifest to be
_KEYS = frozenset(("format", *always_stored(ProposalManifest)))
LAYOUT = Layout(rf"manifest\.json|request\.json|{records.SHARD}", ((REQUEST, _KEYS), (NAME, _KEYS)))


class FolderProposer:
    """An RPN's proposals of a prep folder's images; its graph is traced once, however often it is asked."""

    def __init__(self, rpn: keras.Model, prepared: Prepared, proposing: Proposing):
        self.prepared, geometry = prepared, prepared.geometry

        @tf.function(input_signature=[map_specs(prepared), tf.TensorSpec((2,), tf.int32)])
        def propose(maps, size):
            logits, deltas = rpn(maps)
            return propose_batch(logits, deltas, [tf.shape(level)[1:3] for level in maps], size[None], geometry,
                                 proposing)

        self._propose = propose

    def stream(self, skip: int = 0) -> Iterator[tuple]:
        """(record, boxes (P, 4), scores (P,)) of every image in order, best first; P is at most proposing.after.
        skip: images that are passed over first."""
        return ahead(self._propose_image, feature_maps(self.prepared).skip(skip))

    def _propose_image(self, record: dict) -> tuple:
        proposals = self._propose(record["maps"], record["size"])
        valid = proposals.valid[0].numpy()
        return record, proposals.boxes[0].numpy()[valid], proposals.scores[0].numpy()[valid]


def measure_recall(proposer: FolderProposer) -> dict[str, float]:
    """Share of objects that the best 100, 300 and 1000 proposals reach at IoU 0.5 and 0.7."""
    proposals, boxes, ignored = [], [], []
    prepared, found = proposer.prepared, proposer.stream()
    for record, proposed, _ in tracked(found, "rpn: recall", len(prepared.feature_spans), "images"):
        proposals.append(proposed)
        boxes.append(record["boxes"].numpy())
        ignored.append(record["ignored"].numpy())
    return proposal_recall(proposals, boxes, ignored)


def _manifest(prepared: Prepared, proposing: Proposing, fingerprint: str) -> ProposalManifest:
    """That of the proposals of a prep folder with an RPN of this fingerprint."""
    total, features = len(prepared.feature_spans), prepared.features
    count = -(-total // SHARD_IMAGES)
    return ProposalManifest("proposals", tuple(records.shard_name(index, count) for index in range(count)), total,
                            features.extractor, features.annotations, fingerprint, proposing, features.mirror,
                            prepared.pictures)


def write_proposals(rpn, prepared: Prepared, out: Path, proposing: Proposing, fingerprint: str) -> None:
    """Writes `out`: one record an image in the features' order, tied to the RPN by its fingerprint.

    Goes on after the shards that an earlier start had finished; does nothing where `out` is already of this RPN. What
    is of another one, or damaged, is made anew: nothing is lost with it.
    """
    wanted = _manifest(prepared, proposing, fingerprint)
    recover(out, LAYOUT)
    if _is(out / NAME, wanted):
        return
    partial = out.with_name(out.name + ".partial")
    if not any(_is(partial / name, wanted) for name in (REQUEST, NAME)):
        discard(partial, LAYOUT)
    partial.mkdir(parents=True, exist_ok=True)
    write_json(partial / REQUEST, seal(requests.stored_form(wanted)))
    names = wanted.shards
    done = next((index for index, name in enumerate(names) if not (partial / name).exists()), len(names))
    found = FolderProposer(rpn, prepared, proposing).stream(skip=done * SHARD_IMAGES)
    _write_shards(partial, names[done:], found, wanted.records, done * SHARD_IMAGES)
    write_checksums(partial, records.spans(partial / name for name in names))
    (partial / REQUEST).replace(partial / NAME)  # in one step: a folder is never without the one or the other
    keep_folder(partial, out, LAYOUT)


def _is(path: Path, wanted: ProposalManifest) -> bool:
    """Whether the manifest at `path` is this one; a damaged one is none."""
    try:
        return path.exists() and not requests.differs(path, wanted)
    except InputError:
        return False


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
        InputError: not there, damaged, of another prep folder, or of another RPN.
    """
    train = command("train-rpn")
    if not (folder / NAME).exists():
        raise InputError(f"{folder}: no proposals; run {train} with the same --data, --val and --run first")
    manifest = read_manifest(folder, ProposalManifest, "proposals")
    for field in ("extractor", "annotations", "mirror", "pictures"):
        if getattr(manifest, field) != getattr(prepared if field == "pictures" else prepared.features, field):
            raise InputError(f"{folder}: made for another prep folder than {prepared.path} ({field} differs); "
                             f"run {train} with --data {prepared.path}")
    if manifest.rpn != rpn_fingerprint:
        raise InputError(f"{folder}: made by another RPN than this run's rpn.weights.h5; run {train} again")
    spans = shard_spans(folder, manifest, f"remove {folder} and run {train} again")
    if len(spans) != len(prepared.feature_spans):
        raise InputError(f"{folder}: {len(spans)} proposal records for {len(prepared.feature_spans)} images; "
                         f"run {train} again")
    return spans
