"""The Fast R-CNN head of a prep folder: its trunk, and the weights it starts from."""

import keras

from frcnn_keras.data.prepared import Prepared
from frcnn_keras.errors import InputError
from frcnn_keras.models import rcnn as heads
from frcnn_keras.models.saving import load_model
from frcnn_keras.runs.parts import is_run, load_head_trunk
from frcnn_keras.settings import stages as configs


def build_rcnn(prepared: Prepared, config: configs.RCNNConfig, precision: str = "float32", seed: int = 0) -> heads.RCNN:
    """A head for a prep folder's maps and classes, built, its weights drawn from `seed`.

    Raises:
        InputError: backbone_top without the rest of the backbone, or VGG16 weights that do not fit.
    """
    keras.utils.set_random_seed(seed)
    channels, size = prepared.levels[0].channels, config.roi_size
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        if config.head == "two_fc":
            trunk = heads.two_fc(size, channels, config.width, config.dropout)
        elif config.head == "vgg_fc":
            trunk = heads.vgg_fc(size, channels, config.dropout)
        else:
            trunk = heads.backbone_top(_load_top(prepared), size, channels)
        rcnn = heads.RCNN(trunk, len(prepared.class_names) + 1, name="rcnn")
    finally:
        keras.mixed_precision.set_global_policy("float32")
    if is_run(config.head_weights):
        load_head_trunk(config.head_weights, trunk)
    elif config.head == "vgg_fc" and config.head_weights != "none":
        heads.load_vgg_fc(trunk, config.head_weights)
    elif config.head_weights != "none":
        raise InputError(f"--head-weights {config.head_weights}: no such run folder")
    rcnn.build((None, size, size, channels))
    return rcnn


def _load_top(prepared: Prepared) -> keras.Model:
    """The rest of the backbone, as data_prep left it; InputError where it did not."""
    path = prepared.path / "features" / "top.keras"
    if not path.exists():
        raise InputError(f"{path}: absent; --head backbone_top goes on with the backbone itself and needs its raw "
                         "maps: prepare with --neck-channels 0 and one feature layer that is not the network's last")
    return load_model(path)
