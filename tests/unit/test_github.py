"""The files that GitHub reads: well formed, pinned, and calling what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
)
def test_files_are_what_github_allows(schema: str, paths: list[Path]) -> None:
    assert paths
    check = CliRunner().invoke(check_jsonschema, ["--builtin-schema", schema, *map(str, paths)])
    assert check.exit_code == 0, check.output


def test_actions_are_pinned_to_a_commit_with_its_version_beside_it_and_each_to_one() -> None:
    used = [use for path in WORKFLOWS for use in re.findall(r"uses: (.+)$", path.read_text(), re.MULTILINE)]
    assert used
    assert [use for use in used if not PINNED.fullmatch(use)] == []
    assert len({use.partition("@")[0] for use in used}) == len(set(used)), "one action, one version"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_call_what_is_there(path: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    text = path.read_text()
    assert set(re.findall(r"(?:run: |^ +)make ([a-z-]+)", text, re.MULTILINE)) <= {*targets}
    assert [name for name in re.findall(r"\btests/\S+", text) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_no_more_but_for_the_job_that_publishes(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    granted = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
    assert granted in ({}, {"publish": {"id-token": "write"}})
