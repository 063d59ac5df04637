"""A PostgreSQL server of the tests' own, of Debian's programs, ended and removed for certain."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.airflow_services import free_port

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
MISSING = "" if INSTALLED else "needs PostgreSQL's server (Debian: apt-get install postgresql)"


class PostgresqlServer:
    """A server on a free port of the loopback interface, for as long as the `with` block lasts; its user is airflow."""

    def __init__(self) -> None:
        self.port = free_port()
        self.password = secrets.token_urlsafe(12)
        # PostgreSQL refuses to run as root, and pytest's own folders are closed to other users.
        self._user = "postgres" if os.geteuid() == 0 else None

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="sagemaker-pca-postgres-"))
        try:
            (self._folder / "password").write_text(self.password)
            if self._user:
                shutil.chown(self._folder, self._user)
            trust_nobody = ["--auth=scram-sha-256", f"--pwfile={self._folder}/password"]
            self._run("initdb", f"--pgdata={self._data}", "--username=airflow", *trust_nobody)
            options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self._folder}"
            self._run("pg_ctl", "start", "--wait", f"--pgdata={self._data}", f"--options={options}")
            self._run("createdb", "--host=127.0.0.1", f"--port={self.port}", "--username=airflow", "airflow")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    @property
    def url(self) -> str:
        """SQLAlchemy's address of the empty database airflow."""
        return f"postgresql+psycopg2://airflow:{self.password}@127.0.0.1:{self.port}/airflow"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(INSTALLED[-1].parent / program), *arguments]
        environment = {**os.environ, "PGPASSWORD": self.password}
        with (self._folder / "log").open("a") as log:
            subprocess.run(
                command,
                user=self._user,
                cwd=self._folder,
                env=environment,
                check=True,
                stdout=log,
                stderr=log,
                timeout=120,
            )

    def _end(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "stop", "--wait", "--mode=immediate", f"--pgdata={self._data}")
        shutil.rmtree(self._folder)
