"""The site that `make docs` builds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)


def test_site_is_built_without_a_warning_and_has_the_reference(tmp_path: Path) -> None:
    built = build(ROOT, tmp_path / "site")
    assert built.returncode == 0, built.stdout + built.stderr
    reference = (tmp_path / "site" / "api.html").read_text(encoding="utf-8")
    for name in ("dags.pca_pipeline.pca_pipeline", "sagemaker_pca.operators.deploy.SageMakerDeployEndpointOperator"):
        assert f'id="{name}"' in reference
    assert ":param" not in reference


def test_a_dead_link_fails_the_build(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "docs", copy / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mkdocs.yml", *(page.name for page in ROOT.glob("*.md"))):
        shutil.copy(ROOT / name, copy)
    for name in ("dags", "plugins"):
        (copy / name).symlink_to(ROOT / name)
    (copy / "docs" / "retraining.md").write_text("[gone](gone.md)\n", encoding="utf-8")
    built = build(copy, tmp_path / "site")
    assert built.returncode != 0
    assert "'gone.md'" in built.stdout + built.stderr
