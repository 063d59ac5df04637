from __future__ import annotations

from pathlib import Path

import pytest

from quickstart.__main__ import main
from quickstart.demo import DemoOptions, checked_config
from quickstart.processes import QuickstartError


def test_nothing_chosen_leaves_columns_and_components_to_the_pipeline() -> None:
    assert set(DemoOptions().run_params()) == {"poll_seconds"}


def test_fewer_columns_than_default_components_lower_the_components() -> None:
    assert DemoOptions(feature_columns=("a", "b")).run_params()["num_components"] == 2


def test_chosen_columns_and_components_become_params() -> None:
    params = DemoOptions(feature_columns=("a", "b", "c", "d"), num_components=1).run_params()
    assert (params["feature_columns"], params["num_components"]) == (["a", "b", "c", "d"], 1)


def test_choices_that_contradict_each_other_are_refused_in_the_pipelines_words() -> None:
    with pytest.raises(QuickstartError, match=r"num_components=3 exceeds the 2 feature columns\. Lower"):
        checked_config(DemoOptions(feature_columns=("a", "b"), num_components=3).run_params())


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²", "99999"])
def test_components_that_are_no_sensible_number_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--components", text]) == 1
    assert capsys.readouterr().err == f"COMPONENTS={text} is no whole number from 1 to 10000.\n"


def test_a_missing_file_is_one_sentence_and_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--data", str(tmp_path / "my data.csv")]) == 1
    assert capsys.readouterr().err.startswith(f"DATA={tmp_path / 'my data.csv'} does not exist.")
