"""The rooms and their order, read from the source: a folder is a room, and imports go down only."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*ROOT.glob("frcnn_keras/**/*.py"), *ROOT.glob("data_prep/**/*.py"), *ROOT.glob("train_*.py")])

# from the ground up; a room may import those on floors below its own, and no other room on its floor
FLOORS = (
    ("errors",),
    ("files", "progress", "settings", "runtime", "ops"),
    ("models", "pictures"),
    ("data",),
    ("readers",),
    ("evaluation",),
    ("runs", "inspection"),
    ("serving", "torchvision", "training", "data_prep", "auditing"),
    ("pipeline", "crossval", "reporting"),
    ("commands",),
    ("api", "datasets", "measuring", "judging"),
    ("__init__",),
    ("__main__",),
    ("train_rpn", "train_rcnn"),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
NOTHING_ELSE = {"settings": {"errors"}, "ops": set(), "pictures": {"errors", "files"}, "evaluation": {"ops"}}


def module_of(path):
    """frcnn_keras/readers/coco.py -> frcnn_keras.readers.coco"""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def room_of(module):
    """frcnn_keras.readers.coco -> readers; a file of the package's own folder is a room by itself."""
    parts = module.split(".")
    if parts == ["data_prep", "__main__"]:
        return "train_rpn"  # a program like the scripts beside it
    if parts[0] != "frcnn_keras":
        return parts[0]
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(path, top_level=False):
    """The project's modules that a file imports, wherever in it; `top_level`: only those at import time."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = set()
    if top_level:
        inner = {id(node) for function in ast.walk(tree)
                 if isinstance(function, (ast.FunctionDef, ast.Lambda)) for node in ast.walk(function)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else node.module)
    return {name for name in found if name.split(".")[0] in ("frcnn_keras", "data_prep", "train_rpn", "train_rcnn")}


def test_the_reader_sees_imports():
    assert "frcnn_keras.ops.boxes" in imports_of(ROOT / "frcnn_keras/ops/targets.py")
    assert "frcnn_keras.data.records" in imports_of(ROOT / "frcnn_keras/data/batches.py")
    assert len(FILES) > 40


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module):
    room = room_of(module)
    for used in imports_of(MODULES[module]):
        other = room_of(used)
        if other != room:
            assert FLOOR_OF[other] < FLOOR_OF[room], f"{module} (room {room}) imports {used} (room {other})"
            assert other in NOTHING_ELSE.get(room, FLOOR_OF), f"{module}: room {room} needs no {other}"


def test_every_folder_is_a_room_with_a_floor():
    assert {room_of(module) for module in MODULES} == FLOOR_OF.keys()


def test_contributing_has_a_line_for_every_room():
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M)
    told = {name.removesuffix("/").removesuffix(".py"): int(floor)
            for floor, names in rows for name in re.findall(r"`([a-z_./]+)`", names)}
    assert told == FLOOR_OF


def test_only_commands_know_argparse():
    for module, path in MODULES.items():
        if room_of(module) != "commands":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
            assert "argparse" not in names, module


def test_only_what_runs_stages_imports_data_prep():
    for module, path in MODULES.items():
        if any(used.startswith("data_prep") for used in imports_of(path)):
            assert room_of(module) in ("data_prep", "pipeline", "commands", "api"), module


def test_ops_import_nothing_but_arrays():
    for path in ROOT.glob("frcnn_keras/ops/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert names <= {"math", "numpy", "tensorflow"}, path


def test_nothing_imports_itself_round_a_corner():
    graph = {module: imports_of(path, top_level=True) & MODULES.keys() for module, path in MODULES.items()}
    done = set()

    def visit(module, trail):
        assert module not in trail, " -> ".join([*trail, module])
        if module not in done:
            for used in graph[module]:
                visit(used, [*trail, module])
            done.add(module)

    for module in graph:
        visit(module, [])


def test_only_records_knows_the_format():
    """TFRecords and tf.train.Example are read and written in one place (and in the reader of others' TFRecords)."""
    known = {"frcnn_keras.data.records", "frcnn_keras.readers.tf_records", "frcnn_keras.readers.tf_examples"}
    for module, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        if module not in known:
            assert "tf.train.Example" not in text and "TFRecordWriter" not in text, module
            assert "parse_single_example" not in text, module


@pytest.mark.parametrize("module", MODULES)
def test_no_drawer_for_everything(module):
    assert module.split(".")[-1] not in ("utils", "util", "misc", "common", "helpers")


@pytest.mark.parametrize("module", MODULES)
def test_no_assert_in_library_code(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert not lines, f"{MODULES[module]}: assert in lines {lines}"


def test_no_test_module_imports_another():
    """What tests share stands in modules of its own."""
    for path in ROOT.glob("tests/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            module = f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
            for name in names:
                parts = f"{module}{name}".split(".")
                assert parts[0] != "tests" or not any(part.startswith("test_") for part in parts), f"{path}: {name}"
