"""A data set of any form, found out, and what of it trains, is measured on and tested on."""

import dataclasses
import os
from collections.abc import Sequence

from frcnn_keras.data.example import Dataset, Problem
from frcnn_keras.data.image_paths import shown
from frcnn_keras.errors import InputError
from frcnn_keras.readers.holdout import DEFAULT, absent, hold_out, parse_share
from frcnn_keras.readers.overlap import apart
from frcnn_keras.readers.recognise import Recognised, recognise
from frcnn_keras.readers.sources import SORTED, Source
from frcnn_keras.readers.split_names import canonical, training_split

_GIVEN = "leave --val out, and a share of the images to train on is held out (--holdout 20%), or name others"


@dataclasses.dataclass(frozen=True)
class Part:
    """One split, and the flags that name it to every command."""

    dataset: Dataset
    flags: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Splits:
    """A data set, split; what is wrong with it is in each Dataset's problems."""

    train: Part
    val: Part
    test: Part | None
    holdout: float | None  # the share that was held out for `val`; None where the data set has a `val` of its own
    recognised: Recognised | None  # None where the data sets were given as such
    lines: tuple[str, ...]  # what was recognised, how it is split, and what of it is on two sides, for who prints it


def as_splits(train: Dataset, val: Dataset | None = None, test: Dataset | None = None,
              holdout: str | float | None = None) -> Splits:
    """Data sets of one's own as `Splits`; without `val` a share of `train` is held out (20 % by default).

    Raises:
        InputError: `holdout` and `val` are both given, classes differ, or all images to measure on train as well.
    """
    if val is not None and holdout is not None:
        raise InputError("there are images to measure on; leave --holdout out")
    for name, other in (("val", val), ("test", test)):
        if other is not None and other.class_names != train.class_names:
            raise InputError(f"{name}: has the classes {', '.join(other.class_names)}, the images to train on "
                             f"{', '.join(train.class_names)}")
    share, told = None, ()
    if val is None:
        share = parse_share(DEFAULT if holdout is None else holdout)
        halves = hold_out(train, share)
        train, val, told = halves.train, dataclasses.replace(halves.val, problems=()), (halves.line,)
    parts = [Part(dataset, ()) if dataset else None for dataset in (train, val, test)]
    return _checked(Splits(*parts, share, None, (*told, _sizes(*parts)) if not told or test else told), _GIVEN)


def read(path: str | os.PathLike, split: str | None = None, class_names: Sequence[str] | None = None, *,
         scale_boxes: bool = False) -> Dataset:
    """The data set of a folder or file of any form, or one of its splits.

    Raises:
        InputError: no form is recognised, there is no such split, or one must be named; and what the form's reader
            raises.
    """
    return recognise(path).source(split).read(class_names, scale_boxes=scale_boxes)


def to_measure_on(path: str | os.PathLike, split: str | None = None) -> tuple[Source, str]:
    """Which part of a data set of any form has images to measure on: the split of that name, else `val`, else the only
    one; and a line that says what was recognised. Raises InputError as `read`."""
    found = recognise(path)
    names = ", ".join(filter(None, found.sources))
    wanted = next((name for name in (split, split and canonical(split), "val") if name in found.sources), None)
    if split is not None and not names:
        raise InputError(f"{found.path}: the images to measure on: it has no splits; leave --val-split out")
    if split is not None and wanted not in (split, canonical(split)):
        raise InputError(f"{found.path}: the images to measure on: there is no split {shown(split)}; name one that "
                         f"there is with --val-split: {names}")
    if wanted is None and len(found.sources) > 1:
        raise InputError(f"{found.path}: the images to measure on: there is more than one split, and no val; name one "
                         f"that there is with --val-split: {names}")
    source = found.sources[wanted] if wanted is not None else next(iter(found.sources.values()))
    taken = f"; {wanted} is taken" if len(found.sources) > 1 else ""
    return source, f"to measure on: {found.line}{taken}"


def read_splits(path: str | os.PathLike, holdout: str | float | None = None,
                class_names: Sequence[str] | None = None, *, scale_boxes: bool = False,
                val: str | os.PathLike | None = None, val_split: str | None = None) -> Splits:
    """A data set of any form in its splits: its own, else by the hash of each image's id (see `holdout`).

    holdout: the share of the images to train on that is held out, 20 % by default; only of a data set that has none to
    measure on. All have the same classes: class_names, else those of all splits together. val: another data set, of
    any form too, to measure on in place of all that; its classes are then those of the images to train on, and
    val_split names its split (see `to_measure_on`). Raises InputError as `read`.
    """
    found = recognise(path)
    if val is not None:
        if holdout is not None:
            raise InputError(f"--val {val}: these images are measured on, so none is held out; leave --holdout out")
        return _measured_on(found, to_measure_on(val, val_split), class_names, scale_boxes)
    own = training_split(name for name in found.sources)
    if own is None and holdout is not None:
        raise InputError(f"{found.path}: has images to measure on, {', '.join(filter(None, found.sources))}; leave "
                         "--holdout out")
    first = own if own is not None else "train"
    if first not in found.sources:
        raise InputError(f"{found.path}: it has no images to train on, only {', '.join(found.sources)}")
    names = [first, *(name for name in ("val", "test") if name in found.sources and name != first)]
    sources = {name: found.sources[name] for name in names}
    read_of = _read_all(sources, class_names, scale_boxes)
    test = Part(read_of["test"], sources["test"].flags()) if "test" in names[1:] else None
    if own is None:
        train, val = (Part(read_of[name], sources[name].flags()) for name in ("train", "val"))
        return _checked(Splits(train, val, test, None, found, (found.line, _sizes(train, val, test))),
                        f"name others with --val, or leave val out of {found.path}: then a share is held out")
    share = parse_share(DEFAULT if holdout is None else holdout)
    halves = hold_out(read_of[first], share)
    train, val = (Part(halves.side(name), (*_without_split(sources[first]), "--split", name, "--holdout",
                                           f"{100 * share:g}%")) for name in ("train", "val"))
    # what is wrong is said once
    val = dataclasses.replace(val, dataset=dataclasses.replace(val.dataset, problems=()))
    lines = (found.line, f"{first or 'all'}: {halves.line}", *((_sizes(train, val, test),) if test else ()))
    return _checked(Splits(train, val, test, share, found, lines))


def _measured_on(found: Recognised, other: tuple[Source, str], class_names: Sequence[str] | None,
                 scale_boxes: bool) -> Splits:
    """A data set's images to train on, all of them, and those of another, as `to_measure_on` has it."""
    source, line = other
    own = training_split(found.sources)
    first = own if own is not None else "train"
    if first not in found.sources:
        raise InputError(f"{found.path}: it has no images to train on, only {', '.join(found.sources)}")
    sources = {name: found.sources[name] for name in (first, "test") if name in found.sources}
    if source == sources[first]:
        raise InputError(f"--val {source.places[-1]}: these are the images to train on; leave it out, or name others")
    read_of = _read_all(sources, class_names, scale_boxes)
    train, test = (Part(read_of[name], sources[name].flags()) if name in sources else None for name in (first, "test"))
    val = Part(source.read(train.dataset.class_names, scale_boxes=scale_boxes), source.flags())
    return _checked(Splits(train, val, test, None, found, (found.line, line, _sizes(train, val, test))), _GIVEN)


def _checked(splits: Splits, advice: str = "") -> Splits:
    """Splits, with what is measured or tested on and trains as well in their lines and notes. InputError where all that
    is measured on does; advice: what to do then. Of a split by hash there is nothing to say but of the test part."""
    val, lines = (splits.val, ()) if splits.holdout is not None else _beside(splits.train, splits.val, "measure on",
                                                                              advice)
    test, more = (None, ()) if splits.test is None else _beside(splits.train, splits.test, "test on", "")
    return dataclasses.replace(splits, val=val, test=test, lines=(*splits.lines, *lines, *more))


def _beside(train: Part, part: Part, use: str, advice: str) -> tuple[Part, tuple[str, ...]]:
    dataset, lines = apart(train.dataset, part.dataset, use, advice)
    return dataclasses.replace(part, dataset=dataset), lines


def _read_all(sources: dict[str, Source], class_names: Sequence[str] | None, scale_boxes: bool) -> dict[str, Dataset]:
    """Every split, with the classes of all."""
    found = {name: source.read(class_names, scale_boxes=scale_boxes) for name, source in sources.items()}
    if class_names is not None:
        return found
    names = list(dict.fromkeys(name for dataset in found.values() for name in dataset.class_names))
    if next(iter(sources.values())).form in SORTED:
        names.sort()
    found = {name: dataset if list(dataset.class_names) == names else
             sources[name].read(names, scale_boxes=scale_boxes) for name, dataset in found.items()}
    first = next(iter(found))
    notes = tuple(Problem(found[first].name, line, fatal=False)
                  for line in absent(tuple(found.values()), first or "it", "cannot be learnt"))
    return found | {first: dataclasses.replace(found[first], problems=found[first].problems + notes)}


def _without_split(source: Source) -> tuple[str, ...]:
    return dataclasses.replace(source, split=None).flags()


def _sizes(*parts: Part | None) -> str:
    told = zip(("to train on", "to measure on", "to test on"), parts, strict=True)
    return ", ".join(f"{len(part.dataset.examples)} images {words}" for words, part in told if part is not None)
