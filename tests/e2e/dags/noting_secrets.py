"""A secrets backend that knows nothing and notes what it is asked for."""

from airflow.secrets.base_secrets import BaseSecretsBackend

asked: list[str] = []


class NotingSecrets(BaseSecretsBackend):
    """Airflow asks its secrets backend first for every Variable and every Connection."""

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        asked.append(f"variable {key}")
        return None

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        asked.append(f"connection {conn_id}")
        return None
