"""The settings of both trainers as flags of one command: each trainer's own, and those that both have, for both."""

import argparse
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from frcnn_keras.commands import flags
from frcnn_keras.commands.help_text import is_seldom, seldom, settings_group
from frcnn_keras.errors import InputError
from frcnn_keras.settings.ranges import received
from frcnn_keras.settings.stages import RCNNConfig, RPNConfig

TRAINERS: dict[str, type] = {"train-rpn": RPNConfig, "train-rcnn": RCNNConfig}
SHARED = "how both trainers optimise (default: each one's own)"


class Setting(NamedTuple):
    """A setting with a value."""

    name: str  # as it was written
    trainers: tuple[str, ...]  # whose it is
    dest: str  # where argparse keeps it
    value: Any


def _parser(trainer: str) -> flags.Parser:
    """A parser with a trainer's settings alone."""
    parser = flags.Parser(prog=trainer, add_help=False)
    flags.add_arguments(parser, TRAINERS[trainer])
    return parser


def _actions() -> dict[str, dict[str, argparse.Action]]:
    """Of each trainer its settings, by where argparse keeps them."""
    return {trainer: {action.dest: action for action in _parser(trainer)._actions} for trainer in TRAINERS}


def _meant_by_both(first: dict[str, argparse.Action], second: dict[str, argparse.Action]) -> dict[str, list[str]]:
    """Names that stand for one setting with one trainer and for another with the other, and what those are called."""
    owners: dict[str, set[str]] = {}
    for action in (*first.values(), *second.values()):
        for name in action.option_strings:
            owners.setdefault(name, set()).add(action.dest)
    return {name: sorted(dest.replace("_", "-") for dest in dests) for name, dests in owners.items() if len(dests) > 1}


def add_trainer_arguments(parser: flags.Parser) -> None:
    """Adds every setting of both trainers once; what is not given is not among the parsed."""
    first, second = _actions().values()
    both = _meant_by_both(first, second)
    parser.shared_aliases |= {name.lstrip("-"): meant for name, meant in both.items()}
    titles = {action.dest: group.title or "" for trainer in TRAINERS for group in _parser(trainer)._action_groups
              for action in group._group_actions}
    for dest in {**first, **second}:
        action = first.get(dest) or second[dest]
        shared = dest in first and dest in second
        group = settings_group(parser, SHARED if shared else titles[dest])
        text = (action.help or "").split(" (default")[0] if shared else action.help
        names = [name for name in action.option_strings if name not in both]
        if isinstance(action, argparse.BooleanOptionalAction):
            added = group.add_argument(names[0], action=argparse.BooleanOptionalAction, dest=dest, help=text,
                                       default=argparse.SUPPRESS)
        else:
            added = group.add_argument(*names, type=action.type, choices=action.choices, metavar=action.metavar,
                                       dest=dest, help=text, default=argparse.SUPPRESS)
        if is_seldom(action):
            seldom(added)


def trainer_config(trainer: str, args: argparse.Namespace, settings: Sequence[Setting] = ()
                   ) -> tuple[Any, int | None]:
    """(a trainer's settings, its epochs where they are given): the defaults, its table in the TOML file, the flags, and
    `settings`, each over the one before.

    Raises:
        InputError: a setting is out of its range, or contradicts another.
    """
    parser = _parser(trainer)
    known = {action.dest for action in parser._actions}
    usual = parser.get_default("epochs")
    parser.set_defaults(epochs=None)
    if args.config:
        flags.apply_toml(parser, args.config, trainer, own_table_alone=True)
    parser.set_defaults(**{dest: value for dest, value in vars(args).items() if dest in known})
    parser.set_defaults(**{one.dest: one.value for one in settings if trainer in one.trainers})
    given = parser.get_default("epochs")
    parser.set_defaults(epochs=usual if given is None else given)
    return flags.from_args(TRAINERS[trainer], parser.parse_args([])), given


def parse_setting(parser: flags.Parser, text: str) -> list[Setting]:
    """`head-width=256,1024` as a Setting a value; `train-rcnn.learning-rate=5e-4` is that of one trainer.

    parser: of the command, which knows what a mistyped name could mean.

    Raises:
        InputError: no trainer has such a setting, or it has no such value.
    """
    name, equals, values = text.partition("=")
    owner, _, bare = name.rpartition(".")
    owners = {trainer: known for trainer, known in _actions().items()
              if owner in ("", trainer, trainer.removeprefix("train-"), trainer.replace("-", "_"))}
    flag = f"--{bare.strip().lstrip('-').replace('_', '-')}"
    found = {trainer: action for trainer, known in owners.items() for action in known.values()
             if flag in action.option_strings}
    if not equals or not found or len({action.dest for action in found.values()}) > 1:
        hint = (parser.shared(flag) or parser.meant(flag)) if equals else "give NAME=VALUE,VALUE"
        raise InputError(f"--grid {received(text)}: is no setting of train-rpn or train-rcnn{hint and '; '}{hint}")
    action = next(iter(found.values()))
    return [Setting(name, tuple(found), action.dest, _value(action, value, text)) for value in values.split(",")]


def combinations(varied: Sequence[Sequence[Setting]]) -> dict[str, tuple[Setting, ...]]:
    """Every combination of one value of each, by what it is called: `head-width=256 learning-rate=0.0005`; the last
    varies first."""
    return {" ".join(f"{one.name}={one.value:g}" if isinstance(one.value, float) else f"{one.name}={one.value}"
                     for one in chosen): chosen for chosen in itertools.product(*varied)}


def _value(action: argparse.Action, text: str, whole: str) -> Any:
    """As the flag would have parsed it."""
    if isinstance(action, argparse.BooleanOptionalAction):
        if text not in ("true", "false"):
            raise InputError(f"--grid {received(whole)}: must be true or false; received: {received(text)}")
        return text == "true"
    convert: Any = action.type or str
    if getattr(convert, "__name__", "").startswith("comma-separated"):
        raise InputError(f"--grid {received(whole)}: takes several values itself, and cannot be varied here")
    try:
        value = convert(text)
    except argparse.ArgumentTypeError as error:
        raise InputError(f"--grid {received(whole)}: {error}") from error
    if action.choices and value not in action.choices:
        raise InputError(f"--grid {received(whole)}: must be one of {', '.join(map(str, action.choices))}; received: "
                         f"{received(text)}")
    return value
