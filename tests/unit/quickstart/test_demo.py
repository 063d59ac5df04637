from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from quickstart.__main__ import chosen_settings, command_line, main
from quickstart.checked_settings import checked_config, refuse_own, with_components
from quickstart.demo import has_browser
from quickstart.processes import QuickstartError


def options(*arguments: str) -> argparse.Namespace:
    return command_line().parse_args(["demo", *arguments])


def test_nothing_chosen_leaves_every_setting_to_the_pipeline() -> None:
    empty = ("--features", "", "--components", "", "--delimiter", "", "--settings", "")
    assert chosen_settings(options(*empty)) == {}


def test_settings_come_by_name_and_as_json_and_the_name_has_the_last_word() -> None:
    named = (
        "--delimiter",
        r"\t",
        "--decimal",
        ",",
        "--scaling",
        "standardize",
        "--features",
        "a,b",
        "--components",
        "1",
    )
    assert chosen_settings(options(*named, "--settings", '{"scaling": "none", "force": true}')) == {
        "delimiter": "\t",
        "decimal": ",",
        "scaling": "standardize",
        "feature_columns": ["a", "b"],
        "num_components": 1,
        "force": True,
    }


@pytest.mark.parametrize(("columns", "components"), [(["a", "b"], 2), (list("abcde"), 3)])
def test_fewer_columns_than_default_components_lower_the_components(columns: list[str], components: int) -> None:
    assert with_components({"feature_columns": columns})["num_components"] == components
    assert with_components({"feature_columns": columns, "num_components": 1})["num_components"] == 1


def test_choices_that_contradict_each_other_are_refused_in_the_pipelines_words() -> None:
    with pytest.raises(QuickstartError, match=r"num_components=3 exceeds the 2 feature columns\. Lower"):
        checked_config({"feature_columns": ["a", "b"], "num_components": 3})


@pytest.mark.parametrize("name", ["bucket", "raw_data_uri"])
def test_where_the_raw_data_lies_is_the_quick_starts_own_affair(name: str) -> None:
    with pytest.raises(QuickstartError, match=f"{name} is set by the quick start"):
        refuse_own({name: "elsewhere"})


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²", "99999"])
def test_components_that_are_no_sensible_number_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--components", text]) == 1
    assert capsys.readouterr().err == f"COMPONENTS={text} is no whole number from 1 to 10000.\n"


def test_a_missing_file_is_one_sentence_and_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--data", str(tmp_path / "my data.csv")]) == 1
    assert capsys.readouterr().err.startswith(f"DATA={tmp_path / 'my data.csv'} does not exist.")


def test_a_page_is_opened_only_where_a_window_can_be() -> None:
    assert not has_browser({"TERM": "xterm"}, "linux")
    assert not has_browser({"DISPLAY": ""}, "linux")
    assert has_browser({"DISPLAY": ":0"}, "linux")
    assert has_browser({"BROWSER": "firefox"}, "linux")
    assert has_browser({}, "darwin")
