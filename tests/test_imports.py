"""Imports run one way only, and importing the package costs next to nothing."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1] / "src"
PACKAGE = ROOT / "onetake"

BASE = {"model", "errors", "clock", "_version"}
PURE = {"timeline", "audio", "video", "session"}
EDGES = {"file", "platforms"}

ALLOWED: dict[str, set[str]] = {
    **dict.fromkeys(BASE, BASE),
    **dict.fromkeys(PURE, BASE | PURE | {"platforms.contract"}),
    **dict.fromkeys(EDGES, BASE | PURE | EDGES),
    "engine": BASE | PURE | EDGES | {"engine", "proof"},
    "control": BASE | PURE | EDGES | {"engine", "control", "proof"},
    "proof": BASE | {"proof"},
    "testing": BASE | PURE | EDGES | {"engine", "proof", "testing"},
}
"""What each room may import; the rooms it does not list may import everything."""

FREE = {"ui", "__init__", "__main__", "api"}
"""The top: the user interface and the public names."""

FORBIDDEN_IN_PURE = {
    "asyncio",
    "concurrent",
    "datetime",
    "io",
    "multiprocessing",
    "os",
    "pathlib",
    "queue",
    "select",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
}
"""What a room without threads, clocks, files and sockets has no use for."""

NAMES_FILES_ONLY = {"model/companions.py"}
"""Modules that work out the names of files and touch none."""

IMPORT_BOUND_S = 0.1


def modules() -> list[Path]:
    """Return all modules of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def inside(path: Path) -> str:
    """Return a module's path inside the package."""
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    """Return the first folder or module below the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_for_types_only(node: ast.If) -> bool:
    """Return whether the body of an `if` is seen by the type checker alone."""
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(tree: ast.AST, *, with_types: bool = True) -> list[str]:
    """Return the full name of everything a module imports, inside functions too."""
    found: list[str] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and is_for_types_only(node) and not with_types:
            found += [name for part in node.orelse for name in imports(part)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are banned"
            module = node.module or ""
            found += [f"{module}.{alias.name}" for alias in node.names]
        else:
            found += imports(node, with_types=with_types)
    return found


def is_allowed(name: str, allowed: set[str]) -> bool:
    """Return whether an imported name lies in one of the allowed rooms."""
    inside = name.removeprefix("onetake.")
    return any(inside == room or inside.startswith(f"{room}.") for room in allowed)


@functools.cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def upward(room: str, tree: ast.AST) -> list[str]:
    """Return the imports of a module that break the rule for its room."""
    if room in FREE:
        return []
    names = [name for name in imports(tree) if name == "onetake" or name.startswith("onetake.")]
    return [name for name in names if not is_allowed(name, ALLOWED[room])]


def test_every_room_has_a_rule() -> None:
    """A new room is not free to import what it likes: it must be put into the table."""
    assert {room_of(path) for path in modules()} <= set(ALLOWED) | FREE


def test_imports_run_one_way() -> None:
    """No module imports from a room above its own, not even inside a function or for types."""
    wrong = {inside(path): upward(room_of(path), parse(path)) for path in modules()}
    assert {name: names for name, names in wrong.items() if names} == {}


def test_pure_rooms_know_no_threads_clocks_files_or_sockets() -> None:
    """The rooms that decide import nothing that could wait, read a clock or touch a file."""
    wrong = {}
    for path in modules():
        if room_of(path) not in PURE | {"model", "errors"}:
            continue
        names = [
            name
            for name in imports(parse(path), with_types=False)
            if name.partition(".")[0] in FORBIDDEN_IN_PURE
        ]
        if inside(path) in NAMES_FILES_ONLY:
            names = [name for name in names if name != "pathlib.Path"]
        if names:
            wrong[inside(path)] = names
    assert wrong == {}


def test_the_rule_can_fail() -> None:
    """The reader of imports sees them in functions, behind `import as` and in type checking."""
    tree = ast.parse(
        "import onetake.engine.take as t\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from onetake.ui import cli\n"
        "def f():\n    from onetake import engine\n    import time\n"
    )
    assert upward("video", tree) == ["onetake.engine.take", "onetake.ui.cli", "onetake.engine"]
    assert "time" in imports(tree, with_types=False)
    assert "onetake.ui.cli" not in imports(tree, with_types=False)
    assert upward("proof", ast.parse("from onetake.video.lane import VideoLane")) != []
    assert upward("ui", tree) == []


def test_importing_the_package_is_light() -> None:
    """`import onetake` takes less than 0.1 s and loads neither numpy nor PyAV."""
    program = (
        "import sys, time\n"
        "before = time.perf_counter()\n"
        "import onetake\n"
        "print(time.perf_counter() - before)\n"
        "print([name for name in ('numpy', 'av', 'xcffib', 'websockets') if name in sys.modules])\n"
    )
    best_s = float("inf")
    for _ in range(5):  # the best of five: the first one may have to read the disk
        output = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert output[1] == "[]"
        best_s = min(best_s, float(output[0]))
    assert best_s < IMPORT_BOUND_S


def test_recording_loads_no_server_it_was_not_asked_for() -> None:
    """What a panel or an OBS remote needs is loaded with them: it takes longer than a device."""
    program = (
        "import sys\n"
        "import onetake.ui.recording, onetake.control.remotes\n"
        "print([name for name in ('asyncio', 'websockets') if name in sys.modules])\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert told.stdout.strip() == b"[]"
