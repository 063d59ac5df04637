"""Operator that asks a person before a new model is deployed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context

from sagemaker_pca.exceptions import GateRefusedError
from sagemaker_pca.run.tasks import DECISION_KEY

APPROVE, REJECT = "Approve", "Reject"


class SageMakerDeploymentApprovalOperator(HITLOperator):
    """Wait for a person to approve a new model; succeeds at once where there is nothing to ask.

    :param question: ``{"subject", "body", "default", "hours"}``, or None: what is asked, in Markdown, and which option,
        Approve or Reject, is taken after so many hours without an answer (templated)
    :return: ``{"approved", "by"}``; by is None where nobody was asked, or nobody answered
    """

    template_fields: Sequence[str] = ("question",)

    def __init__(self, *, question: Any, **kwargs: Any) -> None:
        super().__init__(subject="Deploy the new model?", options=[APPROVE, REJECT], defaults=REJECT, **kwargs)
        self.question = question

    def execute(self, context: Context) -> Any:
        """Ask, and wait for an answer."""
        if self.question is None:
            return {"approved": True, "by": None}
        self.subject, self.body = self.question["subject"], self.question["body"]
        self.defaults = [self.question["default"]]
        self.response_timeout = timedelta(hours=float(self.question["hours"]))
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on, or end the run.

        Raises:
            GateRefusedError: when the model was rejected, naming who did.
        """
        answer = super().execute_complete(context, event)
        user = answer["responded_by_user"] or {}
        decision = {"approved": answer["chosen_options"] == [APPROVE], "by": user.get("name") or user.get("id")}
        who = decision["by"] or f"Nobody answered within {self.question['hours']:g} hours, which"
        if decision["approved"]:
            self.log.info("%s approved the model.", who)
            return decision
        context["ti"].xcom_push(key=DECISION_KEY, value=decision)
        raise GateRefusedError(
            f"{who} rejected the model.",
            hint="Repair the data or change the settings; to ask again about this model, clear this task.",
        )
