from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.notifications import DRIFT_VARIABLE, FAILURE_VARIABLE, drift_notifier, failure_notifier

NOTIFIERS = pytest.mark.parametrize(
    ("variable", "notifier"), [(FAILURE_VARIABLE, failure_notifier), (DRIFT_VARIABLE, drift_notifier)]
)


@NOTIFIERS
def test_without_the_variable_nobody_is_notified(
    monkeypatch: pytest.MonkeyPatch, variable: str, notifier: Callable[[], Any]
) -> None:
    monkeypatch.delenv(variable, raising=False)
    assert notifier() is None


@NOTIFIERS
def test_the_named_callable_is_the_notifier(
    monkeypatch: pytest.MonkeyPatch, variable: str, notifier: Callable[[], Any]
) -> None:
    monkeypatch.setenv(variable, "logging.getLogger")
    assert notifier() is logging.getLogger


@NOTIFIERS
@pytest.mark.parametrize("path", ["no.such.module", "logging.no_such_name", "logging.INFO", "logging"])
def test_a_name_that_leads_nowhere_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, notifier: Callable[[], Any], path: str
) -> None:
    monkeypatch.setenv(variable, path)
    with pytest.raises(SettingError, match=variable):
        notifier()
