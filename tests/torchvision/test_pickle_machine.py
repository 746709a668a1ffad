"""The machine against Python's pickler, and against pickles that were put together to hang, crash or run something."""

import io
import pickle
import time
from collections import OrderedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.torchvision.pickle_machine import MAX_OPERATIONS, Left, Machine, Named
from tests import pickle_assembler as asm

keys = st.text(max_size=9) | st.integers(-2**62, 2**62) | st.floats(allow_nan=False) | st.booleans() | st.none()
values = st.recursive(keys | st.text(max_size=300), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
    keys, inner, max_size=4) | st.lists(inner, max_size=5).map(tuple), max_leaves=20)
CALLED = {("collections", "OrderedDict"): OrderedDict, ("m", "pair"): lambda *arguments: ["called", *arguments],
          ("argparse", "Namespace"): lambda *_: Left()}


def load(data):
    return Machine(io.BytesIO(data), lambda module, name: Named(CALLED[module, name]), lambda pid: ["of", pid]).load()


@settings(derandomize=True, deadline=None, max_examples=200)
@given(values, st.sampled_from([2, 3, 4, 5]))
def test_plain_containers_come_as_python_pickled_them(value, protocol):
    assert load(pickle.dumps(value, protocol=protocol)) == value


@pytest.mark.parametrize("length", [0, 9, 300])
def test_bytes(length):
    assert load(pickle.dumps(bytes(length), protocol=4)) == bytes(length)


def test_ordered_dicts_calls_and_persistent_ids():
    assert load(pickle.dumps(OrderedDict(a=1, b=[2]), protocol=2)) == OrderedDict(a=1, b=[2])
    assert load(asm.START + asm.call("m", "pair", asm.whole(7)) + b".") == ["called", 7]
    assert load(asm.START + asm.text("x") + b"Q.") == ["of", "x"]
    python2 = asm.call("collections", "OrderedDict", b"](](" + asm.text("a") + asm.whole(1) + b"ee")
    assert load(asm.START + python2 + b".") == OrderedDict(a=1)


def test_sets_are_lists_and_settings_are_left():
    assert sorted(load(pickle.dumps({3, 4}, protocol=4))) == [3, 4] and load(pickle.dumps(frozenset([5]), 4)) == (5,)
    made = asm.call("argparse", "Namespace") + b"}" + asm.text("lr") + asm.whole(1) + b"sb."
    assert isinstance(load(asm.START + made), Left)


def test_several_pickles_of_one_file():
    machine = Machine(io.BytesIO(pickle.dumps(1) + pickle.dumps("two")), None, None)
    assert (machine.load(), machine.load()) == (1, "two")


@pytest.mark.parametrize("made", [
    asm.named("m", "pair") + b"}" + asm.text("function") + asm.whole(1) + b"sb",  # BUILD of what is lent
    b"]" + b"}b", b")" + b"}b", b"}}b", asm.text("x") + b"}b",  # ... of a list, a tuple, a dict, text
    asm.text("x") + b"Q}b",  # ... of what a persistent id gave
    asm.whole(3) + b")R", asm.text("m") + b")R", b"}" + b")R",  # calls of what is no function
    asm.named("m", "pair") + b"]R", asm.named("m", "pair") + b"(" + b"N" * 99 + b"tR",
    b"}" + asm.several(asm.whole(1)) + asm.whole(2) + b"s", b"}" + b"]" + asm.whole(2) + b"s",  # keys
    b"}" + asm.text("k" * 1001) + asm.whole(2) + b"s", b"]" + asm.whole(2) + asm.whole(2) + b"s", b"}Na", b")Na",
    b"}(" + asm.text("k") + b"u", asm.call("collections", "OrderedDict", asm.text("ab")),
    asm.call("collections", "OrderedDict", b"]" + b")a"), asm.whole(1) + asm.text("x") + b"\x93",
    b"c" + b"m" * 2000 + b"\nx\n", b"cm", b"0", b"1", b"2", b"h\x07", b"(", b"\x85", b"t", b"s", b"u", b"a", b"R", b"Q",
    b"b", b"N\x86", b"NN\x87", b"I12\n", b"L12L\n", b"Vx\n", b"S'x'\n", b"(d", b"(l", b"g0\n", b"p0\n", b"Px\n",
    b"(i__main__\nx\n", b"(cos\nsystem\no",
    b"\x82\x01", b"\x96" + b"\xff" * 8, b"\x97", b"\x8b\xff\xff\xff\x7f", b"\x8e" + b"\xff" * 8, b"X\xff\xff\xff\xff",
    b"\x8d" + b"\xff" * 7 + b"\x0f", b"\xff", b""])
def test_what_no_file_of_weights_holds(made):
    with pytest.raises((pickle.UnpicklingError, EOFError, IndexError, KeyError)):
        load(asm.START + made + b".")


@pytest.mark.parametrize("made", [
    asm.doubling(200) + b"0", b"}" + asm.doubling(100) + b"Ns", asm.doubling(100) + b"]" + b"\x86",
    b"}" + asm.doubling(90, b"\x87") + b"Ns", b"\x8f(" + asm.doubling(100) + b"\x90",
    asm.doubling(100, b"h\x01h\x02\x86"), asm.named("m", "pair") + asm.doubling(100) + b"R",
    asm.doubling(100) + b"Q", asm.doubling(100) + b"}b", asm.doubling(100) + asm.text("x") + b"\x93"])
def test_structures_that_double_cost_what_they_are_long(made):
    begun = time.process_time()
    try:
        load(asm.START + made + b".")
    except (pickle.UnpicklingError, KeyError, IndexError):
        pass
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("made", [
    b"N0" * MAX_OPERATIONS, b"(" * (MAX_OPERATIONS + 9), b"(" + b"N" * MAX_OPERATIONS + b"t", b"\x85" * MAX_OPERATIONS,
    b"](" + b"N" * 5000 + b"eq\x000" + (asm.named("collections", "OrderedDict") + b"h\x00\x85R0") * 9999,
    b"]" + (asm.several(asm.text("a"), asm.whole(1)) + b"a") * 500 + b"q\x000"
    + (asm.named("collections", "OrderedDict") + b"h\x00\x85R0") * 9999, asm.text("x" * 2**23)])
def test_what_is_long_ends(made):
    with pytest.raises((pickle.UnpicklingError, IndexError)):
        load(asm.START + b"N" + made + b".")


def test_nesting_without_end_does_not_recurse():
    found = load(asm.START + b")" + b"\x85" * 200000 + b".")
    depth = 0
    while found:
        found, depth = found[0], depth + 1
    assert depth == 200000
