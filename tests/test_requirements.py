"""requirements.txt, which pip takes without the project, says what pyproject.toml says: no range may differ."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def ranges(lines):
    """Lines of requirements -> {distribution: its range}."""
    return {found.name: found.specifier for found in map(Requirement, lines)}


def listed():
    """requirements.txt without comments."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return ranges(line for line in lines if line.strip() and not line.startswith("#"))


def test_requirements_are_the_package_tensorflow_and_the_tests():
    wanted = {**ranges(PROJECT["dependencies"]), **ranges(EXTRAS["gpu"]), **ranges(EXTRAS["test"])}
    assert listed() == wanted


def test_every_tensorflow_has_one_range():
    found = [Requirement(line) for name in ("cpu", "gpu") for line in EXTRAS[name]]
    assert {each.name for each in found} == {"tensorflow", "tensorflow-cpu"}
    assert len({each.specifier for each in found}) == 1


def test_one_tensorflow_for_every_machine():
    cpu = [Requirement(line).marker for line in EXTRAS["cpu"]]
    for system in ("linux", "darwin", "win32"):
        for machine in ("x86_64", "aarch64", "arm64", "AMD64"):
            assert sum(marker.evaluate({"sys_platform": system, "platform_machine": machine}) for marker in cpu) == 1


def test_nothing_needs_tensorflow_outside_its_extras():
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert not {name for name in names if name.startswith("tensorflow")}
