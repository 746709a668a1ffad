"""Pickles read by a machine that can build plain containers and nothing else.

Python's own unpicklers call what a file names, set attributes as it says, and hash, compare or copy what it has built,
in which a few bytes can stand for 2^n objects. This one knows the operations that protocols 2 to 5 need for numbers,
text, tuples, lists and dicts; names, calls and persistent ids are handed to whom it works for. What it takes is
bounded: so many operations, so many bytes, and keys that are short text or numbers.
"""

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

MAX_OPERATIONS = 300000  # that of a detector and of its optimizer's state has some ten thousand
MAX_BYTES = 2**23  # that of a detector's names and shapes has 60 kB
MAX_KEY = 1000  # letters
MAX_ARGUMENTS = 16

_LENGTHS = {"B": 1, "H": 2, "I": 4, "i": 4, "Q": 8, "d": 8}
# operations that push a number, and how it is stored; those that push text or bytes, and how their length is stored
_NUMBERS = {pickle.BININT: "<i", pickle.BININT1: "<B", pickle.BININT2: "<H", pickle.BINFLOAT: ">d"}
_TEXTS = {pickle.BINUNICODE: "<I", pickle.SHORT_BINUNICODE: "<B", pickle.BINUNICODE8: "<Q", pickle.BINSTRING: "<I",
          pickle.SHORT_BINSTRING: "<B"}
_BYTES = {pickle.BINBYTES: "<I", pickle.SHORT_BINBYTES: "<B", pickle.BINBYTES8: "<Q"}
_CONSTANTS = {pickle.NONE: lambda: None, pickle.NEWTRUE: lambda: True, pickle.NEWFALSE: lambda: False,
              pickle.EMPTY_TUPLE: tuple, pickle.EMPTY_LIST: list, pickle.EMPTY_DICT: dict, pickle.EMPTY_SET: list}
_TUPLES = {pickle.TUPLE1: 1, pickle.TUPLE2: 2, pickle.TUPLE3: 3}


class Left:
    """Stands for an object whose content is of no use here."""

    __slots__ = ()


def fail(what: str) -> pickle.UnpicklingError:
    """The error of a pickle that no file of weights holds."""
    return pickle.UnpicklingError(what)


class Machine:
    """Reads one pickle after another from an open file.

    named: (module, name) -> what stands for it, a callable where the file may call it; it raises for what is refused.
    persistent: a persistent id -> what stands for it.
    """

    def __init__(self, file: BinaryIO, named: Callable[[str, str], Any], persistent: Callable[[Any], Any]):
        self.file, self.named, self.persistent = file, named, persistent
        self.operations = self.bytes = 0
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []  # stacks below each mark
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:
        """What the next pickle of the file builds.

        Raises:
            UnpicklingError, EOFError, IndexError, KeyError, ValueError: the file is broken, or no file of weights.
        """
        self.stack, self.marked, self.memo = [], [], {}
        while True:
            operation = self.read(1)
            self.spend(1)
            if operation == pickle.STOP:
                return self.stack.pop()
            self.step(operation)

    def spend(self, operations: int) -> None:
        """UnpicklingError where that makes too many."""
        self.operations += operations
        if self.operations > MAX_OPERATIONS:
            raise fail(f"its table of contents takes more than {MAX_OPERATIONS} operations")

    def read(self, count: int) -> bytes:
        """The next bytes; EOFError where there are fewer."""
        self.bytes += count
        if self.bytes > MAX_BYTES:
            raise fail(f"its table of contents has more than {MAX_BYTES} bytes")
        data = self.file.read(count)
        if len(data) < count:
            raise EOFError("it is cut short")
        return data

    def number(self, form: str) -> Any:
        """A number, stored as struct's `form` says."""
        return struct.unpack(form, self.read(_LENGTHS[form[1]]))[0]

    def line(self) -> str:
        """Text up to the end of its line."""
        line = self.file.readline(MAX_KEY)
        self.bytes += len(line)
        if not line.endswith(b"\n"):
            raise fail("a name without end")
        return line[:-1].decode("utf-8")

    def step(self, operation: bytes) -> None:
        """One operation."""
        push = self.stack.append
        if operation in _NUMBERS:
            push(self.number(_NUMBERS[operation]))
        elif operation in _TEXTS:
            push(self.read(self.number(_TEXTS[operation])).decode("utf-8", "surrogatepass"))
        elif operation in _BYTES:
            push(self.read(self.number(_BYTES[operation])))
        elif operation in _CONSTANTS:
            push(_CONSTANTS[operation]())
        elif operation in _TUPLES:
            count = _TUPLES[operation]
            if len(self.stack) < count:
                raise fail("a tuple of less than it takes")
            self.stack[-count:] = [tuple(self.stack[-count:])]
        elif operation in _STEPS:
            _STEPS[operation](self)
        else:
            raise fail(f"operation {operation!r}, which no file of weights needs")

    def above_mark(self) -> list[Any]:
        """What was pushed since the last mark, which goes."""
        items, self.stack = self.stack, self.marked.pop()
        return items

    def pack(self) -> None:
        """What is above the mark as a tuple."""
        items = self.above_mark()
        self.stack.append(tuple(items))

    def mark(self) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def extend(self, items: list[Any]) -> None:
        """Appends to the list on top."""
        if type(self.stack[-1]) is not list:
            raise fail("items of what is no list")
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Keys and values, one after another, into the dict on top."""
        if type(self.stack[-1]) not in (dict, OrderedDict) or len(items) % 2:
            raise fail("items of what is no dict")
        for key, value in zip(items[::2], items[1::2]):
            self.stack[-1][key_of(key)] = value

    def build(self) -> None:
        """Attributes of an object: none that is of use here has any, and none is set."""
        self.stack.pop()
        if type(self.stack[-1]) not in (OrderedDict, Left):
            raise fail(f"attributes of a {type(self.stack[-1]).__name__}")

    def call(self) -> None:
        """Calls what `named` gave."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(arguments) is not tuple or len(arguments) > MAX_ARGUMENTS or not isinstance(function, Named):
            raise fail("a call of no sense")
        self.stack.append(self.ordered(*arguments) if function.function is OrderedDict else
                          function.function(*arguments))

    def ordered(self, pairs: Any = ()) -> OrderedDict:
        """An OrderedDict as Python 2 wrote it, of a list of [key, value]."""
        if type(pairs) not in (list, tuple):
            raise fail("a dict of no sense")
        self.spend(len(pairs))
        made: OrderedDict = OrderedDict()
        for pair in pairs:
            if type(pair) not in (list, tuple) or len(pair) != 2:
                raise fail("a dict of no sense")
            made[key_of(pair[0])] = pair[1]
        return made

    def find(self, module: Any, name: Any) -> None:
        """What stands for a name."""
        if not all(type(text) is str and len(text) <= MAX_KEY for text in (module, name)):
            raise fail("a name of no sense")
        self.stack.append(self.named(module, name))

    def stacked_name(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.find(module, name)


class Named:
    """A function that a file may call; it can neither be altered nor looked into."""

    __slots__ = ("function",)

    def __init__(self, function: Callable):
        self.function = function


def key_of(key: Any) -> Any:
    """A key of a dict; UnpicklingError for what takes long to hash or to compare."""
    short = type(key) in (str, bytes) and len(key) <= MAX_KEY
    if not short and type(key) not in (int, float, bool, type(None)):
        raise fail(f"a {type(key).__name__} as a key")
    return key


def _keep(machine: Machine, place: int) -> None:
    machine.memo[place] = machine.stack[-1]


_STEPS: dict[bytes, Callable[[Machine], Any]] = {
    pickle.PROTO: lambda machine: machine.read(1), pickle.FRAME: lambda machine: machine.read(8),
    pickle.MARK: Machine.mark, pickle.POP: lambda machine: machine.stack.pop(),
    pickle.POP_MARK: Machine.above_mark, pickle.DUP: lambda machine: machine.stack.append(machine.stack[-1]),
    pickle.LONG1: lambda machine: machine.stack.append(
        int.from_bytes(machine.read(machine.number("<B")), "little", signed=True)),
    pickle.BINPUT: lambda machine: _keep(machine, machine.number("<B")),
    pickle.LONG_BINPUT: lambda machine: _keep(machine, machine.number("<I")),
    pickle.MEMOIZE: lambda machine: _keep(machine, len(machine.memo)),
    pickle.BINGET: lambda machine: machine.stack.append(machine.memo[machine.number("<B")]),
    pickle.LONG_BINGET: lambda machine: machine.stack.append(machine.memo[machine.number("<I")]),
    pickle.TUPLE: Machine.pack, pickle.FROZENSET: Machine.pack,
    pickle.APPEND: lambda machine: machine.extend([machine.stack.pop()]),
    pickle.APPENDS: lambda machine: machine.extend(machine.above_mark()),
    pickle.ADDITEMS: lambda machine: machine.extend(machine.above_mark()),
    pickle.SETITEM: lambda machine: machine.set_items([machine.stack.pop(-2), machine.stack.pop()]),
    pickle.SETITEMS: lambda machine: machine.set_items(machine.above_mark()),
    pickle.GLOBAL: lambda machine: machine.find(machine.line(), machine.line()),
    pickle.STACK_GLOBAL: Machine.stacked_name, pickle.REDUCE: Machine.call, pickle.NEWOBJ: Machine.call,
    pickle.BUILD: Machine.build, pickle.BINPERSID: lambda machine: machine.stack.append(
        machine.persistent(machine.stack.pop())),
}  # fmt: skip
