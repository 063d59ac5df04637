"""The user's own notifier, called once for every failed run."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable
from typing import Any

from sagemaker_pca.exceptions import SettingError

VARIABLE = "SAGEMAKER_PCA_ON_FAILURE"


def failure_notifier() -> Callable[[Any], Any] | None:
    """The `on_failure_callback` that the environment variable names as `package.module.callable`, if any.

    Airflow calls it with the failed run's context; a notifier of any provider, made where it is named, serves too.

    Raises:
        SettingError: when there is no such callable. The DAG file then shows as an import error, not a silent run.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    try:
        notifier = pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingError(f"{VARIABLE}={path} cannot be imported: {error}. Name a callable as module.name.") from error
    if not callable(notifier):
        raise SettingError(f"{VARIABLE}={path} is a {type(notifier).__name__}. Name something callable.")
    called: Callable[[Any], Any] = notifier
    return called
