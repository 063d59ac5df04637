"""Who may see and do what: Airflow's own rights on the DAG that an address names."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep as SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, Query

Format = Annotated[str, Query(pattern="^(html|json|csv)$")]


def dag_router() -> APIRouter:
    """Routes below a DAG's id, for users who may read that DAG's runs."""
    may_read_runs = Depends(requires_access_dag("GET", DagAccessEntity.RUN))
    return APIRouter(prefix="/dags/{dag_id}", dependencies=[may_read_runs])
