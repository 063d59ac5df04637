"""Buttons of a task in Airflow's interface: its resource, that resource's log, and the run's report."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from sagemaker_pca.resource_kinds import ResourceKind

Target = tuple[ResourceKind, str]

PAGES_PREFIX = "sagemaker-pca"
"""Where the pages are, below Airflow's own address."""

REPORT_TAB = "pca_report"
"""Where Airflow shows a run's report, below the run's own address."""


class SageMakerResourceLink(BaseOperatorLink):
    """The resource in the console.

    Airflow asks when the task has run, with its templates rendered; operators answer by `link_target`.
    """

    name = "SageMaker"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Address of the resource, empty when the task did not get as far as having one."""
        target = _named_target(operator)
        return "" if target is None else operator.pca_hook.console.resource_url(*target)


class SageMakerLogLink(BaseOperatorLink):
    """The log of the resource's containers."""

    name = "Container logs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Address of the log, empty when the task did not get as far as having one."""
        target = _named_target(operator)
        return "" if target is None else operator.pca_hook.console.log_url(*target)


class RunReportLink(BaseOperatorLink):
    """The run's report, inside Airflow."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Address of the run's tab, below Airflow's own address, wherever that is."""
        return f"dags/{quote(ti_key.dag_id)}/runs/{quote(ti_key.run_id)}/plugin/{REPORT_TAB}"


class EndpointLink(BaseOperatorLink):
    """The endpoint on the page of endpoints: what it serves and costs, and its answer to a row."""

    name = "Endpoint"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Address of its part of the page, empty when the task did not get as far as having an endpoint."""
        target = _named_target(operator)
        return "" if target is None else f"{PAGES_PREFIX}/endpoints#{quote(target[1])}"


def _named_target(operator: Any) -> Target | None:
    """What a task's buttons lead to; None of a run that never planned it, and where its templates failed."""
    target: Target | None = operator.link_target
    return target if target is not None and isinstance(target[1], str) else None
