from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import Param

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.settings.endpoint_command import EndpointCommand, matches, resolve_command
from sagemaker_pca.settings.form import form_fields
from sagemaker_pca.settings.layers import deployment_names

FIELDS = form_fields(EndpointCommand, dict.fromkeys(deployment_names(EndpointCommand)))


def refusal(**params: Any) -> str:
    with pytest.raises(SettingError) as error:
        resolve_command(params, {})
    return str(error.value)


def test_nothing_is_deleted_unless_somebody_says_so() -> None:
    command = EndpointCommand()
    assert command.command == "list-endpoints"
    assert command.dry_run
    assert command.managed_only
    assert not command.require_approval


@pytest.mark.parametrize("command", ["describe-endpoint", "delete-endpoint", "delete-endpoint-config", "delete-model"])
def test_commands_on_one_resource_need_its_name(command: str) -> None:
    assert refusal(command=command) == f"command={command} needs name. Set name to the one to act on."
    assert resolve_command({"command": command, "name": "a"}, {}).config.name == "a"


@pytest.mark.parametrize("command", ["sweep", "list-models"])
def test_commands_on_many_resources_take_no_name(command: str) -> None:
    assert refusal(command=command, name="a") == (
        f"name=a has no meaning for command={command}. Use include, or no name."
    )


@pytest.mark.parametrize("condition", [{"idle_days": 7}, {"statuses": ["InService"]}])
def test_conditions_that_nothing_can_meet_together_are_refused(condition: dict[str, Any]) -> None:
    assert "nothing meets both" in refusal(command="sweep", orphaned=True, **condition)


def test_a_wrong_regular_expression_is_refused_with_its_fault() -> None:
    assert refusal(include=["re:("]).startswith("re:( is no regular expression: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("command", "delete-everything"),
        ("name", "-a"),
        ("statuses", ["Broken"]),
        ("idle_days", 0),
        ("idle_days", 456),
        ("max_delete", 1001),
        ("max_delete_percent", 0),
        ("hourly_prices", {"ml.m5.large": -1}),
        ("bucket", "Upper"),
    ],
)
def test_values_out_of_range_are_refused_by_name(name: str, value: Any) -> None:
    assert refusal(**{name: value}).startswith(f"{name}=")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({}, False),
        ({"exclude": ["a"]}, False),
        ({"no_data_is_idle": True}, False),
        ({"include": ["a"]}, True),
        ({"min_age_days": 0}, True),
        ({"tags": {"owner": "*"}}, True),
        ({"expired": True}, True),
        ({"idle_days": 1}, True),
        ({"orphaned": True}, True),
    ],
)
def test_only_what_selects_is_a_condition(condition: dict[str, Any], holds: bool) -> None:
    assert EndpointCommand.model_validate({"command": "sweep", **condition}).has_condition is holds


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("pca-1", "pca-*", True),
        ("my-pca-1", "pca-*", False),
        ("pca-1", "PCA-*", False),
        ("pca-1", "re:pca-[0-9]", True),
        ("pca-12", "re:pca-[0-9]", False),
        ("pca-12", "re:.*", True),
    ],
)
def test_patterns_are_for_whole_names(text: str, pattern: str, expected: bool) -> None:
    assert matches(text, pattern) is expected


def test_a_sweep_takes_caps_and_prices_from_the_deployment() -> None:
    config, origins = resolve_command({"idle_days": 3, "dry_run": False}, {}, {"max_delete": 5, "poll_seconds": 1})
    assert (config.idle_days, config.max_delete, config.dry_run) == (3, 5, False)
    assert (origins["max_delete"], origins["dry_run"], origins["name"]) == ("deployment", "run", "built-in")


def test_the_form_takes_what_the_command_takes() -> None:
    good = {
        "command": "sweep",
        "include": ["a*"],
        "statuses": ["Failed"],
        "tags": {"owner": "me"},
        "hourly_prices": {"ml.m5.large": 0.1},
        "min_age_days": 1.5,
    }
    for name, value in good.items():
        assert Param(**FIELDS[name]).resolve(value) == value
    assert resolve_command(good, {}).config.tags == {"owner": "me"}


def test_the_command_survives_xcom() -> None:
    command = resolve_command({"command": "sweep", "include": ["a"], "tags": {"k": "v"}, "idle_days": 3}, {}).config
    assert EndpointCommand.model_validate_json(command.model_dump_json()) == command
