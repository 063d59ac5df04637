from __future__ import annotations

import json
import pkgutil
from pathlib import Path

import airflow
import jsonschema  # type: ignore[import-untyped]
import pytest

from sagemaker_pca.provider_info import get_provider_info


def test_airflow_accepts_what_the_package_says_of_itself() -> None:
    schema = Path(airflow.__path__[0]) / "provider_info.schema.json"
    jsonschema.validate(get_provider_info(), json.loads(schema.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", get_provider_info()["extra-links"])
def test_a_link_is_where_it_is_said_to_be(path: str) -> None:
    assert pkgutil.resolve_name(path).name
