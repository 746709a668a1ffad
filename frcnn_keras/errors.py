"""The one exception that means: the input is at fault, not the program; and others' messages as part of its line."""


class InputError(ValueError):
    """Bad data, configuration or usage.

    The message is one line: what is wrong, in which file (and line or object), and what to do. Commands print it
    without a traceback and end with exit code 2.
    """


def one_line(error: Exception, limit: int = 200) -> str:
    """An error's message without line breaks, cut to `limit` characters; its type's name where it has none."""
    return " ".join(str(error).split())[:limit].rstrip(" .") or type(error).__name__
