"""Airflow's REST API, as far as `make ui` needs it: is everything ready, and the deployment's settings."""

from __future__ import annotations

import json

import httpx

from quickstart.processes import QuickstartError


class AirflowApi:
    """A client of the api-server on this machine, signed in as soon as that is possible.

    :param address: ``http://127.0.0.1:PORT``
    """

    def __init__(self, address: str, password: str) -> None:
        self._password = password
        # Proxies of the environment have no business with loopback.
        self._client = httpx.Client(base_url=address, trust_env=False, timeout=10)

    def unready_part(self, dag_id: str) -> str:
        """Return what keeps the DAG from being triggered, nothing when all is ready.

        Raises:
            QuickstartError: when Airflow could not read a DAG file
        """
        try:
            health = self._client.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return "the api-server"
        parts = health.json() if health.status_code == httpx.codes.OK else {"api-server": {"status": "unhealthy"}}
        if unhealthy := [part for part, report in parts.items() if report["status"] != "healthy"]:
            return f"the {unhealthy[0]}"
        self._sign_in()
        if self._client.get(f"/api/v2/dags/{dag_id}").status_code == httpx.codes.OK:
            return ""
        errors = self._client.get("/api/v2/importErrors").raise_for_status().json()["import_errors"]
        if errors:
            raise QuickstartError(f"Airflow could not read {errors[0]['filename']}:\n{errors[0]['stack_trace']}")
        return dag_id

    def set_missing_variable(self, key: str, value: dict[str, object]) -> None:
        """Create an Airflow Variable, unless the user has one by that name."""
        answer = self._client.post("/api/v2/variables", json={"key": key, "value": json.dumps(value)})
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()

    def _sign_in(self) -> None:
        if "Authorization" not in self._client.headers:
            login = {"username": "admin", "password": self._password}
            token = self._client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
            self._client.headers["Authorization"] = f"Bearer {token}"
