"""What a person is asked before a new model is deployed: the run's figures, beside those of the model in service."""

from __future__ import annotations

from typing import Any

from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.report.approval import approval_page
from sagemaker_pca.steps.pipeline_run import PipelineRun


def deployment_question(run: PipelineRun) -> dict[str, Any]:
    """The question as the approval operator takes it. A model that the gate refuses is never approved by silence."""
    config = run.plan.config
    card = ModelCard.read(run.hook.read_bytes(run.plan.files.model_card_uri), run.plan.files.model_card_uri)
    verb = "Deploy" if card.passed else "Deploy, against the quality gate,"
    return {
        "subject": f"{verb} the new model of {run.plan.dag_id} to endpoint {config.endpoint_name}?",
        "body": approval_page(card, run.plan.files.model_card_uri),
        "default": "Approve" if card.passed and config.approval_default == "approve" else "Reject",
        "hours": config.approval_hours,
    }
