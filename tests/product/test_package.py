"""The package as it is built and installed: what is in its files, and that the command runs away from the checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email import message_from_string
from pathlib import Path

import cv2
import numpy as np
import pytest

from frcnn_keras.runtime import VERSION

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = (".git", ".venv", "work", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
SDIST = "from setuptools import build_meta; build_meta.build_sdist({out!r})"
WHEEL = "from setuptools import build_meta; build_meta.build_wheel({out!r})"

pytestmark = pytest.mark.slow


def call(*command, cwd, **variables):
    """Runs a program that has to succeed, without what this process's environment says of modules."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | variables
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder of the source distribution, made of a copy of the checkout, and of the wheel, made of the former."""
    folder = tmp_path_factory.mktemp("built")
    checkout, out = folder / "checkout", folder / "out"
    out.mkdir()
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    call(sys.executable, "-c", SDIST.format(out=str(out)), cwd=checkout)
    with tarfile.open(next(out.glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    call(sys.executable, "-c", WHEEL.format(out=str(out)), cwd=next((folder / "unpacked").iterdir()))
    return out


@pytest.fixture(scope="module")
def wheel(built):
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def files_of_wheel(wheel):
    """{name: text} of the wheel's files."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory, wheel):
    """Folder of the programs of an environment that has the wheel, and for its dependencies looks into this one."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / "bin"
    call(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", programs / "python", "install",
         "--no-deps", "--no-index", wheel, cwd=folder)
    purelib = Path(sysconfig.get_path("purelib", "venv", {"base": folder, "platbase": folder}))
    # a plain path: Python reads no .pth file of that folder, so that an editable checkout there stays unseen
    (purelib / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return programs


@pytest.fixture
def empty(tmp_path):
    """An empty folder to be in."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def modules_of(package):
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / package).glob("**/*.py")}


def test_the_wheel_holds_the_two_packages_and_nothing_else(files_of_wheel):
    modules = {name for name in files_of_wheel if name.endswith(".py")}
    assert modules == modules_of("frcnn_keras") | modules_of("data_prep") and len(modules) > 100
    others = {name for name in files_of_wheel.keys() - modules if ".dist-info/" not in name}
    page = {f"frcnn_keras/reporting/page.{ending}" for ending in ("html.j2", "css", "js")}
    assert others == {"frcnn_keras/py.typed", "data_prep/py.typed", *page}


def test_what_the_wheel_says_of_itself(files_of_wheel):
    folder = f"frcnn_keras-{VERSION}.dist-info"
    said = message_from_string(files_of_wheel[f"{folder}/METADATA"])
    assert (said["Name"], said["Version"], said["License-Expression"]) == ("frcnn-keras", VERSION, "MIT")
    assert files_of_wheel[f"{folder}/licenses/LICENSE"] == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert files_of_wheel[f"{folder}/entry_points.txt"].split() == [
        "[console_scripts]", "frcnn", "=", "frcnn_keras.__main__:main"]
    extras = {"cpu", "gpu", "onnx", "litert", "serving", "tensorboard", "test", "dev"}
    assert set(said.get_all("Provides-Extra")) == extras
    bare = {line for line in said.get_all("Requires-Dist") if "extra ==" not in line}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert len(bare) == len(project["dependencies"])


def test_an_index_page_needs_no_other_file(files_of_wheel):
    said = message_from_string(files_of_wheel[f"frcnn_keras-{VERSION}.dist-info/METADATA"])
    page = said.get_payload()
    assert said["Description-Content-Type"] == "text/markdown" and "pip install" in page
    assert "](" not in page.replace("](https://", "") and "<img" not in page


def test_the_source_distribution_is_the_checkout(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = ("frcnn_keras", "data_prep", "tests", "benchmarks", "examples", "docs")
    wanted = {path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).glob("**/*")
              if path.is_file() and "__pycache__" not in path.parts}
    assert wanted <= names
    assert {"README.md", "LICENSE", "Makefile", "pyproject.toml", "requirements.txt", "requirements-extras.txt",
            "requirements-dev.txt", "train_rpn.py", "train_rcnn.py", ".ci/run"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".venv", "work/"))]


def test_the_installed_package_is_not_the_checkout(installed, empty):
    code = ("import frcnn_keras, data_prep, importlib.metadata as m, json; "
            "print(json.dumps([frcnn_keras.__file__, data_prep.__file__, m.version('frcnn-keras')]))")
    *found, version = json.loads(call(installed / "python", "-c", code, cwd=empty).stdout)
    for path in found:
        assert Path(path).is_relative_to(installed.parent) and "site-packages" in path
    assert version == VERSION


@pytest.mark.parametrize("program", [["frcnn"], ["python", "-m", "frcnn_keras"]])
def test_its_command_answers(installed, empty, program):
    name, *rest = program
    spelled = "frcnn" if name == "frcnn" else "python -m frcnn_keras"
    shown = call(installed / name, *rest, "--help", cwd=empty).stdout
    assert shown.startswith(f"usage: {spelled} COMMAND") and "train-rpn" in shown
    assert call(installed / name, *rest, "--version", cwd=empty).stdout == f"frcnn_keras {VERSION}\n"
    shown = call(installed / name, *rest, "prep", "--help", cwd=empty).stdout
    assert shown.startswith(f"usage: {spelled} prep ") and f"  {spelled} prep --voc DIR" in shown


def test_the_stages_of_the_checkout_have_a_command(installed, empty):
    for name in ("train-rpn", "train-rcnn"):
        assert call(installed / "frcnn", name, "--help", cwd=empty).stdout.startswith(f"usage: frcnn {name} ")


def test_an_exit_code_reaches_the_shell(installed, empty):
    done = subprocess.run([installed / "frcnn", "chek"], cwd=empty, capture_output=True, text=True)
    assert done.returncode == 2 and "did you mean check" in done.stderr


def test_it_reads_a_data_set(installed, empty):
    cv2.imwrite(str(empty / "a.png"), np.full((40, 60, 3), 90, np.uint8))
    (empty / "boxes.csv").write_text("a.png,5,6,25,36,cat\n", encoding="utf-8")
    code = ("import frcnn_keras; found = frcnn_keras.read_csv('boxes.csv'); "
            "print(found.class_names, found.examples[0].boxes.tolist(), found.problems)")
    assert call(installed / "python", "-c", code, cwd=empty).stdout.strip() == "('cat',) [[5.0, 6.0, 25.0, 36.0]] ()"


def test_a_stage_is_a_process_of_the_same_environment(installed, empty):
    code = ("import sys; from frcnn_keras.commands.stage_process import run_stage; "
            "sys.argv[0] = 'frcnn'; sys.exit(run_stage(['train-rpn', '--help']))")
    done = call(installed / "python", "-c", code, cwd=empty)
    assert "$ frcnn train-rpn --help" in done.stdout + done.stderr and "\n  --run DIR" in done.stdout
