from __future__ import annotations

from docs.readme_tables import README, settings_table, with_tables
from sagemaker_pca.run_config import PcaRunConfig


def test_readme_shows_the_settings_as_the_code_has_them() -> None:
    readme = README.read_text(encoding="utf-8")
    assert readme == with_tables(readme), "run: python -m docs.readme_tables"


def test_every_setting_has_a_row_with_its_help() -> None:
    table = settings_table()
    for name, field in PcaRunConfig.model_fields.items():
        assert f"| `{name}` |" in table
        assert str(field.description) in table
