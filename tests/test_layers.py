"""The layering of the packages, read from the source: imports go down only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*ROOT.glob("frcnn_keras/**/*.py"), *ROOT.glob("data_prep/**/*.py"), *ROOT.glob("train_*.py")])

# plain helpers that every layer above them may use; they use only each other
BASE = {"version", "errors", "files", "config", "joint_config", "flags", "cli", "progress", "parallel", "detections"}
# what each layer may import of the package; its own layer always
BELOW = {
    "base": set(),
    "ops": set(),
    "models": {"ops", "frcnn_keras.errors"},
    "data": {"ops", "frcnn_keras.errors", "frcnn_keras.files", "frcnn_keras.config"},
    "evaluation": {"ops", "data", "frcnn_keras.errors", "frcnn_keras.files", "frcnn_keras.detections"},
    "stages": {"base", "ops", "models", "data", "evaluation"},
    "commands": {"base", "ops", "models", "data", "evaluation", "stages"},
    "data_prep": {"base", "ops", "models", "data", "evaluation", "stages"},
    "train": {"base", "ops", "models", "data", "evaluation", "stages"},
}


def module_of(path):
    """frcnn_keras/data/coco.py -> frcnn_keras.data.coco"""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def layer_of(module):
    parts = module.split(".")
    if parts[0] != "frcnn_keras":
        return "train" if parts[0].startswith("train_") else parts[0]
    if len(parts) == 1 or parts[1] == "__main__":
        return "commands"  # the front door
    if parts[1] in ("ops", "models", "data", "evaluation", "commands"):
        return parts[1]
    return "base" if parts[1] in BASE else "stages"


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
    layer = layer_of(module)
    allowed = BELOW[layer] | {layer}
    for used in imports_of(MODULES[module]):
        assert layer_of(used) in allowed or used in allowed, f"{module} ({layer}) imports {used} ({layer_of(used)})"


def test_the_package_never_imports_the_programs_around_it():
    for module, path in MODULES.items():
        if module.startswith("frcnn_keras"):
            for used in imports_of(path):
                assert used.startswith("frcnn_keras"), f"{module} imports {used}"


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
    known = {"frcnn_keras.data.records", "frcnn_keras.data.tf_records"}
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
