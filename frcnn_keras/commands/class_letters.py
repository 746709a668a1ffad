"""What users are told where pictures cannot show the names of their classes."""

from collections.abc import Sequence

from frcnn_keras.progress import say

_SHOWN = 20  # letters that are told


def say_undrawable(class_names: Sequence[str]) -> None:
    """A line on stderr if no font on the machine has the letters of some names; pictures write `class 3` for these."""
    from frcnn_keras.pictures.fonts import undrawable

    numbers = [str(label) for label, name in enumerate(class_names, 1) if undrawable(name)]
    if numbers:
        letters = undrawable("".join(class_names))
        more = "..." if len(letters) > _SHOWN else ""
        say(f"no font on this machine has the letters {letters[:_SHOWN]}{more}: pictures call these classes by their "
            f"numbers ({', '.join(numbers)}); install a font (on Debian and Ubuntu: fonts-noto-core)")
