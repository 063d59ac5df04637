"""The processor of a task's log, which sees every event of the process."""

from __future__ import annotations

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.task_log import in_words


def test_an_event_of_values_alone_is_left_as_it_is() -> None:
    try:
        raise InputError("No data.")
    except InputError:
        assert in_words(None, "info", {"rows": 3}) == {"rows": 3}
