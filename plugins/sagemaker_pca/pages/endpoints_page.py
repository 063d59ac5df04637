"""The endpoints that this Airflow's pipelines made, and what a sweep would do to them; nothing is deleted from here.

A form starts a dry run of the DAG that deletes endpoints, as the trigger form would. Airflow has no address of that
form filled in; a run that there was opens it with its own settings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from airflow.api.common.trigger_dag import trigger_dag
from airflow.configuration import conf
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagbag import DBDagBag
from airflow.utils.types import DagRunTriggeredByType
from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from sagemaker_pca.endpoints.cards import TRAFFIC, EndpointCard, endpoint_card, own_endpoints, variants_of
from sagemaker_pca.endpoints.deletion_plan import plan_from
from sagemaker_pca.endpoints.facts import Facts
from sagemaker_pca.exceptions import Failure, SettingError
from sagemaker_pca.hooks.clients import PAGE_PATIENCE
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.hooks.stopped_endpoints import inventory_of
from sagemaker_pca.pages.access import (
    MAY_TRIGGER,
    Format,
    GetUserDep,
    PostedForm,
    SessionDep,
    dag_router,
    may_access_runs,
)
from sagemaker_pca.pages.rendering import html_page, json_document
from sagemaker_pca.resource_kinds import ENDPOINT_CONFIG
from sagemaker_pca.settings.endpoint_command import REPORTED_SWEEPS, EndpointCommand, resolve_command
from sagemaker_pca.settings.layers import deployment_names
from sagemaker_pca.variables import AWS_CONN_ID, deployment_id, deployment_settings

router = APIRouter()
plan_router = dag_router()

# The DAG that comes along; in another one, other settings may be in force beside those of a form.
COMMANDS_DAG = "sagemaker_endpoints"


@dataclass(frozen=True, slots=True)
class EndpointsDocument:
    """What there is to see; `hidden` endpoints are of pipelines whose runs the reader may not read."""

    account: str
    region: str
    endpoints: tuple[EndpointCard, ...]
    hidden: int
    others: int
    unknown: tuple[str, ...]


@router.get("/endpoints")
def endpoints(user: GetUserDep, session: SessionDep, answer: Format = "html") -> Response:
    """The endpoints as a page or as JSON; what cannot be reached is said in words."""
    document, problem = None, ""
    try:
        hook = SageMakerInventoryHook(aws_conn_id=AWS_CONN_ID, config=PAGE_PATIENCE)
        # Once for each pipeline: an auth manager may have to ask another server.
        may_read = cache(lambda dag_id: may_access_runs(user, "GET", dag_id))
        document = read_endpoints(hook, may_read, datetime.now(UTC))
    except Exception as error:
        problem = str(Failure.of(error))
    if answer == "json":
        return json_document({"problem": problem} if document is None else document)
    commands = find_commands_dag(session)
    context = {
        "document": document,
        "problem": problem,
        "traffic": TRAFFIC,
        "commands": commands,
        "may_trigger": commands is not None and may_access_runs(user, "POST", commands.dag_id),
    }
    return html_page("endpoints.html", context)


@plan_router.post("/plan", dependencies=MAY_TRIGGER)
def plan(dag_id: str, user: GetUserDep, session: SessionDep, form: PostedForm) -> Response:
    """Start a dry run, with the settings of `EndpointCommand` that its form shows, and go to it."""
    commands = find_commands_dag(session)
    if commands is None or commands.dag_id != dag_id:
        raise HTTPException(404, f"{dag_id} is no DAG that deletes endpoints.")
    if not conf.getboolean("core", "dag_run_conf_overrides_params"):
        # A run would have the DAG's own settings, and they may be those of a deletion.
        raise HTTPException(400, "Airflow's [core] dag_run_conf_overrides_params is off: a run gets no settings.")
    try:
        settings = dry_run_settings(form.get("name") or None)
    except SettingError as error:
        raise HTTPException(422, str(error)) from None
    run = trigger_dag(
        dag_id,
        triggered_by=DagRunTriggeredByType.UI,
        triggering_user_name=user.get_name(),
        conf=settings,
    )
    if run is None:
        raise HTTPException(500, f"Airflow made no run of {dag_id}.")
    # Relative, for Airflow may lie below a prefix that nobody told us.
    return RedirectResponse(f"../../../dags/{quote(dag_id)}/runs/{quote(run.run_id)}", status_code=303)


def dry_run_settings(endpoint_name: str | None) -> dict[str, Any]:
    """Every setting of a run that says what would be deleted: one endpoint with what only it needs, or idle ones.

    Raises:
        SettingError: when the name cannot be an endpoint's.
    """
    asked = {"command": "delete-endpoint", "name": endpoint_name, "with_dependents": True}
    sweep = {"command": "sweep", **REPORTED_SWEEPS["idle"]}
    command = resolve_command({**(asked if endpoint_name else sweep), "dry_run": True}, {}).config
    return command.model_dump(mode="json", exclude=set(deployment_names(EndpointCommand)))


def find_commands_dag(session: Session) -> DagModel | None:
    """The DAG that deletes endpoints: the one that comes along, or another with its tag and its settings."""
    query = (
        select(DagModel)
        .join(DagTag, DagTag.dag_id == DagModel.dag_id)
        .where(DagTag.name == "endpoints", DagModel.is_stale.is_(False))
        .order_by(DagModel.dag_id != COMMANDS_DAG, DagModel.dag_id)
    )
    for found in session.scalars(query):
        dag = DBDagBag().get_latest_version_of_dag(found.dag_id, session=session)
        if dag is not None and "command" in dag.params:
            return found
    return None


def read_endpoints(hook: SageMakerInventoryHook, may_read: Callable[[str], bool], now: datetime) -> EndpointsDocument:
    """Ask AWS: lists and tags of all endpoints; descriptions, records and metrics of those that are shown."""
    own_id, given = deployment_id(), deployment_settings()
    command = resolve_command({}, {}, given).config
    identity = hook.caller_identity()
    bucket = command.bucket or identity.default_bucket
    facts = Facts(inventory_of(hook, bucket), bucket, now)
    own = own_endpoints(facts, own_id)
    shown = {endpoint: pipeline for endpoint, pipeline in own.pipelines.items() if may_read(pipeline)}
    cards: tuple[EndpointCard, ...] = ()
    if shown:
        traffic = hook.daily_invocations(variants_of(facts, shown), now - TRAFFIC, now)
        facts.describe(ENDPOINT_CONFIG, (name for item in shown for name in facts.needs(item.kind, item.name)))
        sweeps = {
            name: plan_from(facts, resolve_command({"command": "sweep", **asked}, {}, given).config, now, own_id)
            for name, asked in REPORTED_SWEEPS.items()
        }
        cards = tuple(
            endpoint_card(endpoint, pipeline, facts, traffic, sweeps, command.hourly_prices, now)
            for endpoint, pipeline in shown.items()
        )
    return EndpointsDocument(
        account=identity.account,
        region=identity.region,
        endpoints=cards,
        hidden=len(own.pipelines) - len(shown),
        others=own.others,
        unknown=own.unknown,
    )
