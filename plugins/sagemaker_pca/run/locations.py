"""Every S3 location and every resource name of a run. Pure: computes names, touches nothing."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

NAME_LIMIT = 63
# Room for the suffix of a second or later attempt (`-2` … `-999`).
BASE_NAME_LIMIT = NAME_LIMIT - 4
PROFILE_SUFFIX = "-profile"


def run_name(deployment_id: str, dag_id: str, run_id: str, map_index: int = -1) -> str:
    """The one name that all resources of a run share: readable, and never equal for two runs.

    Two Airflows that share an account have equal DAG ids, and equal run ids wherever a schedule makes them.

    Run ids hold `:`, `+`, `_` and `.`, which SageMaker's names may not, so the readable part alone could clash;
    the digest of the exact ids keeps names apart.
    """
    digest = hashlib.sha256(f"{deployment_id}\n{dag_id}\n{run_id}\n{map_index}".encode()).hexdigest()[:10]
    readable = re.sub(r"[^a-zA-Z0-9]+", "-", f"{dag_id}-{run_id}").strip("-")
    return f"{readable[: BASE_NAME_LIMIT - len(digest) - 1].strip('-')}-{digest}".lstrip("-")


def profile_job_name(run_name: str) -> str:
    """Name of the run's profile job, beside a processing job that has the run's own; the digest at its end stays."""
    readable, _, digest = run_name.rpartition("-")
    room = BASE_NAME_LIMIT - len(PROFILE_SUFFIX) - len(digest) - 1
    return f"{readable[:room].strip('-')}-{digest}{PROFILE_SUFFIX}".lstrip("-")


def default_bucket(region: str, account: str) -> str:
    """Bucket of a deployment that names none."""
    return f"sagemaker-pca-{region}-{account}"


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an `s3://bucket/key` URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


class RunFiles(NamedTuple):
    """Where a run keeps its files; every run has a prefix of its own, so rows never leak between runs.

    :param bucket: bucket that holds runs, raw data and deployment records
    :param run_name: name of the run, from `run_name`
    :param endpoint_name: endpoint the run deploys to
    """

    bucket: str
    run_name: str
    endpoint_name: str

    @property
    def default_raw_data_uri(self) -> str:
        """Where raw data lies unless a setting says otherwise."""
        return f"s3://{self.bucket}/raw/"

    @property
    def run_prefix(self) -> str:
        """Key prefix of everything the run writes."""
        return f"runs/{self.run_name}/"

    def uri(self, name: str) -> str:
        """URI of a file or prefix below the run's prefix."""
        return f"s3://{self.bucket}/{self.run_prefix}{name}"

    def features_uri(self, job_name: str) -> str:
        """Features that one attempt of the processing job writes."""
        return self.uri(f"features/{job_name}/")

    def stats_uri(self, job_name: str) -> str:
        """Moments that one attempt of the processing job writes."""
        return self.uri(f"stats/{job_name}/")

    def transform_output_uri(self, job_name: str) -> str:
        """Projections that one attempt of the transform job writes."""
        return self.uri(f"projections/{job_name}/")

    def scores_uri(self, job_name: str) -> str:
        """Scored rows that one attempt of a batch transform's processing job writes."""
        return self.uri(f"scores/{job_name}/")

    @property
    def training_output_uri(self) -> str:
        """Prefix under which SageMaker puts `<job>/output/model.tar.gz`."""
        return self.uri("training/")

    @property
    def served_artifact_uri(self) -> str:
        """Artifact in raw units, where scaling had to be folded in."""
        return self.uri("served/model.tar.gz")

    @property
    def model_card_uri(self) -> str:
        """What the run's model was trained on: columns, scaling, artifact, metrics."""
        return self.uri("model_card.json")

    @property
    def deployment_record_uri(self) -> str:
        """What was in service before the deployment, written before the request that changes it."""
        return self.uri("deployment.json")

    @property
    def projections_uri(self) -> str:
        """Sampled raw rows under the model, for the report's plots."""
        return self.uri("projections/sample.json")

    @property
    def report_json_uri(self) -> str:
        """The run report, for programs."""
        return self.uri("report/report.json")

    @property
    def report_html_uri(self) -> str:
        """The run report, for people."""
        return self.uri("report/report.html")

    @property
    def endpoints_uri(self) -> str:
        """Prefix of what concerns endpoints, whichever run it is of."""
        return f"s3://{self.bucket}/endpoints/"

    @property
    def lease_uri(self) -> str:
        """The endpoint's deployment lease: whoever wrote it may deploy."""
        return f"{self.endpoints_uri}{self.endpoint_name}/lease.json"

    def claim_uri(self, fingerprint: str) -> str:
        """Which run is making a model of these settings, code and raw files for the endpoint."""
        return f"{self.endpoints_uri}{self.endpoint_name}/training/{fingerprint}.json"

    @property
    def claim_note_uri(self) -> str:
        """Where that is which this run claimed last, written before it was claimed."""
        return self.uri("claim.json")

    @property
    def stopped_uri(self) -> str:
        """What a stopped endpoint is started with again; there is none of an endpoint that is not stopped."""
        return f"{self.endpoints_uri}{self.endpoint_name}/stopped.json"

    @property
    def history_uri(self) -> str:
        """The endpoint's deployments whose configuration and model still exist."""
        return f"{self.endpoints_uri}{self.endpoint_name}/history.json"

    @property
    def promoted_uri(self) -> str:
        """The newest verified deployment of the endpoint."""
        return f"{self.endpoints_uri}{self.endpoint_name}/promoted.json"
