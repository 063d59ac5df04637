"""Whose an endpoint, configuration or model is, as its tags say. Pure.

Two Airflows may share an account: `managed-by` is the same for both, `deployment-id` tells them apart, and `dag-id` the
pipelines of one Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker_pca.exceptions import DeploymentError
from sagemaker_pca.run.plan import DEPLOYMENT_TAG, MANAGED_BY, MANAGED_BY_TAG, PIPELINE_TAG


def is_managed(tags: Mapping[str, str]) -> bool:
    """Whether the pipeline of some Airflow made it."""
    return tags.get(MANAGED_BY_TAG) == MANAGED_BY


def is_another_deployments(tags: Mapping[str, str], deployment_id: str | None) -> bool:
    """Whether the pipeline of another Airflow made it."""
    return is_managed(tags) and tags.get(DEPLOYMENT_TAG, deployment_id) != deployment_id


def why_not_own(tags: Mapping[str, str], deployment_id: str | None) -> str | None:
    """Why it is not this deployment's; None where it is."""
    if not is_managed(tags):
        return f"not tagged {MANAGED_BY_TAG}={MANAGED_BY}"
    if is_another_deployments(tags, deployment_id):
        return f"tagged {DEPLOYMENT_TAG}={tags[DEPLOYMENT_TAG]}, and this deployment is {deployment_id or 'without id'}"
    return None if DEPLOYMENT_TAG in tags else f"not tagged {DEPLOYMENT_TAG}={deployment_id or '…'}"


def why_not_pipelines(tags: Mapping[str, str], deployment_id: str | None, pipeline: str | None) -> str | None:
    """Why it is not this pipeline's; None where it is.

    :param pipeline: value of its tag `dag-id`; None for DAGs that tag nothing so, to which all of the deployment is own
    """
    reason = why_not_own(tags, deployment_id)
    if reason is not None:
        return f"somebody else's: it is {reason}"
    other = tags.get(PIPELINE_TAG, pipeline)
    return None if pipeline in {None, other} else f"the pipeline {other}'s of this Airflow, and this is {pipeline}"


def check_own(endpoint_name: str, tags: Mapping[str, str], deployment_id: str | None, pipeline: str | None) -> None:
    """Refuse an endpoint that is not this pipeline's.

    Raises:
        DeploymentError: naming the tags that say whose it is.
    """
    reason = why_not_pipelines(tags, deployment_id, pipeline)
    if reason is None:
        return
    owner = f" Its tag owner is {tags['owner']}." if "owner" in tags else ""
    raise DeploymentError(
        f"endpoint {endpoint_name} is {reason}.{owner}",
        hint="Give endpoint_name another name, or set take_over_endpoint to deploy to it and own it from then on.",
    )
