"""Which signatures a SavedModel may have, and what each is called in it. Without TensorFlow, for --help."""

from collections.abc import Sequence

from frcnn_keras.errors import InputError

OURS = "ours"
# those of the TF Object Detection API's exporter: what was asked for -> its name behind another serving_default
OD_API = {f"od-api:{name}": f"od_api_{name}" for name in ("image_tensor", "encoded_image", "tf_example")}
KINDS = (OURS, *OD_API)
DEFAULT = "serving_default"  # what servers and clients take where no signature is named
OD_INPUT = "input_tensor"  # of all three


def check_kinds(kinds: Sequence[str]) -> None:
    """InputError for none at all, one that is not known, or one that is there twice."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise InputError(f"--signatures must be of {', '.join(KINDS)}; received: "
                         f"{repr(unknown[0]) if unknown else 'none'}")
    if len(set(kinds)) < len(kinds):
        raise InputError(f"--signatures: each once; received: {' '.join(kinds)}")


def key_of(kind: str, kinds: Sequence[str]) -> str:
    """The signature's name in a model of these kinds; of `ours` that of the encoded images."""
    if kind == kinds[0]:
        return DEFAULT
    return OD_API.get(kind, "image_bytes")
