"""The Fast R-CNN head of a prep folder: its trunk, and the weights it starts from."""

import keras

from frcnn_keras.data.prepared import Prepared
from frcnn_keras.errors import InputError
from frcnn_keras.models import rcnn as heads
from frcnn_keras.models.precision import policy_of
from frcnn_keras.models.saving import load_model
from frcnn_keras.runs.parts import is_run, load_head_trunk
from frcnn_keras.settings.stages import StageHeadConfig


def build_rcnn(prepared: Prepared, config: StageHeadConfig, precision: str = "float32", seed: int = 0) -> heads.RCNN:
    """A head for a prep folder's maps and classes, built, its weights drawn from `seed`.

    Raises:
        InputError: backbone_top without the rest of the backbone, or VGG16 weights that do not fit.
    """
    keras.utils.set_random_seed(seed)
    channels, size, policy = prepared.channels[0], config.roi_size, policy_of(precision)
    if config.kind == "two_fc":
        trunk = heads.two_fc(size, channels, config.width, config.dropout, policy)
    elif config.kind == "vgg_fc":
        trunk = heads.vgg_fc(size, channels, config.dropout, policy)
    else:
        trunk = heads.backbone_top(_load_top(prepared), size, channels, policy)
    rcnn = heads.RCNN(trunk, len(prepared.class_names) + 1, config.box_head, name="rcnn", dtype=policy)
    if is_run(config.weights):
        load_head_trunk(config.weights, trunk)
    elif config.kind == "vgg_fc" and config.weights != "none":
        heads.load_vgg_fc(trunk, config.weights)
    elif config.weights != "none":
        raise InputError(f"--head-weights {config.weights}: no such run folder")
    rcnn.build((None, size, size, channels))
    return rcnn


def _load_top(prepared: Prepared) -> keras.Model:
    """The rest of the backbone, as prep left it; InputError where it did not."""
    path = prepared.path / "features" / "top.keras"
    if not path.exists():
        raise InputError(f"{path}: absent; --head backbone_top goes on with the backbone itself and needs its raw "
                         "maps: prepare with --neck-channels 0 and one feature layer that is not the network's last")
    return load_model(path)
