"""An expected error in a task's log: its sentence, its hint and its link, a line each, in place of a traceback.

Airflow logs whatever leaves a task by `log.exception`: what the error says is then the headline of a traceback, and cut
off at the edge of the page. An error that is none of this package's keeps it.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

from sagemaker_pca.exceptions import SageMakerPcaError

TASK_FAILED = "Task failed with exception"
# What an error in a templated field is logged by before it leaves the task.
TEMPLATES_LOGGER = "airflow.sdk.definitions._internal.templater"


def write_expected_errors_in_words() -> None:
    """Make it so in this process, from now on."""
    processors = structlog.get_config()["processors"]
    if in_words not in processors:
        # In place, since loggers keep the list that they began with.
        processors.insert(0, in_words)
    logging.getLogger(TEMPLATES_LOGGER).addFilter(is_unexpected)


def in_words(logger: Any, method_name: str, event: EventDict) -> EventDict:
    """An event of the log, that of a task that failed as expected in the error's own words."""
    error = sys.exc_info()[1]
    if event.get("event") == TASK_FAILED and isinstance(error, SageMakerPcaError):
        event.pop("exc_info", None)
        event["event"] = error.failure.text("\n")
    return event


def is_unexpected(record: logging.LogRecord) -> bool:
    """Whether a record is of an error that will not be told in its own words."""
    return not (record.exc_info and isinstance(record.exc_info[1], SageMakerPcaError))
