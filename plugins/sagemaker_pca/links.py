"""Buttons of a task in Airflow's interface: the resource it started or waits for, and that resource's log."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperatorLink

from sagemaker_pca.resource_kinds import ResourceKind

Target = tuple[ResourceKind, str]


class SageMakerResourceLink(BaseOperatorLink):
    """The resource in the console.

    Airflow asks when the task has run, with its templates rendered; operators answer by `link_target`.
    """

    name = "SageMaker"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Address of the resource, empty when the task did not get as far as having one."""
        target: Target | None = operator.link_target
        return "" if target is None else operator.pca_hook.console.resource_url(*target)


class SageMakerLogLink(BaseOperatorLink):
    """The log of the resource's containers."""

    name = "Container logs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Address of the log, empty when the task did not get as far as having one."""
        target: Target | None = operator.link_target
        return "" if target is None else operator.pca_hook.console.log_url(*target)
