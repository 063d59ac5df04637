"""The distribution as its users meet it: built, and installed where nothing else of the project is.

`python -m tests.distribution` is `make dist`: it builds both archives into dist/, checks them, and runs a pipeline from
the wheel alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from quickstart.airflow_home import airflow_environment, create_airflow_home
from sagemaker_pca.report.document import Verdict
from tests.own_dags import write_dag_file
from tests.pipeline_process import PipelineClient, raw_csv
from tests.run_plans import DEPLOYMENT_VARIABLE
from tests.service_process import ServiceProcess

ROOT = Path(__file__).resolve().parents[1]
PINNED_AIRFLOW = re.compile(r"^apache-airflow==(\S+)", re.MULTILINE)
# https://airflow.apache.org/docs/apache-airflow/stable/installation/installing-from-pypi.html#constraints-files
CONSTRAINTS = "https://raw.githubusercontent.com/apache/airflow/constraints-{airflow}/constraints-{python}.txt"
CONSTRAINTS_SECONDS = 15
RUN_SECONDS = 1200
# Empty values are none: the checkout would come before what is installed, and each process would compile all of Airflow
# again, which takes longer than the rest of its start.
OWN_PYTHON = {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": ""}
UV = (sys.executable, "-m", "uv")


class DistributionError(Exception):
    """Something is wrong with what was built, as the message says."""


def build(folder: Path) -> Path:
    """Build the source archive, and from that the wheel, into a folder; returns the wheel."""
    run([*UV, "build", "--quiet", "--out-dir", str(folder), str(ROOT)])
    (wheel,) = folder.glob("*.whl")
    return wheel


def airflow_version() -> str:
    """The Airflow that the project is developed with."""
    (version,) = PINNED_AIRFLOW.findall((ROOT / "requirements-run.in").read_text(encoding="utf-8"))
    return str(version)


def airflow_constraints(python: str, folder: Path) -> Path | None:
    """The versions that this Airflow was released with for a Python; None where they cannot be reached."""
    path = folder / f"constraints-{python}.txt"
    address = CONSTRAINTS.format(airflow=airflow_version(), python=python)
    try:
        answer = httpx.get(address, timeout=CONSTRAINTS_SECONDS)
    except httpx.TransportError:
        return None
    path.write_text(answer.raise_for_status().text, encoding="utf-8")
    return path


def find_python(version: str) -> str | None:
    """A Python of this version, on the path or of a version manager, whose stub on the path does not start."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for program in (f"python{version}", *map(str, versions.glob(f"{version}.*/bin/python"))):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([program, "-c", ""], capture_output=True, check=True)
            return program
    return None


class BareEnvironment:
    """A Python with an Airflow of its own that knows the checkout neither by path nor by working directory.

    :param folder: an empty folder outside of the checkout
    :param python: the interpreter, or its version
    """

    def __init__(self, folder: Path, python: str) -> None:
        self.folder = folder
        self._bin = folder / "environment" / "bin"
        run([*UV, "venv", "--quiet", "--python", python, str(folder / "environment")])

    def install(self, *requirements: str, constraints: Path | None = None) -> None:
        """Install requirements, within constraints where there are any."""
        within = [] if constraints is None else ["--constraint", str(constraints)]
        self._uv_pip_install(*within, *requirements)

    def install_oldest(self, wheel: Path) -> None:
        """Install a wheel without its extra beside the oldest versions that the project's ranges allow."""
        self._uv_pip_install("--resolution", "lowest-direct", "--requirements", str(ROOT / "pyproject.toml"))
        self._uv_pip_install("--no-deps", str(wheel))

    def _uv_pip_install(self, *arguments: str) -> None:
        run([*UV, "pip", "install", "--quiet", "--python", str(self._bin / "python"), *arguments])

    def installed_megabytes(self) -> float:
        """Size of everything that is installed."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_size for path in files) / 1e6

    def program(self, name: str) -> str:
        """Path of an installed program."""
        return str(self._bin / name)

    def airflow(self, *arguments: str, service_url: str = "") -> str:
        """Output of Airflow's command line, whose DAG files are in `dags/` of the folder."""
        home = self.folder / "airflow"
        folders = {"DAGS": self.folder / "dags", "PLUGINS": home / "plugins"}
        settings = {f"CORE__{name}_FOLDER": str(folder) for name, folder in folders.items()}
        environment = airflow_environment(home, service_url, settings) | DEPLOYMENT_VARIABLE | OWN_PYTHON
        return run([self.program("airflow"), *arguments], environment, self.folder)


def run_alone(bare: BareEnvironment) -> Verdict:
    """Run a pipeline against the embedded service of the same environment; its report's verdict."""
    with ServiceProcess(OWN_PYTHON, program=bare.program("sagemaker-local")) as service:
        return run_pipeline(bare, service.url)


def run_pipeline(bare: BareEnvironment, service_url: str) -> Verdict:
    """Run a pipeline of three lines; its report's verdict."""
    create_airflow_home(bare.folder / "airflow")
    client = PipelineClient(service_url, "wheel")
    client.put_raw("recording.csv", raw_csv(400))
    write_dag_file(bare.folder / "dags", f"pca_pipeline('my_pipeline', settings={client.conf()!r})")
    output = bare.airflow("dags", "test", "my_pipeline", service_url=service_url)
    served = client.serving_config()
    if served is None:
        raise DistributionError(f"The run left no endpoint:\n{output[-4000:]}")
    return client.report(served).run.verdict


def run(command: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    """Output of a command.

    Raises:
        DistributionError: with the end of the output, when it fails.
    """
    done = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    if done.returncode != 0:
        raise DistributionError(f"{' '.join(command[:4])} … ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def main() -> int:
    """Build into dist/ and check what was built."""
    folder = ROOT / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        wheel = build(folder)
        archives = sorted(str(path) for path in folder.iterdir() if path.suffix in (".whl", ".gz"))
        run([sys.executable, "-m", "twine", "check", "--strict", *archives])
        with tempfile.TemporaryDirectory(prefix="sagemaker-pca-dist-") as outside:
            bare = BareEnvironment(Path(outside), sys.executable)
            bare.install(f"{wheel}[local]", f"apache-airflow=={airflow_version()}")
            verdict = run_alone(bare)
    except DistributionError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Built and checked, with a run from the wheel alone that ended {verdict}:", *archives, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
