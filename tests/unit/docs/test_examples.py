"""DAG files that pages show are DAG files."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from airflow.sdk import DAG

from tests.unit.docs.test_links import PAGES

EXAMPLES = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
    if "sagemaker_pca.dags" in code
]


def test_the_readme_has_one() -> None:
    assert any(str(example.id).startswith("README.md") for example in EXAMPLES)


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_is_read_by_airflow_and_makes_its_dags(code: str) -> None:
    assert "airflow" in code.lower(), "Airflow skips a file without both words"
    assert "dag" in code.lower()
    made: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DAG, "__enter__", entering(made, DAG.__enter__))
        exec(compile(code, "example.py", "exec"), {})  # noqa: S102
    assert made == re.findall(r'^(?:\w+ = )?\w+\("(\w+)"', code, re.MULTILINE)


def entering(made: list[str], enter: Callable[[DAG], DAG]) -> Callable[[DAG], DAG]:
    """What a `with` block of a DAG begins with, noting the DAG."""

    def noting(dag: DAG) -> DAG:
        made.append(dag.dag_id)
        return enter(dag)

    return noting
