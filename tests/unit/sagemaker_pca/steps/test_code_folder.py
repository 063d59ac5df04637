from __future__ import annotations

from pathlib import Path

import pytest

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.steps.stage_inputs import code_files, code_folder


def test_code_is_found_in_the_package_first_and_beside_the_plugins_folder_else(tmp_path: Path) -> None:
    installed, beside = tmp_path / "sagemaker_pca" / "processing", tmp_path / "processing"
    beside.mkdir()
    assert code_folder((installed, beside)) == beside
    installed.mkdir(parents=True)
    assert code_folder((installed, beside)) == installed


def test_code_that_is_nowhere_is_named_with_both_places(tmp_path: Path) -> None:
    places = (tmp_path / "one", tmp_path / "two")
    with pytest.raises(InputError, match=r"neither at .*one nor at .*two\. Copy processing/"):
        code_folder(places)


def test_names_of_code_begin_with_its_folder() -> None:
    assert "processing/__main__.py" in code_files()
