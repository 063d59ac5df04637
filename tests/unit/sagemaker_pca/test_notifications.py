from __future__ import annotations

import logging

import pytest

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.notifications import VARIABLE, failure_notifier


def test_without_the_variable_nobody_is_notified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert failure_notifier() is None


def test_the_named_callable_is_the_notifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "logging.getLogger")
    assert failure_notifier() is logging.getLogger


@pytest.mark.parametrize("path", ["no.such.module", "logging.no_such_name", "logging.INFO", "logging"])
def test_a_name_that_leads_nowhere_is_refused_when_the_dag_is_read(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv(VARIABLE, path)
    with pytest.raises(SettingError, match=VARIABLE):
        failure_notifier()
