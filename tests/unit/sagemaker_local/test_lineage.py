"""What a resource is made from, and what of its description is the service's own."""

from collections.abc import Mapping
from typing import Any

from sagemaker_local.hosting import ENDPOINT, ENDPOINT_CONFIG
from sagemaker_local.lineage import Lineage, s3_locations
from sagemaker_local.processing import PROCESSING_JOB
from sagemaker_local.resources import Kind, Resource
from sagemaker_local.served_models import MODEL
from sagemaker_local.training import TRAINING_JOB

ARTIFACT = "s3://b/models/train/output/model.tar.gz"


def resource(kind: Kind, name: str, **description: Any) -> Resource:
    return Resource(kind, name, kind.arn(name, "123456789012", "us-east-1"), {kind.name_field: name, **description})


def processing(name: str, uri: str, status: str = "Completed") -> Resource:
    outputs = [{"OutputName": "features", "S3Output": {"S3Uri": uri, "LocalPath": "/opt/ml/processing/output"}}]
    return resource(PROCESSING_JOB, name, ProcessingJobStatus=status, ProcessingOutputConfig={"Outputs": outputs})


def training(**further: Any) -> Resource:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/features/train/"}}
    return resource(
        TRAINING_JOB,
        "train",
        InputDataConfig=[{"ChannelName": "train", "DataSource": source}],
        OutputDataConfig={"S3OutputPath": "s3://b/models"},
        ModelArtifacts={"S3ModelArtifacts": ARTIFACT},
        **further,
    )


MADE_BY = processing("features", "s3://b/features")
MODEL_OF_TRAINING = resource(MODEL, "m", PrimaryContainer={"ModelDataUrl": ARTIFACT})
CONFIG = resource(ENDPOINT_CONFIG, "c", ProductionVariants=[{"VariantName": "v", "ModelName": "m"}])
SERVING = resource(ENDPOINT, "e", EndpointConfigName="c")


def names(resources: list[Resource]) -> list[str]:
    return [found.name for found in resources]


def test_an_endpoint_is_made_from_its_configuration_model_training_and_features() -> None:
    lineage = Lineage([SERVING, CONFIG, MODEL_OF_TRAINING, training(), MADE_BY])
    assert names(lineage.upstream(SERVING)) == ["c", "m", "train", "features"]
    assert names(lineage.downstream(MADE_BY)) == ["train", "m", "c", "e"]


def test_a_failed_job_made_nothing_and_neither_did_a_neighbour_whose_prefix_begins_alike() -> None:
    failed, neighbour = processing("failed", "s3://b/features", "Failed"), processing("neighbour", "s3://b/feat")
    assert Lineage([failed, neighbour, training()]).upstream(training()) == []


def test_jobs_that_read_each_others_output_end_the_search() -> None:
    def copies(name: str, source: str, target: str) -> Resource:
        job = processing(name, target)
        job.description["ProcessingInputs"] = [{"InputName": "i", "S3Input": {"S3Uri": source}}]
        return job

    there, back = copies("there", "s3://b/1", "s3://b/2"), copies("back", "s3://b/2", "s3://b/1")
    assert names(Lineage([there, back]).upstream(there)) == ["back"]


def test_what_the_owner_names_is_neither_a_location_nor_a_resource() -> None:
    named_by_owner: Mapping[str, Any] = {"ModelName": "m", "S3Uri": "s3://b/features"}
    job = resource(TRAINING_JOB, "t", HyperParameters=named_by_owner, Environment=named_by_owner)
    assert list(s3_locations(job.description)) == []
    assert Lineage([job, MODEL_OF_TRAINING, MADE_BY]).upstream(job) == []
