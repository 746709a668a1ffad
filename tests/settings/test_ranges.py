"""Every number of every setting has a range: at a bound it is taken, just outside it is refused in one line."""

import dataclasses
import functools
import math

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.settings import options
from frcnn_keras.settings.detector import AnchorConfig, BackboneConfig, ImageConfig, LevelAnchorConfig, ProposalConfig
from frcnn_keras.settings.image_trainers import (
    AlternateConfig,
    AugmentConfig,
    FinetuneConfig,
    ImageFitConfig,
    ImageLossConfig,
    JointConfig,
)
from frcnn_keras.settings.learning import AnchorSamplingConfig, FitConfig, RegionSamplingConfig
from frcnn_keras.settings.ranges import Range, SettingError, element_of, flag_of, range_of, received, require
from frcnn_keras.settings.stages import CheckConfig, PrepConfig, RCNNConfig, RPNConfig

CONFIGS = (CheckConfig, PrepConfig, RPNConfig, RCNNConfig, FinetuneConfig, JointConfig, AlternateConfig)
LEAVES = {(config.__name__, ".".join(path)): (config, path, field, hint)
          for config in CONFIGS for path, field, hint in options.leaves(config)}
NUMBERS = {name: leaf for name, leaf in LEAVES.items() if element_of(leaf[3]) in (int, float)}


def with_value(config_class, path, value, alike=False):
    """A config with one leaf changed; `alike`: fields that it may not pass, or fall below, go along with it."""
    def changed(record, path):
        if len(path) > 1:
            return dataclasses.replace(record, **{path[0]: changed(getattr(record, path[0]), path[1:])})
        ranges = {field.name: field.metadata["range"] for field in dataclasses.fields(record)
                  if field.metadata.get("range")}
        larger = [name for name in ranges if alike and name == ranges[path[0]].not_above]
        smaller = [name for name, allowed in ranges.items() if alike and path[0] == allowed.not_above]
        more = {name: max(getattr(record, name), *(value if isinstance(value, tuple) else (value,))) for name in larger}
        for name in smaller:
            own = getattr(record, name)
            more[name] = tuple(min(one, value) for one in own) if isinstance(own, tuple) else min(own, value)
        return dataclasses.replace(record, **{path[0]: value}, **more)

    return changed(dataclasses.replace(RPNConfig(), start="run") if config_class is RPNConfig else config_class(), path)


def shaped(hint, allowed, number):
    """A number as the field has it: a tuple of as many as there must be."""
    return (number,) * max(1, min(allowed.counts) or allowed.counts[-1]) if hint is not element_of(hint) else number


def bounds(kind, allowed):
    """(numbers at the bounds, numbers just outside)."""
    def beyond(number, up):
        return number + (1 if up else -1) if kind is int else float(np.nextafter(number, math.inf if up else -math.inf))

    inside, outside = [], []
    for number, up, closed in ((allowed.least, False, True), (allowed.above, False, False),
                               (allowed.most, True, True), (allowed.below, True, False)):
        if number is not None:
            inside.append(number if closed else beyond(number, not up))
            outside.append(beyond(number, up) if closed else number)
    return inside, outside


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_both_bounds(name):
    _, _, field, _ = NUMBERS[name]
    allowed = field.metadata["range"]
    assert allowed, "no range"
    assert (allowed.least is None) != (allowed.above is None) and (allowed.most is None) != (allowed.below is None)
    assert (allowed.counts is None) == (NUMBERS[name][3] is element_of(NUMBERS[name][3]))


@pytest.mark.parametrize("name", NUMBERS)
def test_a_value_at_the_bound_is_taken_and_one_outside_is_not(name):
    config_class, path, field, hint = NUMBERS[name]
    allowed, kind = field.metadata["range"], element_of(hint)
    inside, outside = bounds(kind, allowed)
    for number in inside:
        if (config_class, path, number) != (RCNNConfig, ("fit", "epochs"), 0):  # a head is never taken as it is
            found = with_value(config_class, path, shaped(hint, allowed, number), alike=True)
            assert functools.reduce(getattr, path, found) == shaped(hint, allowed, number)
    for number in [*outside, math.nan, math.inf, -math.inf, 10**400, True, "3", None]:
        with pytest.raises(SettingError) as caught:
            with_value(config_class, path, shaped(hint, allowed, number))
        flag = flag_of(field)
        assert caught.value.flagged.startswith(f"--{flag} must be {allowed.words}"), caught.value.flagged
        assert received(shaped(hint, allowed, number)) in caught.value.flagged
        said = str(caught.value)
        assert f".{path[-1]} must be" in said and "--" not in said and "\n" not in said and len(said) < 250


@pytest.mark.parametrize("name", LEAVES)
def test_other_kinds_have_none(name):
    _, _, field, hint = LEAVES[name]
    if name not in NUMBERS:
        assert field.metadata["range"] is None and element_of(hint) in (str, bool)


def test_all_settings_are_looked_at():
    assert len(NUMBERS) > 90 and len({path for _, path in NUMBERS}) > 40


@pytest.mark.parametrize("make, flagged, spoken", [
    (lambda: ImageConfig(1200), "--shorter must not be more than --longer; received: 1200 and 1000",
     "ImageConfig.shorter must not be more than ImageConfig.longer; received: 1200 and 1000"),
    (lambda: AnchorSamplingConfig(0.2), "--negative-iou must not be more than --positive-iou; received: 0.3 and 0.2",
     "AnchorSamplingConfig.negative must not be more than AnchorSamplingConfig.positive; received: 0.3 and 0.2"),
    (lambda: RegionSamplingConfig(background=0.6), "--background-iou must not be more than --foreground-iou; "
     "received: 0.6 and 0.5", "RegionSamplingConfig.background must not be more than RegionSamplingConfig.foreground; "
     "received: 0.6 and 0.5"),
    (lambda: RegionSamplingConfig(background=(0.1, 0.6)), "--background-iou must not be more than --foreground-iou; "
     "received: 0.1,0.6 and 0.5", None),
    (lambda: RegionSamplingConfig(background=(0.2, 0.1)), "--background-iou must be 1 or 2 numbers, each 0 to 1, none "
     "less than the one before; received: 0.2,0.1", None),
    (lambda: FinetuneConfig(ImageFitConfig(accumulate=2), losses=ImageLossConfig(sample_over="batch")),
     "--sample-over batch needs a step's images together: leave --accumulate out", None),
    (lambda: RCNNConfig(FitConfig(epochs=0)), "--epochs must be 1 or more; received: 0",
     "RCNNConfig.fit.epochs must be 1 or more; received: 0"),
    (lambda: RPNConfig(FitConfig(epochs=0)), "--epochs 0 takes an RPN as it is: name the run that has it with "
     "--rpn RUN", "RPNConfig.fit.epochs 0 takes an RPN as it is: name the run that has it with RPNConfig.start RUN"),
    (lambda: AugmentConfig(jitter_shorter=(700, 500)), "--jitter-shorter must be 0 or 2 numbers, each 1 to 32768, none "
     "less than the one before; received: 700,500", None),
    (lambda: AugmentConfig(jitter_shorter=(700,)), "--jitter-shorter must be 0 or 2 numbers, each 1 to 32768, none "
     "less than the one before; received: 700", None),
    (lambda: AnchorConfig(()), "--anchor-sizes must be 1 to 64 numbers, each 1 to 32768; received: nothing", None),
    (lambda: AnchorConfig((32.0,), scales=(2.0,)), "--anchor-sizes and --anchor-scales both say how large anchors are; "
     "leave one out", None),
    (lambda: LevelAnchorConfig("auto", scales=(2.0,)), "--anchor-sizes and --anchor-scales both say how large anchors "
     "are; leave one out", None),
    (lambda: LevelAnchorConfig("car"), "--anchor-sizes must be 1 to 64 numbers, each 1 to 32768, or auto; "
     "received: 'car'", None),
    (lambda: JointConfig(anchors=LevelAnchorConfig("auto")), "--anchor-sizes auto is for prep and train; give the "
     "sizes that check suggests", "JointConfig.anchors.sizes auto is for prep and train; give the sizes that "
     "check suggests"),
    (lambda: FitConfig(batch=2.0), "--batch must be 1 to 65536 (whole numbers); received: 2.0", None),
    (lambda: FitConfig(optimizer="rms"), "--optimizer must be one of adam, sgd; received: 'rms'", None),
    (lambda: BackboneConfig(preprocess="x"), "--preprocess must be one of caffe, tf, torch, none; received: 'x'", None),
    (lambda: BackboneConfig(pyramid=8, pyramid_levels=("p3", "p5")), "--pyramid-levels must be some of "
     "p2,p3,p4,p5,p6,p7, finest first, without a gap; received: 'p3','p5'", None),
    (lambda: BackboneConfig(pyramid=8, pyramid_levels=("stride8",)), "--pyramid-levels must be some of "
     "p2,p3,p4,p5,p6,p7, finest first, without a gap; received: 'stride8'", None),
    (lambda: BackboneConfig(pyramid_levels=("p3",)), "--pyramid-levels are those of a pyramid: give --pyramid CHANNELS "
     "too", "BackboneConfig.pyramid_levels are those of a pyramid: give BackboneConfig.pyramid CHANNELS too"),
    (lambda: FitConfig(seed=10**5000), "--seed must be 0 to 2147483647; received: a number of thousands of digits",
     None)])
def test_what_is_said(make, flagged, spoken):
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.flagged == flagged
    assert spoken is None or str(caught.value) == spoken


def test_lists_become_tuples():
    assert AnchorConfig([32, 64.5], [1.0]) == AnchorConfig((32, 64.5), (1.0,))


def test_a_word_stands_for_its_tuple():
    assert LevelAnchorConfig("auto") == LevelAnchorConfig(()) != LevelAnchorConfig()
    assert LevelAnchorConfig("auto").sizes == ()


def test_one_number_of_the_background_is_its_lower_bound():
    assert RegionSamplingConfig(background=0.1) == RegionSamplingConfig(background=(0.1,))
    assert RegionSamplingConfig(background=[0.0, 0.1]).background == (0.0, 0.1)


def test_a_changed_config_is_checked_again():
    with pytest.raises(SettingError, match="^ProposalConfig.nms must be 0 to 1; received: 1.5$"):
        dataclasses.replace(ProposalConfig(), nms=1.5)


def test_stored_settings_are_checked():
    stored = options.to_dict(RPNConfig())
    stored["fit"]["batch"] = 0
    with pytest.raises(ValueError, match="FitConfig.batch must be 1 to 65536; received: 0"):
        options.from_dict(RPNConfig, stored)


@pytest.mark.parametrize("allowed, words", [
    (Range(least=0, most=1), "0 to 1"), (Range(above=0, most=0.5), "more than 0 and at most 0.5"),
    (Range(least=0, below=1), "0 or more and less than 1"), (Range(above=-1, below=1), "more than -1 and less than 1"),
    (Range(least=1, most=9, counts=(4,)), "4 numbers, each 1 to 9")])
def test_words_of_a_range(allowed, words):
    assert allowed.words == words


def test_one_argument():
    require("count", 3, int, least=1, most=3)
    with pytest.raises(InputError, match="^count must be 1 to 3; received: 4$"):
        require("count", 4, int, least=1, most=3)


def test_a_long_value_is_cut():
    assert len(received("x" * 1000)) == 60 and received("a\nb") == "'a\\nb'" and received(np.int64(3)) == "np.int64(3)"


def test_the_range_of_a_setting():
    assert range_of(RPNConfig, "fit.epochs") == Range(least=0, most=10**5)
