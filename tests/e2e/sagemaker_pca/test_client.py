"""Rows to an endpoint from an application, without Airflow."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_pca.client import Projector
from sagemaker_pca.exceptions import DeploymentError, InputError
from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.run.locations import RunFiles
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, unique_name
from tests.e2e.sagemaker_pca.conftest import PlanFault
from tests.plain_models import make_moments, train
from tests.unit.sagemaker_pca.model.test_drift import card_of, rows_of

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[3]


@dataclass
class Application:
    """What an application has: an endpoint's name and a session."""

    aws: EmbeddedAws
    session: boto3.Session
    endpoint_name: str
    card: ModelCard
    rows: NDArray[np.float64]

    def projector(self) -> Projector:
        return Projector(self.endpoint_name, session=self.session)

    def expected(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.card.model.served_model.project(rows)[:, ::-1]


def deploy_config(aws: EmbeddedAws, card: ModelCard, **changed: Any) -> str:
    """A configuration of a card's model as a run of the pipeline leaves it."""
    run_name = unique_name("run")
    files = RunFiles(aws.bucket, run_name, "")
    aws.put(files.model_card_uri.split("/", 3)[3], card.model_dump_json())
    model = aws.create_model(aws.put(f"{run_name}/model.tar.gz", card.model.served_model.to_artifact()))
    tags = {"managed-by": "sagemaker-pca", "bucket": aws.bucket, "run-name": run_name} | changed
    config = aws.create_endpoint_config(model)
    arn = aws.sagemaker.describe_endpoint_config(EndpointConfigName=config)["EndpointConfigArn"]
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    return config


@pytest.fixture
def application(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Application:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    rows = rows_of(3_000)
    card = card_of(rows, train, make_moments)
    endpoint_name = aws.create_endpoint(deploy_config(aws, card))
    aws.wait_for_endpoint(endpoint_name)
    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1")
    return Application(aws, session, endpoint_name, card, rows)


def test_many_rows_go_in_several_calls_and_come_back_with_names_and_statistics(application: Application) -> None:
    rows = np.tile(application.rows, (40, 1))
    answer = application.projector().project(rows)
    assert answer.names == ("PC1", "PC2", "PC3")
    np.testing.assert_allclose(answer.values, application.expected(rows), rtol=1e-4, atol=1e-3)
    scores = application.card.monitored.score(rows)
    np.testing.assert_allclose(answer.t_squared, scores.t_squared, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(answer.q, scores.q, rtol=1e-9)
    assert answer.t_squared_beyond is not None
    assert answer.q_beyond is not None
    assert 0.04 < np.mean(answer.t_squared_beyond >= 95) < 0.06
    assert set(np.unique(answer.q_beyond)) == {0, 95, 99}


def test_a_data_frame_is_taken_by_name_and_keeps_its_index(application: Application) -> None:
    import pandas as pd  # type: ignore[import-untyped]

    names = list(application.card.feature_columns)
    frame = pd.DataFrame(application.rows[:5], columns=names, index=list("abcde"))
    shuffled = frame[names[::-1]].assign(note="x")
    answer = application.projector().project(shuffled)
    np.testing.assert_allclose(answer.values, application.expected(application.rows[:5]), rtol=1e-4, atol=1e-3)
    table = answer.to_frame()
    assert list(table.index) == list("abcde")
    assert list(table.columns) == ["PC1", "PC2", "PC3", "T2", "Q", "T2_beyond", "Q_beyond"]
    with pytest.raises(InputError, match=rf"^The rows lack {names[1]}\. Give the model's columns: {names[0]}, "):
        application.projector().project(shuffled.drop(columns=names[1]))


def test_csv_is_taken_by_name_with_a_header_and_in_order_without(application: Application, tmp_path: Path) -> None:
    names, rows = application.card.feature_columns, application.rows[:3]
    lines = [",".join(map(repr, row)) for row in rows.tolist()]
    expected = application.expected(rows)
    projector = application.projector()
    (tmp_path / "rows.csv").write_text("\n".join([",".join(names), *lines]))
    turned = "\n".join([",".join([*names[::-1], "t"]), *(",".join([*line.split(",")[::-1], "x"]) for line in lines)])
    for given in ("\n".join(lines), "\n".join(lines).encode(), tmp_path / "rows.csv", turned, rows[0]):
        answer = projector.project(given).values
        np.testing.assert_allclose(answer, expected[: len(answer)], rtol=1e-4, atol=1e-3)
    with pytest.raises(InputError, match=r"^Line 2 is no row of 6 cells with a number in each"):
        projector.project(f"{lines[0]}\n1,2,3\n")


def test_a_value_that_is_missing_or_too_large_is_refused_before_anything_is_sent(application: Application) -> None:
    rows, projector = application.rows[:4].copy(), application.projector()
    application.aws.sagemaker.delete_endpoint(EndpointName=application.endpoint_name)
    for value, problem in ((np.nan, "has no value. The endpoint fills no gaps"), (1e39, "is 1e\\+39, beyond")):
        rows[2, 1] = value
        with pytest.raises(InputError, match=rf"^Row 3, column {application.card.feature_columns[1]} {problem}"):
            projector.project(rows)
    with pytest.raises(InputError, match=r"^The rows have shape \(4, 5\)\. Give \(n, 6\)"):
        projector.project(rows[:, :5])


def test_of_no_rows_there_are_no_projections(application: Application) -> None:
    assert application.projector().project(np.empty((0, 6))).values.shape == (0, 3)


@pytest.mark.parametrize("fault", ["throttle", "drop_connection", "lose_response"])
def test_calls_that_are_throttled_or_lost_are_asked_again(
    application: Application, plan_fault: PlanFault, fault: str
) -> None:
    projector = application.projector()
    plan_fault(fault=fault, target="InvokeEndpoint", times=2, name=application.endpoint_name)
    answer = projector.project(application.rows[:10])
    np.testing.assert_allclose(answer.values, application.expected(application.rows[:10]), rtol=1e-4, atol=1e-3)


def test_a_model_that_changed_meanwhile_is_known_again(application: Application) -> None:
    projector = application.projector()
    other = card_of(rows_of(3_000, shift=7), train, make_moments)
    application.aws.sagemaker.update_endpoint(
        EndpointName=application.endpoint_name, EndpointConfigName=deploy_config(application.aws, other)
    )
    application.aws.wait_for_endpoint(application.endpoint_name)
    answer = projector.project(application.rows[:10])
    np.testing.assert_allclose(answer.q, other.monitored.score(application.rows[:10]).q, rtol=1e-9)


def test_an_endpoint_that_does_not_answer_as_its_records_say_is_an_error(application: Application) -> None:
    projector = application.projector()
    other = card_of(rows_of(3_000, shift=7), train, make_moments)
    config = application.aws.create_endpoint_config(
        application.aws.create_model(application.aws.put("x/model.tar.gz", other.model.served_model.to_artifact()))
    )
    served = application.aws.sagemaker.describe_endpoint(EndpointName=application.endpoint_name)["EndpointConfigName"]
    arns = [
        application.aws.sagemaker.describe_endpoint_config(EndpointConfigName=name)["EndpointConfigArn"]
        for name in (served, config)
    ]
    tags = application.aws.sagemaker.list_tags(ResourceArn=arns[0])["Tags"]
    application.aws.sagemaker.add_tags(ResourceArn=arns[1], Tags=tags)
    application.aws.sagemaker.update_endpoint(EndpointName=application.endpoint_name, EndpointConfigName=config)
    application.aws.wait_for_endpoint(application.endpoint_name)
    with pytest.raises(DeploymentError, match=r"does not answer as model .* does"):
        projector.project(application.rows[:10])


def test_what_is_no_endpoint_of_a_pipeline_is_refused_in_words(application: Application) -> None:
    with pytest.raises(DeploymentError, match=r"The model of endpoint no-such is not known: .*ListTags"):
        Projector("no-such", session=application.session)
    foreign = application.aws.create_endpoint(deploy_config(application.aws, application.card, **{"managed-by": "x"}))
    application.aws.wait_for_endpoint(foreign)
    with pytest.raises(DeploymentError, match="which no pipeline of this project made"):
        Projector(foreign, session=application.session)


def test_models_from_before_limits_have_none(application: Application) -> None:
    old = application.card.model_copy(update={"model": application.card.model.model_copy(update={"limits": None})})
    name = application.aws.create_endpoint(deploy_config(application.aws, old))
    application.aws.wait_for_endpoint(name)
    answer = Projector(name, session=application.session).project(application.rows[:2])
    assert answer.t_squared_beyond is answer.q_beyond is None
    assert "T2_beyond" not in answer.to_frame().columns


def test_the_client_needs_neither_airflow_nor_pandas_nor_matplotlib() -> None:
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.split('.')[0] in ('airflow', 'pandas', 'matplotlib', 'moto', 'pyarrow', 'sqlalchemy'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from sagemaker_pca.client import Projector\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT / "plugins"
    )
    assert done.returncode == 0, done.stderr


def test_a_retraining_with_other_columns_is_known_again(application: Application) -> None:
    projector = application.projector()
    wide = rows_of(3_000)[:, :5]
    other = card_of(wide, train, make_moments)
    application.aws.sagemaker.update_endpoint(
        EndpointName=application.endpoint_name, EndpointConfigName=deploy_config(application.aws, other)
    )
    application.aws.wait_for_endpoint(application.endpoint_name)
    answer = projector.project(wide[:10])
    np.testing.assert_allclose(answer.q, other.monitored.score(wide[:10]).q, rtol=1e-9)
    assert projector.columns == other.feature_columns


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("Ch5,Ch5,Ch6,Ch7,Ch8,Ch9,Ch10\n1,2,3,4,5,6,7\n", "The rows have Ch5 more than once"),
        ([["a", "b", "c", "d", "e", "f"]], "something that is no number"),
        (b"\xff,1,2,3,4,5\n", "The rows lack Ch5"),
    ],
    ids=["repeated", "text", "no UTF-8"],
)
def test_rows_that_cannot_be_meant_are_refused_in_words(application: Application, rows: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        application.projector().project(rows)


def test_an_endpoint_without_its_card_is_told_apart_from_one_that_may_not_be_read(application: Application) -> None:
    for key in application.aws.keys("runs/"):
        application.aws.s3.delete_object(Bucket=application.aws.bucket, Key=key)
    with pytest.raises(DeploymentError, match=r"is gone from s3://.*/model_card\.json\. Let its pipeline run again\."):
        application.projector()
