import dataclasses
import json

import pytest

from frcnn_keras.settings import options
from frcnn_keras.settings.options import option
from frcnn_keras.settings.stages import PrepConfig, RCNNConfig
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
class Grown:
    """A config that has gained fields, and of a number made several."""

    inner: Inner | None = Inner()
    scales: tuple[float, ...] = (1.0,)
    mirror: bool = option(True, "a switch", added=True)
    shades: tuple[float, ...] = option((0.5,), "some shades", added=True)
    plain: int = option(3, "a count")


def test_what_was_stored_before_a_field_was_added_holds_its_default():
    stored = {"inner": {"rate": 0.1, "names": []}, "scales": 2.0, "plain": 4}
    assert options.from_dict(Grown, stored) == Grown(Inner(0.1), (2.0,), True, (0.5,), 4)
    assert options.completed(Grown, stored) == options.to_dict(Grown(Inner(0.1), (2.0,), True, (0.5,), 4))
    assert stored == {"inner": {"rate": 0.1, "names": []}, "scales": 2.0, "plain": 4}
    assert options.from_dict(Grown, {**stored, "mirror": False, "inner": None}).mirror is False
    for spoilt in ({"inner": stored["inner"], "scales": [1.0]}, {**stored, "scales": True}, {**stored, "more": 1}, {}):
        with pytest.raises(ValueError, match="Grown"):
            options.from_dict(Grown, spoilt)


def test_settings_stored_by_earlier_versions_are_read():
    """A head's background was one number, its deltas had no means, and each object kept its best anchor."""
    now = options.to_dict(RCNNConfig())
    old = json.loads(json.dumps(now))
    old["regions"]["background"] = 0.0
    for name in ("box_head", "delta_scales", "delta_means"):
        del old["head"][name]
    assert options.completed(RCNNConfig, old) == now and options.from_dict(RCNNConfig, old) == RCNNConfig()
    prep = options.to_dict(PrepConfig())
    del prep["minibatches"]["best_anchor"]
    assert options.from_dict(PrepConfig, prep) == PrepConfig()
