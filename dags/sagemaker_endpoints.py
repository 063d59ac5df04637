"""What the AWS CLI does with endpoints, safely: list, describe, delete, sweep, and stop one for a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Context, TriggerRule, chain, get_current_context, task

from sagemaker_pca.dag_arguments import merged_arguments
from sagemaker_pca.operators.approval import SageMakerDeletionApprovalOperator
from sagemaker_pca.operators.endpoint_switch import SageMakerStartEndpointOperator, SageMakerStopEndpointOperator
from sagemaker_pca.operators.endpoints import SageMakerDeleteChainOperator, SageMakerEndpointCommandOperator
from sagemaker_pca.retry_policy import SageMakerRetryPolicy
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from sagemaker_pca.task_states import record_failure
from sagemaker_pca.trigger_form import add_form
from sagemaker_pca.variables import AWS_CONN_ID


def settings_of_run(context: Context, jinja_env: Any) -> dict[str, Any]:
    """The run's params as they are, numbers and lists included."""
    return dict(context["params"])


def planned(command: str) -> Callable[..., Any]:
    """What the plan leaves for a stop or start; None in a run of another command."""

    def read(context: Context, jinja_env: Any) -> Any:
        return context["ti"].xcom_pull(task_ids="plan", key=command)

    return read


@task(trigger_rule=TriggerRule.ALL_DONE, show_return_value_in_logs=False)
def report() -> Any:
    """Say what was done, keep the report of a deletion, and fail the run if anything failed."""
    from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
    from sagemaker_pca.steps.report_command import report_command

    return report_command(get_current_context(), SageMakerInventoryHook(aws_conn_id=AWS_CONN_ID))


def sagemaker_endpoints(
    dag_id: str, *, schedule: Any = None, settings: Mapping[str, Any] | None = None, **dag_arguments: Any
) -> DAG:
    """The commands on endpoints, configurations and models.

    :param dag_id: its name in Airflow
    :param schedule: when it runs by itself, as Airflow takes it; a scheduled run does what the settings say
    :param settings: where it differs from the built-in defaults and the deployment's settings; the form shows them
    :param dag_arguments: further arguments of the DAG
    Raises:
        SettingError: on a setting that is none or is out of range. The DAG file then shows as an import error.
    """
    with DAG(
        dag_id,
        schedule=schedule,
        **merged_arguments(
            dag_arguments,
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
        ),
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
        stop = SageMakerStopEndpointOperator(task_id="stop", switch=planned("stop-endpoint"), aws_conn_id=AWS_CONN_ID)
        start = SageMakerStartEndpointOperator(
            task_id="start", switch=planned("start-endpoint"), aws_conn_id=AWS_CONN_ID
        )
        told = report()
        chain(plan, approve, delete, told)
        chain(plan, [stop, start], told)

    add_form(dag, EndpointCommand, settings or {})
    return dag
