"""What preflight decided for a run: settings, place, identity and images. Pure, and plain JSON in XCom."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.settings.layers import Origin
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.settings.transform import TransformConfig

MANAGED_BY_TAG = "managed-by"
MANAGED_BY = "sagemaker-pca"
DEPLOYMENT_TAG = "deployment-id"
PIPELINE_TAG = "dag-id"
# Where its lease, promotion and history are kept.
BUCKET_TAG = "bucket"
EXPIRES_AT_TAG = "expires-at"
# Written out: tags are added to those an endpoint has, so leaving one out would leave an earlier run's date in force.
NEVER = "never"


class RawFile(BaseModel):
    """One raw data object as it was when the run listed it."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    key: str
    size: int
    etag: str


class StagedInputs(BaseModel):
    """What the processing job reads; both names hold the digest of their content.

    :param code_digest: of the code alone; its arguments follow from the settings
    :param listed_at: when the raw files were listed: of two models that of the later listing is the newer one
    :param model_uri: prefix of the model that a batch transform's processing job gets
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    code_uri: str
    code_digest: str
    manifest_uri: str
    raw_bucket: str
    raw_files: tuple[RawFile, ...]
    listed_at: datetime
    model_uri: str | None = None


class RunPlan(BaseModel):
    """Everything later tasks need to know of a run, decided once.

    :param deployment_id: of the Airflow whose run it is: what it makes is known by it as its own
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    config: PcaRunConfig
    origins: dict[str, Origin]
    deployment_id: str
    dag_id: str
    run_id: str
    run_name: str
    started_at: datetime
    partition: str
    region: str
    account: str
    bucket: str
    processing_image: str
    pca_image: str

    @property
    def files(self) -> RunFiles:
        """The run's S3 locations."""
        return RunFiles(self.bucket, self.run_name, self.config.endpoint_name)

    @property
    def raw_data_uri(self) -> str:
        """Where the raw data lies."""
        return self.config.raw_data_uri or self.files.default_raw_data_uri

    @property
    def raw_data_setting(self) -> str:
        """The setting that says so."""
        return "raw_data_uri"

    @property
    def named_columns(self) -> dict[str, tuple[str, ...]]:
        """Columns that the raw files must have, by the setting that names them."""
        return {"feature_columns": self.config.feature_columns}

    @property
    def processing_role_arn(self) -> str:
        """Role of processing and training jobs."""
        return self._role_arn(self.config.processing_role)

    @property
    def serving_role_arn(self) -> str:
        """Role of the served model."""
        return self._role_arn(self.config.serving_role)

    def _role_arn(self, role: str) -> str:
        return role if role.startswith("arn:") else f"arn:{self.partition}:iam::{self.account}:role/{role}"

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every resource the run creates."""
        return {
            MANAGED_BY_TAG: MANAGED_BY,
            DEPLOYMENT_TAG: self.deployment_id,
            BUCKET_TAG: self.bucket,
            PIPELINE_TAG: tag_value(self.dag_id),
            "run-id": tag_value(self.run_id),
            "run-name": self.run_name,
            "owner": self.config.owner,
            EXPIRES_AT_TAG: self._expires_at,
        }

    @property
    def _expires_at(self) -> str:
        days = self.config.expires_after_days
        return NEVER if days is None else (self.started_at + timedelta(days=days)).isoformat(timespec="seconds")


class TransformPlan(RunPlan):
    """Everything later tasks need to know of a batch transform.

    Its `config` is that of the run which trained the model, pointed at other raw data: the same columns, separators
    and treatment of missing values, and features in raw units, as the served artifact takes them.
    """

    transform: TransformConfig
    model_name: str
    artifact_uri: str
    card_uri: str

    @property
    def raw_data_setting(self) -> str:
        """The setting that says where the raw data lies."""
        return "input_uri"

    @property
    def named_columns(self) -> dict[str, tuple[str, ...]]:
        """Likewise those that scored rows carry along."""
        return {**super().named_columns, "id_columns": self.transform.id_columns}


def tag_value(text: str) -> str:
    """The text with characters that tags may not hold replaced by `_`, at most 256 of them.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
    """
    return re.sub(r"[^\w .:/=+@-]", "_", text)[:256]
