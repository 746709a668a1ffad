import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.serving.signatures import KINDS, check_kinds, key_of


def test_the_first_is_the_default_and_all_have_names_of_their_own():
    assert KINDS == ("ours", "od-api:image_tensor", "od-api:encoded_image", "od-api:tf_example")
    for first in KINDS:
        kinds = (first, *(kind for kind in KINDS if kind != first))
        check_kinds(kinds)
        keys = [key_of(kind, kinds) for kind in kinds]
        assert keys[0] == "serving_default" and len(set(keys)) == 4
    assert [key_of(kind, KINDS[::-1]) for kind in KINDS] == ["image_bytes", "od_api_image_tensor",
                                                             "od_api_encoded_image", "serving_default"]


@pytest.mark.parametrize("kinds, words", [((), "received: none"), (("theirs",), "received: 'theirs'"),
                                          (("ours", "ours"), "each once; received: ours ours")])
def test_what_is_refused(kinds, words):
    with pytest.raises(InputError, match="--signatures.*") as caught:
        check_kinds(kinds)
    assert words in str(caught.value) and "\n" not in str(caught.value)
