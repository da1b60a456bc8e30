"""The shape of the project: which way imports point, what a web process loads, and what is kept in the repository."""

from __future__ import annotations

import ast
import importlib.metadata
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import core
from tests.serving import ROOT

TOP = {
    ".ci", ".gitignore", ".streamlit", "CHANGELOG.md", "LICENSE", "Procfile", "README.md", "assets", "core", "dashboard", "pyproject.toml",
    "requirements.txt", "tests",
}  # fmt: skip

# An arrow may point to the same floor or down.
FLOORS = (
    ("dashboard.app", "dashboard.main", "dashboard.views"),
    ("dashboard.session", "dashboard.controls", "dashboard.charts", "dashboard.lessons", "dashboard.texts", "dashboard.component"),
    ("dashboard.live", "dashboard.theme"),
    ("core",),
)

# Where these may not be imported, in any function.
WITHOUT = {
    "core": ("dashboard", "streamlit", "plotly", "starlette", "uvicorn", "websockets"),
    "dashboard.charts": ("streamlit", "torch"),
    "dashboard.texts": ("streamlit", "torch"),
    "dashboard.lessons": ("streamlit", "torch"),
    "dashboard.theme": ("streamlit", "torch"),
    "dashboard.views": ("torch",),
    "dashboard.component": ("torch",),
}

VAGUE = {"manager", "handler", "util", "utils", "helper", "helpers", "data", "misc", "common"}

ELSEWHERE = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:com|org)|unpkg\.com|jsdelivr\.net|cdnjs\.|cdn\.plot\.ly|cloud\.plotly\.com|esm\.sh|googleapis\.com|gstatic\.com)"
)
"""Registries, and hosts that pages load from."""


LIBRARIES = Path("assets/scripts")


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("core", "dashboard"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: project modules are imported by their full name"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def floor(module: str) -> int | None:
    return next((number for number, names in enumerate(FLOORS) if any(within(module, name) for name in names)), None)


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return [Path(name) for name in listing.split("\0") if name]


MODULES = dict(modules())


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_one_way(module: str):
    for name in imports(MODULES[module]):
        for package, banned in WITHOUT.items():
            if within(module, package):
                assert not any(within(name, other) for other in banned), f"{module} imports {name}"
        here, there = floor(module), floor(name)
        if here is not None and there is not None:
            assert here <= there, f"{module} imports {name}, which stands above it"


@pytest.mark.parametrize("module", MODULES)
def test_files_are_named_after_what_they_hold(module: str):
    assert not VAGUE & set(module.split("."))


def test_no_file_of_the_app_hides_another_module():
    others = sys.stdlib_module_names | importlib.metadata.packages_distributions().keys() - {"core", "dashboard", "assets"}
    assert not {path.stem for path in (ROOT / "dashboard").glob("*.py")} & others


def test_the_web_process_needs_no_torch_and_no_statsmodels():
    """All that the server and its pages import, in a new process.  A browser test asks the really running server, too."""
    names = ["dashboard.app", *(module for module in MODULES if within(module, "dashboard.views") or within(module, "dashboard.charts"))]
    absent = "{'torch', 'statsmodels', 'scipy'}"
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\nassert not {absent} & sys.modules.keys()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_core_says_what_is_public():
    assert len(set(core.__all__)) == len(core.__all__)
    for name in core.__all__:
        assert getattr(core, name) is not None
    submodules = {info.name for info in pkgutil.iter_modules(core.__path__)}
    assert {name for name in dir(core) if not name.startswith("_")} - submodules - {"annotations"} == set(core.__all__) - submodules
    with pytest.raises(AttributeError):
        core.no_such_name  # noqa: B018


def test_core_is_light_until_the_engine_is_named():
    light = "experiment trace recording trial catalogue limits series scores scoreboard error_by_k forecast baselines baselines.comparison"
    modules = ", ".join(f"core.{name}" for name in light.split())
    code = f"import sys, core, {modules}; assert not {{'torch', 'statsmodels', 'scipy'}} & sys.modules.keys()"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_repository_holds_what_it_should():
    assert {path.parts[0] for path in tracked()} <= TOP


def test_nothing_is_fetched_from_elsewhere():
    for path in tracked():
        if path.suffix in (".py", ".js", ".css", ".html", ".toml", ".txt", ".md", ".yml", "") and path != Path(__file__).relative_to(ROOT):
            text = (ROOT / path).read_text(errors="replace")
            assert not (found := ELSEWHERE.search(text)), f"{path} names {found.group() if found else ''}"
            if path.suffix in (".js", ".css") and LIBRARIES not in path.parents:  # their comments name where they come from
                addresses = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
                assert not addresses, f"{path} names {addresses}"


def test_requirements_pin_what_the_project_declares():
    lines = [Requirement(line) for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line]
    pinned = {line.name.lower(): line for line in lines if line.marker is None or line.marker.evaluate()}
    needs = importlib.metadata.requires("bptt-explorer") or []
    declared = {re.split(r"[<>=;\[ ]", need)[0].lower() for need in needs if "extra ==" not in need}
    assert declared <= pinned.keys()
    for name, line in pinned.items():
        assert str(line.specifier) == f"=={importlib.metadata.version(name).partition('+')[0]}"
