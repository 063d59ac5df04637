"""Operators that list, describe and delete endpoints, configurations and models: safe by default, sweeps included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from sagemaker_pca import run_config
from sagemaker_pca.deployment_defaults import deployment_defaults
from sagemaker_pca.estate_hook import SageMakerEstateHook
from sagemaker_pca.exceptions import DeletionRefusedError, InputError
from sagemaker_pca.job_status import ENDPOINT, ENDPOINT_CONFIG, MODEL, ResourceKind
from sagemaker_pca.sweep import command_config
from sagemaker_pca.sweep.command_config import (
    LISTED_KINDS,
    Command,
    EndpointCommand,
    deployment_settings,
    resolve_command,
)

# The rules and tables are imported when a task runs: with them, parsing a DAG file takes half as long again.
if TYPE_CHECKING:
    from sagemaker_pca.sweep.chains import Chain
    from sagemaker_pca.sweep.deletion import Outcome
    from sagemaker_pca.sweep.deletion_plan import DeletionPlan

PLAN_KEY = "plan"
RESULT_KEY = "result"
OUTCOMES_KEY = "outcomes"

Settings = Mapping[str, Any] | Callable[..., Mapping[str, Any]]
"""Settings by name, or a callable that makes them from the task's context when the task runs."""


class SageMakerEstateOperator(AwsBaseOperator[SageMakerEstateHook]):
    """What the operators here share: settings, the hook, and the bucket of the pipeline's records.

    :param settings: settings by name, as the README's table of the endpoint commands has them (templated). Those of
        safety and deployment that are not given come from the Airflow Variable ``sagemaker_endpoints``
    """

    aws_hook_class = SageMakerEstateHook
    template_fields: Sequence[str] = aws_template_fields("settings")
    command: ClassVar[Command]

    def __init__(self, *, settings: Settings | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = cast("Mapping[str, Any]", settings or {})

    def resolved_command(self) -> EndpointCommand:
        """What the operator is to do, every setting included."""
        variable = deployment_settings(deployment_defaults(command_config.VARIABLE_NAME))
        return resolve_command({**self.settings, "command": self.command}, variable).config

    def bucket_of(self, command: EndpointCommand) -> str:
        """Where the pipeline keeps leases and deployment records."""
        pipeline_bucket = deployment_defaults(run_config.VARIABLE_NAME).get("bucket")
        return str(command.bucket or pipeline_bucket or self.hook.caller_identity().default_bucket)

    def list_resources(self, kind: ResourceKind, command: EndpointCommand) -> list[dict[str, Any]]:
        """List a kind of resource, as a table in the log and as JSON."""
        from sagemaker_pca.sweep.listing import list_matching, resource_document
        from sagemaker_pca.sweep.table import listing_table

        now = datetime.now(UTC)
        resources = list_matching(self.hook, kind, command, now)
        self.log.info("%d %ss\n%s", len(resources), kind.noun, listing_table(kind, resources, now))
        return [resource_document(resource, now) for resource in resources]

    def make_plan(self, command: EndpointCommand) -> DeletionPlan:
        """Plan a deletion and log it as a table."""
        from sagemaker_pca.sweep.deletion_plan import plan_deletion
        from sagemaker_pca.sweep.table import plan_table

        plan = plan_deletion(self.hook, command, self.bucket_of(command), datetime.now(UTC))
        self.log.info("%s\n%s", command.command, plan_table(plan))
        return plan

    def carry_out(self, chains: Iterable[Chain], context: Context) -> list[dict[str, Any]]:
        """Delete chains, log and push what became of each resource, then raise the first error, if there was one."""
        from sagemaker_pca.sweep.deletion import ChainDeletion
        from sagemaker_pca.sweep.table import outcome_table

        outcomes: list[Outcome] = []
        errors: list[Exception] = []
        for chain in chains:
            deletion = ChainDeletion(self.hook, chain)
            outcomes += deletion.run()
            errors += deletion.errors
        self.log.info("Outcomes\n%s", outcome_table(outcomes))
        documents = [outcome.model_dump() for outcome in outcomes]
        context["ti"].xcom_push(key=OUTCOMES_KEY, value=documents)
        if errors:
            raise errors[0]
        return documents


class SageMakerListOperator(SageMakerEstateOperator):
    """Lists one kind of resource; its subclasses say which."""

    kind: ClassVar[ResourceKind]

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """List what there is."""
        return self.list_resources(self.kind, self.resolved_command())


class SageMakerListEndpointsOperator(SageMakerListOperator):
    """List endpoints: a table in the task log, and JSON as the task's result.

    :param settings: ``include``, ``exclude``, ``statuses`` and ``min_age_days`` narrow the list down (templated)
    :return: ``[{"name", "status", "arn", "created_at", "hours_alive"}, …]``, oldest first
    """

    command = "list-endpoints"
    kind = ENDPOINT


class SageMakerListEndpointConfigsOperator(SageMakerListOperator):
    """List endpoint configurations; parameters and result as of :class:`SageMakerListEndpointsOperator`."""

    command = "list-endpoint-configs"
    kind = ENDPOINT_CONFIG


class SageMakerListModelsOperator(SageMakerListOperator):
    """List models; parameters and result as of :class:`SageMakerListEndpointsOperator`."""

    command = "list-models"
    kind = MODEL


class SageMakerDeleteOperator(SageMakerEstateOperator):
    """Deletes one resource by name; its subclasses say of which kind.

    What is protected, in use, a roll-back target or under a deployment lease is not deleted: the task fails and says
    why. Gone already is fine.

    :param resource_name: name of the resource (templated)
    :param settings: further settings, ``{"managed_only": False}`` for what the pipeline has not made (templated)
    :return: ``[{"kind", "name", "outcome", "reason"}, …]``
    """

    template_fields: Sequence[str] = aws_template_fields("resource_name", "settings")

    def __init__(self, *, resource_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.resource_name = resource_name

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Plan, and delete unless the plan is refused."""
        self.settings = {**self.settings, "name": self.resource_name, "dry_run": False}
        plan = self.make_plan(self.resolved_command())
        refuse(plan)
        outcomes = self.carry_out(plan.chains, context)
        kept = [item["reason"] for item in outcomes if item["name"] == self.resource_name and item["outcome"] == "kept"]
        if kept:
            raise DeletionRefusedError(f"{self.command} {self.resource_name}: {kept[0]}.")
        return outcomes


class SageMakerDeleteEndpointOperator(SageMakerDeleteOperator):
    """Delete an endpoint and wait until it is gone; parameters as of :class:`SageMakerDeleteOperator`.

    With ``settings={"with_dependents": True}`` its configuration and models go along unless something else uses them.
    """

    command = "delete-endpoint"


class SageMakerDeleteEndpointConfigOperator(SageMakerDeleteOperator):
    """Delete an endpoint configuration that nothing uses; parameters as of :class:`SageMakerDeleteOperator`."""

    command = "delete-endpoint-config"


class SageMakerDeleteModelOperator(SageMakerDeleteOperator):
    """Delete a model that nothing uses; parameters as of :class:`SageMakerDeleteOperator`."""

    command = "delete-model"


class SageMakerSweepOperator(SageMakerEstateOperator):
    """Plan a sweep: a table in the task log, the whole plan in XCom under ``plan``, nothing deleted.

    The deletions are carried out by :class:`SageMakerDeleteChainOperator`, expanded over this task's result::

        sweep = SageMakerSweepOperator(task_id="sweep", settings={"expired": True, "dry_run": False})
        SageMakerDeleteChainOperator.partial(task_id="delete").expand(chain=sweep.output)

    :param settings: conditions, and what else differs from the deployment's settings (templated)
    :return: chains of deletions; none for a dry run, which is the default
    """

    command = "sweep"

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Plan."""
        return self.planned_chains(self.resolved_command(), context)

    def planned_chains(self, command: EndpointCommand, context: Context) -> list[dict[str, Any]]:
        """The chains to delete; the plan goes to XCom, that of a refused deletion too."""
        plan = self.make_plan(command)
        context["ti"].xcom_push(key=PLAN_KEY, value=plan.model_dump(mode="json", exclude={"chains"}))
        if command.dry_run:
            return []
        refuse(plan)
        return [chain.model_dump(mode="json") for chain in plan.chains]


class SageMakerEndpointCommandOperator(SageMakerSweepOperator):
    """Carry out a command of `sagemaker_endpoints`: list, describe, or plan a deletion.

    All settings, ``command`` among them, come from ``settings`` and below that from the Variable
    ``sagemaker_endpoints``. What was listed or described is in XCom under ``result``.

    :return: chains of deletions, none for lists, descriptions and dry runs
    """

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Do what the command says."""
        command = resolve_command(self.settings, deployment_defaults(command_config.VARIABLE_NAME)).config
        if command.is_deletion:
            return self.planned_chains(command, context)
        kind = LISTED_KINDS.get(command.command)
        result = self.described(command) if kind is None else self.list_resources(kind, command)
        context["ti"].xcom_push(key=RESULT_KEY, value=result)
        return []

    def described(self, command: EndpointCommand) -> dict[str, Any]:
        """Describe an endpoint, with its models, tags, age and cost.

        Raises:
            InputError: when there is no such endpoint.
        """
        from sagemaker_pca.sweep.listing import cost_document
        from sagemaker_pca.sweep.table import description_table

        now, name = datetime.now(UTC), str(command.name)
        description, resource = self.hook.find_endpoint(name), self.hook.find_resource(ENDPOINT, name)
        if description is None or resource is None:
            raise InputError(f"endpoint {name} does not exist. command=list-endpoints shows those that do.")
        document = description | cost_document(self.hook, resource, command.hourly_prices, now)
        self.log.info("%s\n%s", name, description_table(document))
        return document


class SageMakerDeleteChainOperator(SageMakerEstateOperator):
    """Delete what belongs together, in AWS's order, each state looked at again right before its call.

    A failure keeps what depends on it and nothing else. What became of each resource is in XCom under ``outcomes``,
    of a failed task too.

    :param chain: one of the chains that :class:`SageMakerSweepOperator` returns (templated)
    :return: ``[{"kind", "name", "outcome", "reason"}, …]``
    """

    template_fields: Sequence[str] = aws_template_fields("chain")

    def __init__(self, *, chain: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chain = chain

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Delete the chain."""
        from sagemaker_pca.sweep.chains import Chain

        return self.carry_out([Chain.model_validate(self.chain)], context)


def refuse(plan: DeletionPlan) -> None:
    """Raise DeletionRefusedError for a plan that must not be carried out, before anything is."""
    if plan.refusal is not None:
        raise DeletionRefusedError(plan.refusal)
