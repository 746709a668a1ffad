"""How a run folder is told from one that holds somebody's files: what its stages write first and remove last."""

from pathlib import Path

from frcnn_keras.files.folders import Layout, is_mark

# the files that say that a folder is a run, and their keys
MARKS = {
    "rpn.json": ("format", "config", "data", "network"),
    "rcnn.json": ("format", "config", "data", "rpn", "val"),
    "finetune.json": ("format", "config", "detector", "data", "val"),
    "joint.json": ("format", "config", "trunk", "data", "val", "losses", "proposals"),
    "train.json": ("format", "config", "train", "val", "test", "holdout"),
    "import.json": ("model", "file", "sha256", "classes", "class_names", "category_ids", "min_size", "max_size",
                    "settings", "coco_ap"),
}


def is_run(run: Path) -> bool:
    """Whether a folder carries the mark of a run."""
    return any(is_mark(run / name, keys) for name, keys in MARKS.items())


# all that stages, imports and evaluations write into a run
LAYOUT = Layout(
    r"(rpn|rcnn|joint|finetune)(\.json|_state\.npz|_best\.weights\.h5|_log\.csv|_curves\.png|_metrics\.json|"
    r"_pictures\.json)|rpn\.weights\.h5|proposer\.json|extractor\.keras|detector\.keras|import\.json|"
    r"train\.json|"
    r"proposals/(train|val)(\.partial)?/(manifest\.json|request\.json|checksums\.json|\d{5,}-of-\d{5,}\.tfrecord)|"
    r"tensorboard/(rpn|rcnn|joint|finetune)/(.+/)?events\.out\.tfevents\..*",
    tuple((name, frozenset(keys)) for name, keys in MARKS.items()),
    (*(f"proposals/{name}" for name in ("train", "val", "train.partial", "val.partial")), "proposals",
     *(f"tensorboard/{stage}{part}" for part in ("/train", "/validation", "") for stage in
       ("rpn", "rcnn", "joint", "finetune")), "tensorboard"))
