from __future__ import annotations

import pytest
from pydantic import BaseModel

from docs.generated_tables import DOCS, PARTS, SETTINGS, settings_table, with_tables


@pytest.mark.parametrize("page", PARTS)
def test_pages_show_settings_and_figures_as_code_and_results_have_them(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert text == with_tables(page, text), "run: python -m docs.generated_tables"


@pytest.mark.parametrize("model", SETTINGS.values(), ids=SETTINGS)
def test_every_setting_has_a_row_with_its_help(model: type[BaseModel]) -> None:
    table = settings_table(model)
    for name, field in model.model_fields.items():
        assert f"| `{name}` |" in table
        assert str(field.description).replace("|", "&#124;").replace("<", "&lt;") in table


def test_a_page_without_a_place_for_its_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"settings\.md has no line <!-- settings of pca_pipeline: begin"):
        with_tables("settings.md", "# no tables")
