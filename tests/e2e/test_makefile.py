from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "fresh clone"
    shutil.copytree(ROOT / "quickstart", folder / "quickstart", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copy(ROOT / "requirements.txt", folder)
    return folder


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # A make that runs these tests must not lend its own options to the one under test.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**inherited, **environment}, capture_output=True, text=True, check=False
    )


def test_make_alone_lists_every_target(clone: Path) -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    listed = [line.split()[1] for line in make(clone).stdout.splitlines()]
    assert listed == phony[1].split()


def test_a_missing_python_is_one_sentence(clone: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("make", "sh"):
        (programs / name).symlink_to(shutil.which(name) or name)
    for name in ("python3.11", "python3", "python"):
        (programs / name).write_text("#!/bin/sh\nexit 1\n")  # another version, or a version manager's stub
        (programs / name).chmod(0o755)
    setup = make(clone, "setup", PATH=str(programs))
    assert setup.returncode == 2
    assert setup.stderr.splitlines()[0] == (
        "Python 3.11 is missing: install it, or name it: make setup PYTHON=/path/to/python3.11"
    )


def test_stopping_needs_no_installation(clone: Path) -> None:
    stop = make(clone, "stop")
    assert (stop.returncode, stop.stdout, stop.stderr) == (0, "", "")
    assert not (clone / ".venv").exists()


def test_clean_removes_what_was_made_and_nothing_else(clone: Path) -> None:
    before = {path.relative_to(clone) for path in clone.rglob("*")}
    for made in (".venv/bin", ".local/demo", "quickstart/__pycache__", ".pytest_cache", ".ruff_cache"):
        (clone / made).mkdir(parents=True)
    assert make(clone, "clean").returncode == 0
    assert {path.relative_to(clone) for path in clone.rglob("*")} == before


def test_what_git_ignores_is_what_clean_removes() -> None:
    recipe = MAKEFILE[MAKEFILE.index("\nclean:") :]
    ignored = (ROOT / ".gitignore").read_text().split()
    kept = {".env", "*.egg-info/"}  # secrets that a database was made with; nothing here makes an egg
    for pattern in set(ignored) - kept:
        assert pattern.rstrip("/*") in recipe, pattern


def test_no_variable_is_one_that_terminals_export() -> None:
    assert not {"COLUMNS", "LINES", "PATH", "HOME"} & set(re.findall(r"^(\w+) *[:?]?=", MAKEFILE, re.MULTILINE))
