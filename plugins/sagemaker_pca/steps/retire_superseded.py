"""Remove configurations and models that verified deployments have left behind, but for the last few."""

from __future__ import annotations

from sagemaker_pca.deployment_history import DeploymentHistory, PastDeployment
from sagemaker_pca.pipeline_run import PipelineRun


def retire_superseded(run: PipelineRun, newest: PastDeployment, *, verified: bool) -> None:
    """Remember a deployment; after a verified one, delete what it superseded beyond `keep_superseded`.

    Nothing is deleted that an endpoint serves: AWS itself would not refuse. The caller holds the endpoint's lease, so
    no two runs change the history at once.
    """
    uri = run.plan.files.history_uri
    history = DeploymentHistory.model_validate(run.hook.find_json(uri) or {}).with_newest(newest)
    if verified:
        superseded = history.superseded(run.plan.config.keep_superseded)
        serving = run.hook.endpoint_configs_in_use() if superseded else frozenset()
        gone = tuple(past for past in superseded if past.endpoint_config_name not in serving)
        for past in gone:
            run.hook.log.info("Deleting superseded configuration and model %s", past.endpoint_config_name)
            run.hook.delete_if_there("endpoint_config", EndpointConfigName=past.endpoint_config_name)
            run.hook.delete_if_there("model", ModelName=past.model_name)
        history = history.without(gone)
    run.hook.write_json(uri, history.model_dump())
