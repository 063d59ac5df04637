"""What the AWS CLI does with endpoints, safely: list, describe, delete, and sweep what is idle, expired or orphaned."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Context, Param, TriggerRule, chain, get_current_context, task

from sagemaker_pca.operators.approval import SageMakerDeletionApprovalOperator
from sagemaker_pca.operators.endpoints import SageMakerDeleteChainOperator, SageMakerEndpointCommandOperator
from sagemaker_pca.retry_policy import SageMakerRetryPolicy
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from sagemaker_pca.settings.layers import form_fields
from sagemaker_pca.task_states import record_failure
from sagemaker_pca.variables import AWS_CONN_ID

# Cron expression or preset; unset: only when triggered. A scheduled run takes its command from the Variable.
SCHEDULE = os.environ.get("SAGEMAKER_ENDPOINTS_SCHEDULE") or None


def settings_of_run(context: Context, jinja_env: Any) -> dict[str, Any]:
    """The run's params as they are, numbers and lists included."""
    return dict(context["params"])


@task(trigger_rule=TriggerRule.ALL_DONE, show_return_value_in_logs=False)
def report() -> Any:
    """Say what was done, keep the report of a deletion, and fail the run if any deletion failed."""
    from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
    from sagemaker_pca.steps.report_command import report_command

    return report_command(get_current_context(), SageMakerInventoryHook(aws_conn_id=AWS_CONN_ID))


with DAG(
    dag_id="sagemaker_endpoints",
    schedule=SCHEDULE,
    catchup=False,
    default_args={
        "retries": 3,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "retry_policy": SageMakerRetryPolicy(),
        "on_failure_callback": record_failure,
    },
    tags=["sagemaker", "endpoints"],
    doc_md=__doc__,
) as dag:
    plan = SageMakerEndpointCommandOperator(task_id="plan", settings=settings_of_run, aws_conn_id=AWS_CONN_ID)
    approve = SageMakerDeletionApprovalOperator(task_id="approve", plan_task_id="plan")
    delete = SageMakerDeleteChainOperator.partial(
        task_id="delete",
        aws_conn_id=AWS_CONN_ID,
        # Nobody had to be asked is as good as an approval.
        trigger_rule=TriggerRule.NONE_FAILED,
        map_index_template="{{ task.chain['deletions'][0]['name'] }}",
    ).expand(chain=plan.output)
    chain(plan, approve, delete, report())

# Added last: every task made before would carry a copy of all of them.
dag.params.update({name: Param(**field, source="dag") for name, field in form_fields(EndpointCommand).items()})
