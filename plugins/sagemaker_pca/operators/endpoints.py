"""Operators that list, describe and delete endpoints, configurations and models: safe by default, sweeps included."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from sagemaker_pca.exceptions import DeletionRefusedError, InputError, SageMakerPcaError
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.resource_kinds import ENDPOINT, ResourceKind
from sagemaker_pca.settings.endpoint_command import LISTED_KINDS, STOPPED, EndpointCommand, resolve_command
from sagemaker_pca.variables import deployment_id, deployment_settings

# The rules and tables are imported when a task runs: with them, parsing a DAG file takes half as long again.
if TYPE_CHECKING:
    from sagemaker_pca.endpoints.deletion import ChainDeletion
    from sagemaker_pca.endpoints.inventory import Inventory, ListedResource

PLAN_KEY = "plan"
RESULT_KEY = "result"
OUTCOMES_KEY = "outcomes"

LONGEST_DELETION_SECONDS = 3600.0

Settings = Mapping[str, Any] | Callable[..., Mapping[str, Any]]
"""Settings by name, or a callable that makes them from the task's context when the task runs."""


class SageMakerSweepOperator(AwsBaseOperator[SageMakerInventoryHook]):
    """Plan a sweep: a table in the task log, the whole plan in XCom under ``plan``, nothing deleted.

    The deletions are carried out by :class:`SageMakerDeleteChainOperator`, expanded over this task's result::

        sweep = SageMakerSweepOperator(task_id="sweep", settings={"expired": True, "dry_run": False})
        SageMakerDeleteChainOperator.partial(task_id="delete").expand(chain=sweep.output)

    :param settings: conditions, and what else differs from the deployment's settings, by the names of docs/endpoints.md
        (templated). Those of the deployment that are not given come from the Airflow Variable ``sagemaker_pca``
    :return: chains of deletions; none for a dry run, which is the default
    """

    aws_hook_class = SageMakerInventoryHook
    template_fields: Sequence[str] = aws_template_fields("settings")

    def __init__(self, *, settings: Settings | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = cast("Mapping[str, Any]", settings or {})
        self._default_bucket: str | None = None

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Plan."""
        return self.planned_chains(self.resolved({**self.settings, "command": "sweep"}), context)

    @staticmethod
    def resolved(settings: Mapping[str, Any]) -> EndpointCommand:
        """The settings over those of the deployment."""
        return resolve_command(settings, {}, deployment_settings()).config

    def planned_chains(self, command: EndpointCommand, context: Context) -> list[dict[str, Any]]:
        """The chains to delete; the plan goes to XCom, that of a refused deletion too.

        Raises:
            DeletionRefusedError: when the plan must not be carried out, before anything is.
        """
        from sagemaker_pca.endpoints.deletion_plan import plan_deletion
        from sagemaker_pca.endpoints.table import plan_table

        plan = plan_deletion(
            self.inventory(command),
            command,
            datetime.now(UTC),
            bucket=self.bucket_of(command),
            deployment_id=deployment_id(),
        )
        self.log.info("%s: %s", command.command, plan_table(plan))
        context["ti"].xcom_push(key=PLAN_KEY, value=plan.model_dump(mode="json"))
        if command.dry_run:
            return []
        if plan.refusal is not None:
            raise DeletionRefusedError(plan.refusal.reason, hint=plan.refusal.hint)
        return [chain.model_dump(mode="json") for chain in plan.chains]

    def bucket_of(self, command: EndpointCommand) -> str:
        """Where the pipeline keeps leases and deployment records."""
        if self._default_bucket is None and command.bucket is None:
            self._default_bucket = self.hook.caller_identity().default_bucket
        return command.bucket or str(self._default_bucket)

    def inventory(self, command: EndpointCommand) -> Inventory:
        """What there is, stopped endpoints included."""
        from sagemaker_pca.hooks.stopped_endpoints import inventory_of

        return inventory_of(self.hook, self.bucket_of(command))


class SageMakerEndpointCommandOperator(SageMakerSweepOperator):
    """Carry out a command of `sagemaker_endpoints`: list, describe, or plan a deletion, by name or as a sweep.

    All settings, ``command`` among them, come from ``settings``, those of the deployment that are not given from the
    Variable ``sagemaker_pca``. What was listed or described is in the log and, as JSON, in XCom under ``result``. What
    is to be stopped or started is in XCom under the command's name, for the operators of `endpoint_switch`; in a dry
    run, what a stop or start would do is the result.

    :return: chains of deletions, none for lists, descriptions and dry runs
    """

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Do what the command says."""
        command = self.resolved(self.settings)
        if command.is_deletion:
            return self.planned_chains(command, context)
        if command.is_switch and not command.dry_run:
            switch = {"endpoint_name": command.name, "bucket": self.bucket_of(command)}
            context["ti"].xcom_push(key=command.command, value={**switch, "poll_seconds": command.poll_seconds})
            return []
        kind = LISTED_KINDS.get(command.command)
        result: Any
        if kind is not None:
            result = self._listed(kind, command)
        else:
            result = self._switched(command) if command.is_switch else self._described(command)
        context["ti"].xcom_push(key=RESULT_KEY, value=result)
        return []

    def _switched(self, command: EndpointCommand) -> dict[str, Any]:
        """What a stop or start would do now; it looks again itself, once nobody deploys to the endpoint."""
        from sagemaker_pca.hooks.stopped_endpoints import StoppedEndpointFiles, stop_now

        name, now, refusal = str(command.name), datetime.now(UTC), ""
        records, endpoint = StoppedEndpointFiles(self.hook, self.bucket_of(command)), self.hook.find_endpoint(name)
        remembered = records.find(name)
        state = endpoint["EndpointStatus"] if endpoint else STOPPED if remembered else "not there"
        wanted = remembered if command.command == "start-endpoint" else None
        if endpoint is not None and command.command == "stop-endpoint":
            try:
                wanted = stop_now(self.hook, records, endpoint, deployment_id(), stopped_by="dry run", now=now)
            except SageMakerPcaError as error:
                refusal = str(error)
        would = refusal or (f"with {wanted.endpoint_config_name}" if wanted else "nothing to do")
        self.log.info("%s %s, which is %s: %s", command.command, name, state, would)
        return {"endpoint_name": name, "status": state, "would": would}

    def _listed(self, kind: ResourceKind, command: EndpointCommand) -> list[dict[str, Any]]:
        from sagemaker_pca.endpoints.listing import list_matching, resource_document
        from sagemaker_pca.endpoints.table import listing_table

        now = datetime.now(UTC)
        resources = list_matching(self.inventory(command), kind, command, now)
        self.log.info("%s", listing_table(kind, resources, now))
        return [resource_document(resource, now) for resource in resources]

    def _described(self, command: EndpointCommand) -> dict[str, Any]:
        """An endpoint's description, with its models, tags, age and cost."""
        from sagemaker_pca.endpoints.listing import cost_document
        from sagemaker_pca.endpoints.table import description_table

        name, inventory = str(command.name), self.inventory(command)
        description, resource = self.hook.find_endpoint(name), inventory.find_resource(ENDPOINT, name)
        if resource is None:
            raise InputError(f"endpoint {name} does not exist.", hint="command=list-endpoints shows those that do.")
        description = description or self._remembered(resource, inventory)
        document = description | cost_document(inventory, resource, command.hourly_prices, datetime.now(UTC))
        self.log.info("%s\n%s", name, description_table(document))
        return document

    @staticmethod
    def _remembered(endpoint: ListedResource, inventory: Inventory) -> dict[str, Any]:
        """A stopped endpoint's description in the words of `DescribeEndpoint`; last modified is when it was stopped."""
        from sagemaker_pca.endpoints.inventory import EndpointDetails

        details = inventory.describe_all(ENDPOINT, [endpoint.name]).get(endpoint.name)
        needed = details.needs if isinstance(details, EndpointDetails) else ()
        return {
            "EndpointName": endpoint.name,
            "EndpointArn": endpoint.arn,
            "EndpointConfigName": ", ".join(needed),
            "EndpointStatus": endpoint.status,
            "CreationTime": endpoint.created_at.isoformat(),
            "LastModifiedTime": endpoint.changed_at.isoformat(),
        }


class SageMakerDeleteChainOperator(AwsBaseOperator[SageMakerInventoryHook]):
    """Delete what belongs together, in AWS's order, each state looked at again right before its call.

    While an endpoint is on its way out, the task waits in the triggerer. A failure keeps what depends on it and nothing
    else. What became of each resource is in XCom under ``outcomes``, of a failed task too.

    :param chain: one of the chains that :class:`SageMakerSweepOperator` returns (templated)
    :return: ``[{"kind", "name", "outcome", "reason"}, …]``
    """

    aws_hook_class = SageMakerInventoryHook
    template_fields: Sequence[str] = aws_template_fields("chain")

    def __init__(self, *, chain: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chain = chain

    def execute(
        self,
        context: Context,
        event: dict[str, Any] | None = None,
        outcomes: Sequence[Mapping[str, Any]] = (),
        awaited: Sequence[str] = (),
        deadline: float | None = None,
    ) -> list[dict[str, Any]]:
        """Delete the chain; comes back here, with what was done before, whenever an endpoint has gone.

        Raises:
            DeletionRefusedError: when what was to be deleted by name is kept.
        """
        from sagemaker_pca.endpoints.chains import Chain
        from sagemaker_pca.endpoints.deletion import ChainDeletion, Outcome
        from sagemaker_pca.endpoints.table import outcome_table
        from sagemaker_pca.hooks.stopped_endpoints import inventory_of

        deadline = deadline or time.time() + LONGEST_DELETION_SECONDS
        chain, before = Chain.model_validate(self.chain), [Outcome.model_validate(item) for item in outcomes]
        inventory = inventory_of(self.hook, chain.bucket)
        deletion = ChainDeletion(inventory, chain, before, awaited)
        deletion.advance(out_of_time=(event or {}).get("status") == "timeout" or time.time() >= deadline)
        documents = [outcome.model_dump() for outcome in deletion.outcomes]
        context["ti"].xcom_push(key=OUTCOMES_KEY, value=documents)
        if deletion.awaited:
            self._wait(deletion, chain.command.poll_seconds, deadline)
        self.log.info("Outcomes\n%s", outcome_table(deletion.outcomes))
        if deletion.errors:
            raise deletion.errors[0]
        for outcome in deletion.outcomes:
            if outcome.is_refusal_of(chain.command):
                raise DeletionRefusedError(f"{chain.command.command} {outcome.name}: {outcome.reason}.")
        return documents

    def _wait(self, deletion: ChainDeletion, poll_seconds: float, deadline: float) -> None:
        """Defer until the first awaited endpoint rests; a missing one does."""
        from sagemaker_pca.triggers.base import connection_of
        from sagemaker_pca.triggers.endpoints import SageMakerEndpointTrigger

        done = [outcome.model_dump() for outcome in deletion.outcomes]
        trigger = SageMakerEndpointTrigger(
            endpoint_name=deletion.awaited[0], poll_seconds=poll_seconds, deadline=deadline, **connection_of(self)
        )
        kwargs = {"outcomes": done, "awaited": deletion.awaited, "deadline": deadline}
        self.defer(trigger=trigger, method_name="execute", kwargs=kwargs)
