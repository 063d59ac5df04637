from typing import Any

import pytest

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.settings.transform import TransformConfig, resolve


@pytest.mark.parametrize("output", ["scored-csv", "scored-parquet"])
def test_scored_rows_have_settings_of_their_own(output: str) -> None:
    given = {"output": output, "id_columns": [" patient "], "window_rows": 5000, "max_exceedance": 0.05}
    config = resolve(given, {}).config
    assert config.is_scored
    assert config.id_columns == ("patient",)


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"id_columns": ["patient"]}, "id_columns=['patient']"),
        ({"window_rows": 5000}, "window_rows=5000"),
        ({"max_exceedance": 0.0}, "max_exceedance=0.0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_only_scored_rows_have_is_refused_beside_projections(settings: dict[str, Any], shown: str) -> None:
    with pytest.raises(SettingError) as error:
        resolve(settings, {})
    assert str(error.value) == (
        f"{shown} is of scored rows, and output=projections writes none. Set output to scored-csv or scored-parquet."
    )


@pytest.mark.parametrize("window_rows", [1, 999])
def test_windows_of_few_rows_are_refused(window_rows: int) -> None:
    with pytest.raises(SettingError, match=f"window_rows={window_rows} makes .* Set 1000 or more, or 0"):
        resolve({"output": "scored-csv", "window_rows": window_rows}, {})
    assert resolve({"output": "scored-csv", "window_rows": 1_000}, {}).config.window_rows == 1_000


def test_projections_are_what_is_written_unless_asked_for_more() -> None:
    assert not TransformConfig().is_scored
