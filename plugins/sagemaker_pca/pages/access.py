"""Who may see and do what: Airflow's own rights on the DAG that an address names."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import parse_qsl

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.common.db.common import SessionDep as SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep as GetUserDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dag import DagModel
from fastapi import APIRouter, Depends, HTTPException, Query, Request

# `format` in addresses: a page for people, or what it shows for programs.
Format = Annotated[Literal["html", "json"], Query(alias="format")]
TableFormat = Annotated[Literal["html", "json", "csv"], Query(alias="format")]
# More than a row of ten thousand columns takes.
LARGEST_FORM_BYTES = 1_000_000


def dag_router() -> APIRouter:
    """Routes below a DAG's id, for users who may read that DAG's runs."""
    may_read_runs = Depends(requires_access_dag("GET", DagAccessEntity.RUN))
    return APIRouter(prefix="/dags/{dag_id}", dependencies=[may_read_runs])


def may_access_runs(user: BaseUser, method: Literal["GET", "POST"], dag_id: str) -> bool:
    """Whether a user may read a DAG's runs, or trigger one."""
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return get_auth_manager().is_authorized_dag(
        method=method, access_entity=DagAccessEntity.RUN, details=details, user=user
    )


def refuse_other_sites(request: Request) -> None:
    """Refuse what a form on another site sends; Airflow's cookie would not come along with it in most browsers."""
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        raise HTTPException(400, "This form came from another site. Open the page in Airflow, and send it from there.")


async def posted_form(request: Request) -> dict[str, str]:
    """The fields of a form, read no further than any of ours can be long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM_BYTES:
            raise HTTPException(413, f"A form may have {LARGEST_FORM_BYTES:,} bytes.")
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


# What a form's route asks for before it does anything.
MAY_TRIGGER = [Depends(requires_access_dag("POST", DagAccessEntity.RUN)), Depends(refuse_other_sites)]
PostedForm = Annotated[dict[str, str], Depends(posted_form)]
