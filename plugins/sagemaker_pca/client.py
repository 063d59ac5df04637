"""An endpoint of the pipeline for applications: rows in; projections, T² and Q out. Needs boto3, and no Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import boto3
import numpy as np
from botocore.config import Config
from botocore.exceptions import ClientError
from numpy.typing import NDArray

from sagemaker_pca.exceptions import DeploymentError, InputError, SmokeTestError
from sagemaker_pca.hooks.endpoint_client import SERVING, EndpointClient, bodies, csv_line
from sagemaker_pca.model.artifact import FloatArray, PcaModel
from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.model.monitoring import MonitoredModel
from sagemaker_pca.model.raw_row import check_rows, numbers_of
from sagemaker_pca.report.wording import component_names
from sagemaker_pca.run.locations import RunFiles, split_s3_uri
from sagemaker_pca.run.plan import BUCKET_TAG, MANAGED_BY, MANAGED_BY_TAG

# botocore's own: throttled and lost calls are asked again, later and later.
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 8})


@dataclass(frozen=True, slots=True, eq=False)
class Projections:
    """Rows under the model in service, in the units that it was trained in; PC1 comes first.

    :param names: PC1 … PCk
    :param values: (n, k)
    :param t_squared: (n,) Hotelling's T²
    :param q: (n,) squared distance of each row from its reconstruction
    :param t_squared_beyond: (n,) the highest limit that T² exceeds, in percent: 0, 95 or 99. None where the model has
        none, for it was trained before limits were kept
    :param q_beyond: (n,) likewise of Q
    :param index: that of the rows' DataFrame, if they came in one
    """

    names: tuple[str, ...]
    values: FloatArray
    t_squared: FloatArray
    q: FloatArray
    t_squared_beyond: NDArray[np.int64] | None
    q_beyond: NDArray[np.int64] | None
    index: Any = None

    def to_frame(self) -> Any:
        """All of it as a pandas DataFrame, with the index of the rows."""
        import pandas as pd  # type: ignore[import-untyped]

        columns: dict[str, Any] = dict(zip(self.names, self.values.T, strict=True))
        columns |= {"T2": self.t_squared, "Q": self.q}
        if self.t_squared_beyond is not None:
            columns |= {"T2_beyond": self.t_squared_beyond, "Q_beyond": self.q_beyond}
        return pd.DataFrame(columns, index=self.index)


class KnownModel(NamedTuple):
    """What an endpoint serves, by its card; arrays are made of that once."""

    card: ModelCard
    model: PcaModel
    monitored: MonitoredModel

    @classmethod
    def of(cls, card: ModelCard) -> KnownModel:
        """The model of a card."""
        return cls(card, card.model.served_model, card.monitored)

    def answers(self, rows: FloatArray, answer: FloatArray) -> bool:
        """Whether this model gives the answer (n, k) to rows (n, d), float32's rounding aside."""
        expected = self.model.project(rows)
        return answer.shape == expected.shape and bool(
            (np.abs(answer - expected) <= self.model.float32_tolerance(rows)).all()
        )

    def projections(self, rows: FloatArray, answer: FloatArray, index: Any) -> Projections:
        """The answer with what the card knows of such rows."""
        limits = self.card.model.limits
        t_squared, q = answer**2 @ self.monitored.precisions, self.monitored.score(rows).q
        return Projections(
            names=tuple(component_names(answer.shape[1])),
            values=answer[:, ::-1],
            t_squared=t_squared,
            q=q,
            t_squared_beyond=limits.current.t_squared.exceeded(t_squared) if limits else None,
            q_beyond=limits.current.q.exceeded(q) if limits else None,
            index=index,
        )


class Projector:
    """Sends rows to an endpoint and says how usual they are.

    What the endpoint answers is held against the model card of what it serves. When a retraining changes the model, the
    card is read anew.

    :param endpoint_name: an endpoint that a pipeline deployed
    :param session: boto3's; None takes the environment's credentials and region
    Raises:
        DeploymentError: when there is no such endpoint, it serves nothing of a pipeline's, or the caller may not ask.
    """

    def __init__(self, endpoint_name: str, *, session: boto3.Session | None = None) -> None:
        session = session or boto3.Session()
        self._sagemaker = session.client("sagemaker", config=RETRIES)
        self._s3 = session.client("s3", config=RETRIES)
        self._endpoint = EndpointClient(session.client("sagemaker-runtime", config=RETRIES), endpoint_name)
        self._known = KnownModel.of(self._read_card())

    @property
    def columns(self) -> tuple[str, ...]:
        """The model's columns, in order."""
        return self._known.card.feature_columns

    def project(self, rows: Any) -> Projections:
        """Projections, T² and Q of rows in raw units, in as many calls as it takes.

        :param rows: an array (n, d) or one row (d,); a pandas DataFrame or Series, whose columns are taken by name; or
            CSV, as text or as the `Path` of a file: with a header its columns are taken by name, without one in order
        Raises:
            InputError: when a column is missing or named twice, or a value is no number that the endpoint takes.
                Nothing was sent then.
            DeploymentError: when the endpoint answers as no model does that its records name.
            botocore.exceptions.ClientError: when it does not answer.
        """
        try:
            return self._project(rows)
        except (InputError, DeploymentError, ClientError):
            # Rows of the new model's columns, or an answer of its own, look like mistakes to the old one's card.
            if not self._is_renewed():
                raise
        return self._project(rows)

    def _is_renewed(self) -> bool:
        """Whether the endpoint serves another model than the one that is known, which then is."""
        try:
            card = self._read_card()
        except DeploymentError:
            return False
        if card == self._known.card:
            return False
        self._known = KnownModel.of(card)
        return True

    def _project(self, rows: Any) -> Projections:
        values, index = numbers_of(rows, self.columns)
        check_rows(values, self.columns)
        answer = self._ask(values)
        if not self._known.answers(values, answer):
            raise self._two_models(f"does not answer as model {self._known.card.model.artifact_uri} does")
        return self._known.projections(values, answer, index)

    def _ask(self, values: FloatArray) -> FloatArray:
        components = self._known.model.components.shape[1]
        try:
            calls = bodies(map(csv_line, values), components)
            answers = [self._endpoint.project_lines(lines) for lines in calls]
        except SmokeTestError as error:
            raise DeploymentError(error.failure.reason) from error
        if len({answer.shape[1:] for answer in answers}) > 1:
            raise self._two_models("answers by models of different sizes")
        return np.vstack(answers) if answers else np.empty((0, components))

    def _two_models(self, what: str) -> DeploymentError:
        return DeploymentError(
            f"endpoint {self._endpoint.name} {what}.",
            hint="While it is updated two models may answer: ask again when that is over.",
        )

    def _read_card(self) -> ModelCard:
        """The card of the model that the endpoint serves now."""
        name = self._endpoint.name
        try:
            endpoint = self._sagemaker.describe_endpoint(EndpointName=name)
            config_name = endpoint.get("EndpointConfigName")
            if config_name is None or endpoint["EndpointStatus"] not in SERVING:
                raise DeploymentError(f"endpoint {name} is {endpoint['EndpointStatus']}: it does not answer.")
            config = self._sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
            pages = self._sagemaker.get_paginator("list_tags").paginate(ResourceArn=config["EndpointConfigArn"])
            tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
            if tags.get(MANAGED_BY_TAG) != MANAGED_BY or not {BUCKET_TAG, "run-name"} <= tags.keys():
                raise DeploymentError(f"endpoint {name} serves {config_name}, which no pipeline of this project made.")
            uri = RunFiles(tags[BUCKET_TAG], tags["run-name"], name).model_card_uri
            bucket, key = split_s3_uri(uri)
            return ModelCard.read(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read(), uri)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise DeploymentError(
                    f"The card of the model that endpoint {name} serves is gone from {uri}.",
                    hint="Let its pipeline run again.",
                ) from error
            raise DeploymentError(
                f"The model of endpoint {name} is not known: {error}.",
                hint="The caller needs sagemaker:DescribeEndpoint, DescribeEndpointConfig, ListTags, InvokeEndpoint, "
                "and s3:GetObject on the model card.",
            ) from error
