"""Code as most people have it, for version 2 of the SageMaker Python SDK; run by that SDK's own Python.

`python sdk_v2_user.py BUCKET` writes a JSON object: for each function, what went wrong, or nothing.
"""

import contextlib
import io
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from sagemaker import PCA, Session
from sagemaker.analytics import TrainingJobAnalytics
from sagemaker.deserializers import BytesDeserializer, JSONDeserializer, JSONLinesDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.predictor import Predictor
from sagemaker.processing import FrameworkProcessor, ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.serializers import CSVSerializer, JSONLinesSerializer, JSONSerializer
from sagemaker.serverless import ServerlessInferenceConfig
from sagemaker.sklearn import SKLearn, SKLearnProcessor
from sagemaker.transformer import Transformer

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/pca:1"
SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
INSTANCE = {"instance_count": 1, "instance_type": "ml.m5.large"}
ROWS = np.random.default_rng(7).normal(size=(200, 4)).astype("float32") @ np.diag([4, 3, 2, 1]).astype("float32")
EXPECTED = np.linalg.svd(ROWS.astype(float) - ROWS.mean(axis=0), full_matrices=False)


def expected_projections(rows: Any) -> Any:
    """What two components make of rows, up to a sign each, the smaller first."""
    return np.abs((rows - ROWS.mean(axis=0)) @ EXPECTED[2][:2].T)[:, ::-1]


class User:
    """A session, and the training job that all use."""

    def __init__(self, bucket: str) -> None:
        self.bucket, self.session = bucket, Session(default_bucket=bucket)
        self.folder = Path(tempfile.mkdtemp())
        np.savetxt(self.folder / "rows.csv", ROWS, delimiter=",")
        self.csv = self.session.upload_data(str(self.folder / "rows.csv"), bucket, "rows")
        self.estimator = Estimator(
            IMAGE,
            ROLE,
            output_path=f"s3://{bucket}/models",
            sagemaker_session=self.session,
            hyperparameters={"feature_dim": 4, "num_components": 2, "mini_batch_size": 100},
            **INSTANCE,
        )
        with contextlib.redirect_stdout(io.StringIO()) as self.log:
            self.estimator.fit({"train": TrainingInput(self.csv, content_type="text/csv;label_size=0")}, logs="All")

    def script(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def read(self, uri: str) -> str:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()  # type: ignore[no-any-return]


def logs_are_streamed(user: User) -> None:
    assert "Training seconds: " in user.log.getvalue()
    assert "#metrics" in user.log.getvalue() or "algo-1" in user.log.getvalue()


def pca_with_record_set(user: User) -> None:
    pca = PCA(ROLE, num_components=2, sagemaker_session=user.session, output_path=f"s3://{user.bucket}/p", **INSTANCE)
    pca.fit(pca.record_set(ROWS), mini_batch_size=100)
    predictor = pca.deploy(1, "ml.m5.large")
    found = [record.label["projection"].float32_tensor.values for record in predictor.predict(ROWS[:3])]
    np.testing.assert_allclose(np.abs(found), expected_projections(ROWS[:3]), rtol=1e-4, atol=1e-4)
    predictor.delete_model()
    predictor.delete_endpoint()


def attach(user: User) -> None:
    attached = Estimator.attach(user.estimator.latest_training_job.name, sagemaker_session=user.session)
    assert attached.model_data == user.estimator.model_data
    assert attached.hyperparameters() == {"feature_dim": "4", "num_components": "2", "mini_batch_size": "100"}


def training_job_analytics(user: User) -> None:
    found = TrainingJobAnalytics(user.estimator.latest_training_job.name, sagemaker_session=user.session)
    assert found.dataframe() is not None


def predictor_with_every_serializer(user: User) -> None:
    predictor = user.estimator.deploy(1, "ml.m5.large")
    rows, expected = ROWS[:2], expected_projections(ROWS[:2])
    try:
        features = [{"features": row.tolist()} for row in rows]
        for serializer, deserializer, given in (
            (CSVSerializer(), JSONDeserializer(), rows),
            (JSONSerializer(), JSONDeserializer(), {"instances": features}),
            (JSONLinesSerializer(), JSONLinesDeserializer(), features),
        ):
            answer = Predictor(predictor.endpoint_name, user.session, serializer, deserializer).predict(given)
            items = answer["projections"] if isinstance(answer, dict) else answer
            found = [item["projection"] for item in items]
            np.testing.assert_allclose(np.abs(found), expected, rtol=1e-4, atol=1e-4)
        asking = Predictor(predictor.endpoint_name, user.session, CSVSerializer(), BytesDeserializer())
        assert json.loads(asking.predict(rows))["projections"]
    finally:
        predictor.delete_endpoint()
    with contextlib.suppress(Exception):
        predictor.predict(rows)
        raise AssertionError("a deleted endpoint answers")


def a_serverless_endpoint(user: User) -> None:
    predictor = user.estimator.deploy(
        serverless_inference_config=ServerlessInferenceConfig(memory_size_in_mb=1024, max_concurrency=2),
        serializer=CSVSerializer(),
        deserializer=JSONDeserializer(),
    )
    assert len(predictor.predict(ROWS[:2])["projections"]) == 2
    predictor.delete_endpoint()


def update_endpoint(user: User) -> None:
    predictor = user.estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=JSONDeserializer())
    predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large")
    assert len(predictor.predict(ROWS[:1])["projections"]) == 1
    predictor.delete_endpoint()


def transformer(user: User) -> None:
    transformer = user.estimator.transformer(
        1, "ml.m5.large", assemble_with="Line", output_path=f"s3://{user.bucket}/out", accept="application/jsonlines"
    )
    transformer.transform(user.csv, content_type="text/csv", split_type="Line", wait=True, logs=True)
    lines = user.read(f"s3://{user.bucket}/out/rows.csv.out").splitlines()
    found = [json.loads(line)["projection"] for line in lines]
    np.testing.assert_allclose(np.abs(found), expected_projections(ROWS), rtol=1e-3, atol=1e-3)
    attached = Transformer.attach(transformer.latest_transform_job.name, sagemaker_session=user.session)
    assert attached.output_path == f"s3://{user.bucket}/out"


def sklearn_processor(user: User) -> None:
    processor = SKLearnProcessor("1.2-1", ROLE, sagemaker_session=user.session, **INSTANCE)
    code = "import shutil, sys; shutil.copy(sys.argv[1], '/opt/ml/processing/output')\n"
    processor.run(
        user.script("copy.py", code),
        inputs=[ProcessingInput(user.csv, "/opt/ml/processing/input")],
        outputs=[ProcessingOutput(source="/opt/ml/processing/output", destination=f"s3://{user.bucket}/copied")],
        arguments=["/opt/ml/processing/input/rows.csv"],
        logs=True,
    )
    assert user.read(f"s3://{user.bucket}/copied/rows.csv") == user.read(user.csv)
    assert processor.latest_job.describe()["ProcessingJobStatus"] == "Completed"


def script_processor(user: User) -> None:
    processor = ScriptProcessor(ROLE, SCIKIT_LEARN, ["python3"], sagemaker_session=user.session, **INSTANCE)
    processor.run(user.script("say.py", "print('said')\n"), logs=True)
    assert processor.latest_job.describe()["ProcessingJobStatus"] == "Completed"


def framework_processor_with_several_files(user: User) -> None:
    folder = user.folder / "source"
    folder.mkdir()
    (folder / "words.py").write_text("WORDS = 'from a module beside it'\n", encoding="utf-8")
    (folder / "main.py").write_text(
        "from words import WORDS\nopen('/opt/ml/processing/output/words.txt', 'w').write(WORDS)\n", encoding="utf-8"
    )
    processor = FrameworkProcessor(SKLearn, "1.2-1", ROLE, sagemaker_session=user.session, **INSTANCE)
    output = ProcessingOutput(source="/opt/ml/processing/output", destination=f"s3://{user.bucket}/words")
    processor.run("main.py", source_dir=str(folder), outputs=[output], logs=True)
    assert user.read(f"s3://{user.bucket}/words/words.txt") == "from a module beside it"


USES = (
    logs_are_streamed,
    pca_with_record_set,
    attach,
    training_job_analytics,
    predictor_with_every_serializer,
    a_serverless_endpoint,
    update_endpoint,
    transformer,
    sklearn_processor,
    script_processor,
    framework_processor_with_several_files,
)


def main(bucket: str) -> None:
    # The SDK looks at AWS's jobs every 5 to 30 seconds; these take one.
    really_sleep = time.sleep
    vars(time)["sleep"] = lambda seconds: really_sleep(min(seconds, 1))
    boto3.client("s3").create_bucket(Bucket=bucket)
    user, outcomes = User(bucket), dict[str, str]()
    for use in USES:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                use(user)
            outcomes[use.__name__] = ""
        except Exception:
            outcomes[use.__name__] = traceback.format_exc()
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(sys.argv[1])
