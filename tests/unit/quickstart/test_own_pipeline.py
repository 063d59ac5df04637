from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from quickstart.own_pipeline import own_pipeline
from quickstart.processes import QuickstartError


def test_a_dag_file_of_three_lines_holds_the_settings_that_the_data_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;b;name\n1,5;2;x\n2,5;3;y\n")
    own = own_pipeline(tmp_path / "a.csv", {"scaling": "standardize"})
    assert own is not None
    text = own.dag_file("s3://bucket/my_data/")
    assert "airflow" in text.lower(), "else Airflow does not look into the file"
    imported, call = ast.parse(text).body
    assert ast.unparse(imported) == "from sagemaker_pca.dags import pca_pipeline"
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert ast.literal_eval(call.value.args[0]) == "my_data"
    assert ast.literal_eval(call.value.keywords[0].value) == {
        "raw_data_uri": "s3://bucket/my_data/",
        "endpoint_name": "my-data",
        "scaling": "standardize",
        "delimiter": ";",
        "decimal": ",",
        "feature_columns": ["a", "b"],
        "num_components": 2,
    }


@pytest.mark.parametrize(
    ("data", "settings", "said"),
    [
        (None, {"scaling": "none"}, "scaling goes with DATA, which is missing"),
        (Path("/nowhere.csv"), {}, "DATA=/nowhere.csv does not exist"),
        (Path("/nowhere.csv"), {"bucket": "b"}, "bucket is set by the quick start"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_starts(
    data: Path | None, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(QuickstartError, match=said):
        own_pipeline(data, settings)


def test_without_data_there_is_the_sample_alone() -> None:
    assert own_pipeline(None, {}) is None
