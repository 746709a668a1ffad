"""What --help and --help-all print: what to read, where to write, the settings that many change; and all of them."""

import argparse
import re
import shutil
import sys
import textwrap
from typing import Any

INDENT = 24  # where a flag's help begins
LAST = ("config", "device", "debug", "help", argparse.SUPPRESS)  # what every command has, behind its own flags
UNSHOWN = LAST[3:]  # by --help, which is there already
_SELDOM, _SETTINGS = "seldom", "settings"
_COMMAND = re.compile(r"\s*(next: )?(frcnn|python -m frcnn_keras) ")
_STARTS = re.compile(r"[a-z][a-z ]*( [A-Z]+)?( \(.*?\))?: |(next: )?(frcnn|python -m frcnn_keras) ")


def seldom(action: argparse.Action) -> argparse.Action:
    """Marks a flag, declared here, as one that --help leaves to --help-all; returns it."""
    vars(action)[_SELDOM] = True
    return action


def settings_group(parser: argparse.ArgumentParser, title: str) -> Any:
    """The parser's group of this title for flags of settings; --help shows all such groups as one."""
    for group in parser._action_groups:
        if group.title == title and _SETTINGS in vars(group):
            return group
    group = parser.add_argument_group(title)
    vars(group)[_SETTINGS] = True
    return group


class HelpAll(argparse.Action):
    """Prints the help with every flag."""

    def __init__(self, option_strings, dest, **settings):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, **settings)

    def __call__(self, parser, namespace, values, option_string=None):
        parser._print_message(help_text(parser, everything=True), sys.stdout)
        parser.exit()


def help_text(parser: argparse.ArgumentParser, everything: bool = False) -> str:
    """The help, in lines that a terminal shows whole; without `everything`, of the flags that are not marked seldom."""
    width = min(max(60, shutil.get_terminal_size().columns), 120) - 2
    shown = [(title, [action for action in actions if everything or not is_seldom(action)])
             for title, actions in _groups(parser, everything)]
    hidden = sum(is_seldom(action) for action in parser._actions) if not everything else 0
    blocks = [_usage(parser, width), "\n".join(textwrap.wrap(parser.description or "", width))]
    blocks += ["\n".join([*textwrap.wrap(f"{title}:", width), *(line for action in actions for line in _row(
        action, parser, width))]) for title, actions in shown if actions]
    if hidden:
        blocks.append(f"--help-all lists {hidden} more settings")
    blocks.append("\n".join(line for text in _paragraphs(parser.epilog or "") for line in _wrapped(text, width)))
    return "\n\n".join(filter(None, blocks)) + "\n"


def is_seldom(action: argparse.Action) -> bool:
    """Whether --help leaves a flag to --help-all."""
    return vars(action).get(_SELDOM, False)


def _groups(parser: argparse.ArgumentParser, everything: bool) -> list[tuple[str, list[argparse.Action]]]:
    """(title, flags): what is read, where it is written, the settings, which --help has together."""
    own = [group for group in parser._action_groups if group not in (parser._positionals, parser._optionals)]
    settings = [(group.title, group._group_actions) for group in own if _SETTINGS in vars(group)]
    data = [(group.title, group._group_actions) for group in own if _SETTINGS not in vars(group)]
    if not everything:
        settings = [("settings", [action for _, actions in settings for action in actions])]
        data = [(data[0][0], [action for _, actions in data for action in actions])] if data else []
    flags = sorted(parser._optionals._group_actions, key=lambda action: action.dest in LAST)
    return [("arguments", parser._positionals._group_actions),
            *data,
            ("flags", [action for action in flags if everything or action.dest not in UNSHOWN]),
            *settings]


def _usage(parser: argparse.ArgumentParser, width: int) -> str:
    """One line: what must be given, and that there are flags."""
    needed = sorted((action for action in parser._actions if action.required), key=lambda one: bool(one.option_strings))
    words = [f"usage: {parser.prog}", *(invocation(action) for action in needed), "[flags]"]
    return textwrap.fill(" ".join(words), width, subsequent_indent=" " * 7, break_on_hyphens=False)


def invocation(action: argparse.Action) -> str:
    """A flag as it is given: `--coco IMAGES ANN`; `--feature-layers, --feature-layer A,B`."""
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return ", ".join(action.option_strings)
    one = action.metavar
    if one is None:
        one = f"{{{','.join(str(choice) for choice in action.choices if choice != '')}}}" if action.choices else \
            action.dest.upper()
    words = " ".join(one) if isinstance(one, tuple) else f"{one} ..." if action.nargs in ("+", "*") else one
    return f"{', '.join(action.option_strings)} {words}".strip()


def _row(action: argparse.Action, parser: argparse.ArgumentParser, width: int) -> list[str]:
    """A flag and its help, side by side where the flag is short."""
    text = (action.help or "") % {**vars(action), "prog": parser.prog}
    head = textwrap.wrap(invocation(action), width - 4, initial_indent="  ", subsequent_indent="      ",
                         break_on_hyphens=False)
    rows = textwrap.wrap(text, width - INDENT, break_on_hyphens=False) or [""]
    if len(head) == 1 and len(head[0]) <= INDENT - 2:
        return [f"{head[0]:{INDENT}}{rows[0]}".rstrip(), *(" " * INDENT + row for row in rows[1:])]
    return [*head, *(" " * INDENT + row for row in rows)]


def _paragraphs(epilog: str) -> list[str]:
    """The epilog's lines, those of running text joined; a line that is indented, empty, a command or begins with a
    word and a colon (`reads:`) is one of its own."""
    lines: list[str] = []
    for line in epilog.splitlines():
        running = lines and lines[-1] and line and not line.startswith(" ") and not _STARTS.match(line)
        if running and not lines[-1].startswith(" ") and not _COMMAND.match(lines[-1]):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return lines


def _wrapped(line: str, width: int) -> list[str]:
    """A line of the epilog; a command that is too long goes on behind a backslash, as a shell reads it."""
    if len(line) <= width:
        return [line]
    indent = line[:len(line) - len(line.lstrip())]
    if not _COMMAND.match(line):
        return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False)
    first, *parts = re.split(r" (?=--)", line)
    *begun, last = textwrap.wrap(first, width - 2, subsequent_indent=f"{indent}    ", break_on_hyphens=False)
    lines = [*(f"{text} \\" for text in begun), last]
    for part in parts:
        if len(lines[-1]) + len(part) + 3 > width:
            lines[-1] += " \\"
            lines.append(f"{indent}    {part}")
        else:
            lines[-1] += f" {part}"
    return lines
