"""Settings from the environment."""

import pytest

from sagemaker_local.settings import Settings


def test_each_setting_has_a_variable_of_its_name() -> None:
    settings = Settings.from_environment(
        {"SAGEMAKER_LOCAL_JOB_STARTING_SECONDS": "1.5", "SAGEMAKER_LOCAL_PRIVATE_MOUNTS": "0", "OTHER": "x"}
    )
    assert settings == Settings(job_starting_seconds=1.5, private_mounts=False)


@pytest.mark.parametrize(
    ("variable", "text"),
    [("SAGEMAKER_LOCAL_MAX_CONCURRENT_JOBS", "many"), ("SAGEMAKER_LOCAL_PRIVATE_MOUNTS", "yes")],
)
def test_value_that_is_no_number_is_named(variable: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{variable}={text} is not a number"):
        Settings.from_environment({variable: text})
