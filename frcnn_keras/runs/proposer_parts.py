"""What a run keeps so that its RPN can propose without the prep folder: RUN/proposer.json and RUN/extractor.keras."""

import dataclasses
import os
import shutil
from pathlib import Path

from frcnn_keras.data.prepared import Prepared
from frcnn_keras.errors import InputError, command
from frcnn_keras.files import seal, whole_file, write_json
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.rpn import RPN
from frcnn_keras.models.saving import load_model, load_weights
from frcnn_keras.models.settings import Detecting, Geometry, Pooling, Preparing, Proposing
from frcnn_keras.progress import say
from frcnn_keras.runs import request as requests
from frcnn_keras.runs.folder import weights_fingerprint

NAME, EXTRACTOR, WEIGHTS = "proposer.json", "extractor.keras", "rpn.weights.h5"
FILES = (NAME, EXTRACTOR)  # that `keep_parts` writes


@dataclasses.dataclass(frozen=True)
class ProposerParts:
    """What RUN/proposer.json says: every number that proposing needs beside the weights."""

    extractor: str  # fingerprint of its weights
    rpn: str  # fingerprint of its weights
    geometry: Geometry
    preparing: Preparing
    proposing: Proposing
    channels: int  # of the maps
    hidden: int  # of the RPN, as are ...
    depth: int
    activation: str


def keep_parts(run: Path, prepared: Prepared, rpn: RPN, proposing: Proposing) -> None:
    """Gives a run what it needs to propose by itself; does nothing where it has that already.

    The extractor is a link to the prep folder's file: it takes no room, and stays when the prep folder goes. On another
    disk it is a copy (MobileNetV2's takes 10 MB, InceptionResNetV2's 220).
    """
    parts = ProposerParts(prepared.features.extractor, weights_fingerprint(rpn), prepared.geometry,
                          prepared.features.preparing, proposing, prepared.channels[0], rpn.hidden, rpn.depth,
                          rpn.activation)
    if (run / NAME).exists() and (run / EXTRACTOR).exists() and not requests.differs(run / NAME, parts):
        return
    if not prepared.extractor_path.exists():
        say(f"note: {prepared.extractor_path} is absent; without it {command('propose')} cannot use {run}")
        return
    (run / NAME).unlink(missing_ok=True)
    link(prepared.extractor_path, run / EXTRACTOR)
    write_json(run / NAME, seal(requests.stored_form(parts)))  # last: where it is, the other is


def link(source: Path, target: Path) -> None:
    """`target` as another name of the file `source`; a copy where the file system has no such names."""
    with whole_file(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another disk, or one without links; what keeps a copy from being made too is an error
            shutil.copyfile(source, temporary)


def has_parts(run: Path) -> bool:
    """Whether a run has all that `open_parts` needs."""
    return all((run / name).exists() for name in (NAME, EXTRACTOR, WEIGHTS))


def open_parts(run: Path) -> FasterRCNN:
    """A run's extractor and RPN, as a detector that has no head yet.

    Raises:
        InputError: a file is damaged, or the RPN was trained anew without finishing.
    """
    parts = requests.read_request(run / NAME, ProposerParts)
    rpn = RPN(parts.geometry.anchors_per_position, parts.hidden, parts.depth, parts.activation, name="rpn")
    rpn.build((None, None, None, parts.channels))
    load_weights(rpn, run / WEIGHTS)
    if weights_fingerprint(rpn) != parts.rpn:
        raise InputError(f"{run / WEIGHTS}: is another RPN than {run / NAME} tells of; run the same "
                         f"{command('train-rpn')} again, which finishes both")
    return FasterRCNN(load_model(run / EXTRACTOR), rpn, None, class_names=(), geometry=parts.geometry,
                      preparing=parts.preparing, proposing=parts.proposing, pooling=Pooling(), detecting=Detecting(),
                      name="faster_rcnn")
