"""`make aws-check`: the whole pipeline once on a real account, announced with its cost, removed to the last thing."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from quickstart.airflow_database import begun_runs
from quickstart.airflow_home import airflow_environment, create_airflow_home
from quickstart.aws_account import AwsAccount, check_bucket, check_role, signed_in
from quickstart.aws_cost import cost_ceiling
from quickstart.aws_removal import MadeByCheck, Removal
from quickstart.checked_settings import checked_config
from quickstart.demo import DAG_ID, GRACE_SECONDS, LoadedPipeline, results_folder, show_report
from quickstart.embedded_service import download_report
from quickstart.processes import QuickstartError, ignore_ending_signals, programs_end_here
from quickstart.sample_ecg import write_recordings
from sagemaker_pca.run.locations import RunFiles, run_name
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.variables import DEPLOYMENT_VARIABLE

DEPLOYMENT_ID = "aws-check"

LONGEST_RUN_SECONDS = 3600
# An endpoint whose container never answers is Creating for almost half an hour, and cannot be deleted before.
LONGEST_REMOVAL_SECONDS = 2400
LONGEST_JOB_SECONDS = 1500
OWN_SETTINGS = ("endpoint_name", "raw_data_uri", "owner", "expires_after_days", "feature_columns")


@dataclass(frozen=True)
class CheckOptions:
    """What the user chose.

    :param settings: settings of the pipeline, for an account where bucket, roles or instance types are others
    :param hourly_prices: dollars per instance hour, by instance type
    :param is_agreed: start without asking
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    hourly_prices: Mapping[str, float] = field(default_factory=dict)
    is_agreed: bool = False

    def run_params(self, name: str, bucket: str) -> dict[str, Any]:
        """Params of the run: the user's, and those by which the check is told from everything else in the account."""
        return {
            "max_runtime_seconds": LONGEST_JOB_SECONDS,
            **self.settings,
            "raw_data_uri": f"s3://{bucket}/{raw_prefix(name)}",
            "endpoint_name": name,
            "owner": name,
            # Should this machine fail, a sweep finds the endpoint.
            "expires_after_days": 1,
        }

    def config(self) -> PcaRunConfig:
        """The settings, checked as the run itself will check them.

        Raises:
            QuickstartError: when one is unknown, out of range, or the check's own.
        """
        if own := sorted(set(self.settings) & set(OWN_SETTINGS)):
            verb = "is" if len(own) == 1 else "are"
            raise QuickstartError(f"{', '.join(own)} {verb} set by the check itself. Leave that out of SETTINGS.")
        return checked_config(self.settings)


def raw_prefix(name: str) -> str:
    """Where the sample lies: roles of infra/ may read it there, and no other run takes it for raw data."""
    return f"runs/pca-pipeline-{name}/inputs/raw/"


def run_check(options: CheckOptions, console: Console) -> int:
    """Say who, where and how much, ask, run, and remove everything; returns the outcome as an exit code."""
    config = options.config()
    account = signed_in()
    bucket = account.bucket(config)
    check_bucket(account, bucket)
    roles = [check_role(account, role) for role in (config.processing_role, config.serving_role)]
    hours = (LONGEST_RUN_SECONDS + LONGEST_REMOVAL_SECONDS) / 3600
    announce(
        console,
        f"identity           {account.identity}",
        f"account and region {account.account}, {account.region}, at {account.address}",
        f"bucket             {bucket}",
        *(f"role               {role}" for role in roles),
        "",
        *cost_ceiling(config, round(hours, 2), account.region, options.hourly_prices),
        "",
    )
    if not (options.is_agreed or is_agreed()):
        announce(console, "Nothing was started.")
        return 0
    name = f"aws-check-{secrets.token_hex(4)}"
    return run_and_remove(account, bucket, name, options.run_params(name, bucket), console)


def announce(console: Console, *lines: str) -> None:
    """Print lines as they are."""
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def is_agreed() -> bool:
    """Ask whether to spend the money."""
    if not sys.stdin.isatty():
        raise QuickstartError("Nobody is there to agree to the cost. Run it in a terminal, or with YES=1.")
    return input("Start it, and remove everything at its end? [yes/no] ").strip().lower() in {"y", "yes"}


def run_and_remove(account: AwsAccount, bucket: str, name: str, params: Mapping[str, Any], console: Console) -> int:
    """Run the pipeline; whatever comes of it, remove what it made."""
    kept = results_folder("aws-check")
    with tempfile.TemporaryDirectory(prefix="sagemaker-pca-aws-check-") as folder:
        home = Path(folder) / "airflow"
        try:
            with programs_end_here(GRACE_SECONDS):
                create_airflow_home(home)
                upload_sample(account, bucket, name, Path(folder) / "recordings")
                pipeline = LoadedPipeline(environment(home, account.region), kept / "airflow.log")
                exit_code = pipeline.run(params, {}, console, time_limit(LONGEST_RUN_SECONDS))
                runs = run_names(home)
                report = download_report(account.client("s3"), bucket, kept, runs[0]) if runs else None
                show_report(report, kept, "make aws-check", console)
        finally:
            # What is left costs money: a second Ctrl-C must not cut this short.
            ignore_ending_signals()
            is_removed = remove_everything(account, bucket, name, run_names(home), console)
    return exit_code if is_removed else 1


def upload_sample(account: AwsAccount, bucket: str, name: str, folder: Path) -> None:
    """Put a recording of ten seconds where the run looks for it."""
    (path,) = write_recordings(folder, recordings=1, seconds=10)
    try:
        account.client("s3").upload_file(str(path), bucket, raw_prefix(name) + path.name)
    except (BotoCoreError, ClientError, OSError) as error:
        raise QuickstartError(f"The sample could not be put into {bucket}: {error}") from None


def environment(home: Path, region: str) -> dict[str, str]:
    """The environment of an Airflow of the check's own, whose AWS is the one of this environment."""
    user = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    own = airflow_environment(home, service_address="", settings={})
    connection = {"conn_type": "aws", "extra": {"region_name": region}}
    return {
        **user,
        **{name: value for name, value in own.items() if name.startswith("AIRFLOW")},
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        f"AIRFLOW_VAR_{DEPLOYMENT_VARIABLE.upper()}": DEPLOYMENT_ID,
    }


def run_names(home: Path) -> list[str]:
    """Names of the runs that Airflow has begun; their resources carry them."""
    return [run_name(DEPLOYMENT_ID, DAG_ID, run_id) for run_id in begun_runs(home, DAG_ID)]


def time_limit(seconds: float) -> Callable[[], None]:
    """Make a check that raises QuickstartError when so much time has passed."""
    give_up_at = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > give_up_at:
            raise QuickstartError("The run took longer than the cost ceiling allows, and was ended.")

    return check


def remove_everything(account: AwsAccount, bucket: str, name: str, runs: list[str], console: Console) -> bool:
    """Remove what the check made, and list what is left."""
    announce(console, "", "Removing everything that was made; Ctrl-C does not end this.")
    runs_files = [RunFiles(bucket, run, name) for run in runs]
    prefixes = [raw_prefix(name), f"endpoints/{name}/", *(files.run_prefix for files in runs_files)]
    made = MadeByCheck(bucket, endpoint_name=name, run_names=runs, prefixes=prefixes)
    left = Removal(account, made, LONGEST_REMOVAL_SECONDS, lambda thing: announce(console, f"  removed {thing}")).run()
    if not left:
        announce(console, f"Nothing is left in account {account.account}.")
        return True
    announce(console, "", "STILL THERE, please remove it yourself; an endpoint costs money every hour:")
    announce(console, *(f"  {thing}" for thing in left))
    return False
