import dataclasses
import json

import pytest

from frcnn_keras.settings import options
from tests.nested_config import Inner, Outer


@pytest.mark.parametrize("config", [Outer(), Outer(Inner(0.1, ("p",)), scales=())])
def test_dict_round_trip(config):
    stored = json.loads(json.dumps(options.to_dict(config)))
    assert options.from_dict(type(config), stored) == config


def test_a_stored_config_of_other_fields_is_refused_by_name():
    stored = options.to_dict(Outer())
    with pytest.raises(ValueError, match="'extra'"):
        options.from_dict(Outer, stored | {"extra": 1})
    del stored["inner"]["names"]
    with pytest.raises(ValueError, match="Inner.*'names'"):
        options.from_dict(Outer, stored)


def test_long_values_are_cut():
    long = {"name": "x" * 5000, "k" * 5000: 1}
    assert len(options.difference({"name": "a"}, long)) < 250
    assert len(options.difference(long | {"name": 1}, {"name": 1})) < 250
    for stored in (long, "x" * 5000, options.to_dict(Outer()) | {"scales": "x" * 5000, "count": 1},
                   options.to_dict(Outer()) | {"count": ["x" * 5000]}):
        with pytest.raises(ValueError) as caught:
            options.from_dict(Outer, stored)
        assert len(str(caught.value)) < 250


def test_difference():
    old = options.to_dict(Outer())
    assert options.difference(old, old) == ""
    assert options.difference(old, options.to_dict(Outer(count=4))) == "count: 3 -> 4"
    assert options.difference(old, options.to_dict(Outer(Inner(0.1)))) == "inner.rate: 0.5 -> 0.1"
    assert options.difference(old, old | {"more": 1}) == "more: absent -> 1"
    assert options.difference(old | {"more": 1}, old) == "more: 1 -> absent"


@dataclasses.dataclass(frozen=True)
class Newer:
    rate: float = options.option(0.5, "a rate")
    kind: str = options.option("a", "a kind", later=True)
    inner: Inner = dataclasses.field(default=Inner(), metadata={options.LATER: True})


def test_what_came_later_is_written_where_it_is_used_and_read_where_it_is_not():
    assert options.to_dict(Newer()) == {"rate": 0.5}
    assert options.from_dict(Newer, {"rate": 0.25}) == Newer(0.25)
    for config in (Newer(kind="b"), Newer(inner=Inner(0.1)), Newer(0.1, "c", Inner(names=("p",)))):
        stored = json.loads(json.dumps(options.to_dict(config)))
        assert options.from_dict(Newer, stored) == config
    assert options.difference(options.to_dict(Newer()), options.to_dict(Newer(kind="b"))) == "kind: absent -> b"
    with pytest.raises(ValueError, match="'rate'"):  # what was always there must be
        options.from_dict(Newer, {"kind": "b"})


def test_keys_that_every_stored_form_has():
    written = [options.to_dict(Newer()), options.to_dict(Newer(kind="b"))]
    assert set(options.always_stored(Newer)) == written[0].keys() & written[1].keys() == written[0].keys()
