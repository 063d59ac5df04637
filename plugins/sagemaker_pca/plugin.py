"""The plugin as Airflow loads it in every one of its processes: it imports nothing heavy."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from sagemaker_pca import listener
from sagemaker_pca.links import PAGES_PREFIX, REPORT_TAB


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """The pages, imported by the API server when somebody opens the first one; in a thread, for it serves others."""
    from asyncio import to_thread

    await (await to_thread(_imported_pages))(scope, receive, send)


def _imported_pages() -> Any:
    from sagemaker_pca.pages.app import pages_app

    return pages_app()


class SageMakerPcaPlugin(AirflowPlugin):
    """Puts the package's pages where people look, and listens to what happens in Airflow."""

    name = "sagemaker_pca"
    listeners = [listener]  # noqa: RUF012  as Airflow declares it, like the other two
    fastapi_apps = [{"app": pages, "url_prefix": f"/{PAGES_PREFIX}", "name": "PCA pipelines"}]  # noqa: RUF012
    # Addresses without a leading slash are those below Airflow's own, wherever that is.
    external_views = [  # noqa: RUF012
        {
            "name": "PCA report",
            "href": f"{PAGES_PREFIX}/dags/{{DAG_ID}}/runs/{{RUN_ID}}/report?opening=true",
            "url_route": REPORT_TAB,
            "destination": "dag_run",
        },
        {
            "name": "PCA runs",
            "href": f"{PAGES_PREFIX}/dags/{{DAG_ID}}/runs",
            "url_route": "pca_runs",
            "destination": "dag",
        },
        # Without a route it is a plain link: from within Airflow's frame no link leads to another page of Airflow.
        {"name": "PCA endpoints", "href": f"{PAGES_PREFIX}/endpoints", "destination": "nav", "category": "browse"},
    ]
