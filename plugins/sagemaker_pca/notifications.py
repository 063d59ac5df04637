"""The user's own notifiers: of every failed run, and of drift."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable
from typing import Any

from sagemaker_pca.exceptions import SettingError

FAILURE_VARIABLE = "SAGEMAKER_PCA_ON_FAILURE"
DRIFT_VARIABLE = "SAGEMAKER_PCA_ON_DRIFT"
Notifier = Callable[[Any], Any]


def failure_notifier() -> Notifier | None:
    """The `on_failure_callback` of the DAGs, if any: Airflow calls it with the failed run's context.

    Raises:
        SettingError: as of `named_notifier`. The DAG file then shows as an import error, not a silent run.
    """
    return named_notifier(FAILURE_VARIABLE)


def drift_notifier() -> Notifier | None:
    """What is called with the context of the task that found drift, if anything; the run's note says it in words.

    Raises:
        SettingError: as of `named_notifier`.
    """
    return named_notifier(DRIFT_VARIABLE)


def named_notifier(variable: str) -> Notifier | None:
    """The callable that an environment variable names as `package.module.callable`, if any.

    A notifier of any provider, made where it is named, serves too.

    Raises:
        SettingError: when there is no such callable.
    """
    path = os.environ.get(variable)
    if not path:
        return None
    try:
        notifier = pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingError(f"{variable}={path} cannot be imported: {error}. Name a callable as module.name.") from error
    if not callable(notifier):
        raise SettingError(f"{variable}={path} is a {type(notifier).__name__}. Name something callable.")
    called: Notifier = notifier
    return called
