"""The line of docs/architecture.md, held: who imports whom, how long, and how told."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "descent"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 400

# A reference written as text, as tables and jobs hold it: "descent.room.module:name".
DOTTED = re.compile(r"descent(?:\.\w+)+:\w+")


def levels() -> list[list[str]]:
    """The rooms from left to right, as the fenced `imports` block of the page draws them."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"```imports\n(.*?)```", page, re.DOTALL)
    assert block, "docs/architecture.md has lost its ```imports block"
    return [[room.strip() for room in level.split("|")] for level in block[1].split("<")]


LEVEL = {room: place for place, rooms in enumerate(levels()) for room in rooms}


def room_of(module: str) -> str:
    """`descent.tools.files` -> `tools`; the package itself is no room."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    """A source file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def references(tree: ast.Module, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Each (line, module) that a file imports, anywhere in it, and that its texts name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, *([base] if base else [])])
            if base == "descent":
                yield from ((node.lineno, f"descent.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, base
    yield from ((line, text.split(":")[0]) for line, text in written_references(tree))


def written_references(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each (line, "module:name") that stands in a file as a text of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if DOTTED.fullmatch(text):
                yield node.lineno, text


def breaches(tree: ast.Module, module: str, is_package: bool = False) -> list[str]:
    """Each import of a file that the line does not allow, as `line: why`."""
    own = room_of(module)
    found = []
    for line, name in references(tree, module, is_package):
        other = room_of(name) if name.split(".")[0] == "descent" else ""
        if not other or other == own or other.startswith("__"):
            continue
        if other not in LEVEL:
            found.append(f"{line}: {other} is no room of docs/architecture.md")
        elif LEVEL[other] >= LEVEL[own]:
            found.append(f"{line}: {own} imports {name}, which does not stand left of it")
    return found


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_imports_point_left(path: Path) -> None:
    """Every import, at the top, in a function or as text, is of a room further left."""
    module = module_of(path)
    own = room_of(module)
    assert not own or own in LEVEL, f"{own} is no room of docs/architecture.md: draw it there"
    assert not breaches(tree_of(path), module, path.name == "__init__.py")


@pytest.mark.parametrize(
    "text",
    [
        "import descent.render",
        "from descent import render",
        "from descent.plan.records import Plan",
        "from ..encode import chunk",
        "def f():\n    from descent.cli.common import Console",
        "CALL = 'descent.encode.chunk:write_chunk'",
        "import descent.nowhere",
    ],
)
def test_the_walk_sees_each_way_to_import(text: str) -> None:
    """A breach is found however it is written, or the test above would prove nothing."""
    assert breaches(ast.parse(text), "descent.restore.levels")


def test_the_walk_lets_lawful_imports_be() -> None:
    """A room's own modules, rooms to its left and other packages are all allowed."""
    text = "import numpy\nfrom . import light\nfrom descent.tools import files\nimport descent.clip"
    assert not breaches(ast.parse(text), "descent.restore.levels")


def test_references_as_text_lead_somewhere() -> None:
    """Each "module:name" written in the code names a module that exists and holds that name."""
    for path in MODULES:
        for line, text in written_references(tree_of(path)):
            module, name = text.split(":")
            target = ROOT.joinpath(*module.split("."))
            file = target / "__init__.py" if target.is_dir() else target.with_suffix(".py")
            where = f"{path.relative_to(ROOT)}:{line}: {text}"
            assert file.is_file(), f"{where}: there is no such module"
            assert name in names_in(tree_of(file)), f"{where}: the module holds no {name}"


def names_in(tree: ast.Module) -> set[str]:
    """What a module defines or imports at its top."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names |= {(alias.asname or alias.name) for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def test_every_room_drawn_is_told() -> None:
    """Each room of the code has its row in the page's table, so that the map is whole."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {room_of(module_of(path)) for path in MODULES} - {"", "__main__"}
    assert not {room for room in rooms if f"`{room}`" not in page}


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_modules_stay_short_and_told(path: Path) -> None:
    """No module is over 400 lines; it, its public classes and functions say what they are."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
    tree = tree_of(path)
    assert ast.get_docstring(tree), "the module has no docstring"
    assert not list(untold(tree.body, ""))


def untold(body: list[ast.stmt], inside: str) -> Iterator[str]:
    """The public classes, functions and methods without a docstring."""
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield f"{inside}{node.name} at line {node.lineno}"
        if isinstance(node, ast.ClassDef):
            yield from untold(node.body, f"{node.name}.")


def test_only_the_command_line_prints_or_exits() -> None:
    """`print`, `sys.exit` and `quit` are for descent/cli alone."""
    loud = {"print", "sys.exit", "quit"}
    assert not [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        if room_of(module_of(path)) != "cli"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in loud
    ]


# An absolute path of somebody's machine; the folders that every system has are let be.
SOMEBODYS = re.compile(r"(?<![\w.~:/-])/(?:home|root|Users|work|mnt|opt|srv)/\w+|[A-Z]:\\Users\\")
TEXTS = {".py", ".md", ".yaml", ".yml", ".toml", ".lock", ".sh", ".json", ".txt", ".csv", ""}


def test_no_file_knows_whose_machine_it_was_written_on() -> None:
    """No text of the project names an absolute path that only one machine has."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    names = [ROOT / name for name in listed.stdout.decode().split("\0") if name] or MODULES
    found = []
    for path in names:
        if path.suffix in TEXTS and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in SOMEBODYS.finditer(text)]
    assert not found
