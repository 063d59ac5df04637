"""Operator that asks a person before anything is deleted."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.operators.endpoints import PLAN_KEY
from sagemaker_pca.plurals import counted


class SageMakerDeletionApprovalOperator(ApprovalOperator):
    """Wait for a person to approve a deletion, where ``require_approval`` says so; else skipped.

    Rejected, the tasks directly downstream are skipped, so these should need ``none_failed`` upstream, no more.

    :param plan_task_id: the :class:`~sagemaker_pca.operators.endpoints.SageMakerSweepOperator` that made the plan
    """

    def __init__(self, *, plan_task_id: str, **kwargs: Any) -> None:
        super().__init__(subject="Delete SageMaker resources?", **kwargs)
        self.plan_task_id = plan_task_id

    def execute(self, context: Context) -> Any:
        """Show the plan and wait for an answer."""
        from sagemaker_pca.endpoints.deletion_plan import DeletionPlan
        from sagemaker_pca.endpoints.table import approval_page

        document = context["ti"].xcom_pull(task_ids=self.plan_task_id, key=PLAN_KEY)
        plan = DeletionPlan.model_validate(document) if document else None
        if plan is None or plan.command.dry_run or not plan.command.require_approval or not plan.going:
            raise AirflowSkipException("Nobody has to be asked.")
        self.subject = f"Delete {counted(len(plan.going), 'SageMaker resource')}?"
        self.body = approval_page(plan)
        return super().execute(context)
