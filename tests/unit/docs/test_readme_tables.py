from __future__ import annotations

import pytest
from pydantic import BaseModel

from docs.readme_tables import README, TABLES, settings_table, with_tables


def test_readme_shows_the_settings_as_the_code_has_them() -> None:
    readme = README.read_text(encoding="utf-8")
    assert readme == with_tables(readme), "run: python -m docs.readme_tables"


@pytest.mark.parametrize("model", TABLES.values(), ids=TABLES)
def test_every_setting_has_a_row_with_its_help(model: type[BaseModel]) -> None:
    table = settings_table(model)
    for name, field in model.model_fields.items():
        assert f"| `{name}` |" in table
        assert str(field.description).replace("|", "\\|") in table


def test_readme_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="settings of pca_pipeline: begin"):
        with_tables("# no tables")
