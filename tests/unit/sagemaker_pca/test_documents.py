from typing import Any

import pytest
from pydantic import BaseModel

from sagemaker_pca.documents import VersionedDocument
from sagemaker_pca.endpoints.records import DeploymentHistory, DeploymentRecord, Lease, Promotion
from sagemaker_pca.exceptions import InputError


class Note(VersionedDocument):
    text: str


def test_members_of_a_later_release_are_passed_over() -> None:
    assert Note.read('{"text": "a", "colour": "red"}', "note.json") == Note(text="a")


def test_a_document_from_before_versions_is_of_the_first() -> None:
    assert Note.read('{"text": "a"}', "note.json").schema_version == 1


def test_a_later_version_is_refused_with_what_reads_it() -> None:
    with pytest.raises(InputError, match=r"note.json cannot be read as a Note: .*schema_version=2.*release that wrote"):
        Note.read('{"text": "a", "schema_version": 2}', "note.json")


def test_a_later_version_is_named_alone_and_not_what_it_left_out() -> None:
    with pytest.raises(InputError) as error:
        Note.read('{"schema_version": 2}', "note.json")
    assert str(error.value) == (
        "note.json cannot be read as a Note: schema_version=2 is not among 1 to 1, which this release reads. "
        "Read it with the release that wrote it."
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"text": 1}'])
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError, match=r"note\.json cannot be read as a Note"):
        Note.read(text, "note.json")


@pytest.mark.parametrize(
    "document",
    [
        Lease(holder="run", expires_at="2026-01-01T00:00:00Z"),  # type: ignore[arg-type]
        DeploymentRecord(endpoint_name="e", endpoint_config_name="c", previous_endpoint_config_name=None, run_name="r"),
        Promotion(run_name="r", fingerprint="f", endpoint_name="e", endpoint_config_name="c", model_name="m"),
        DeploymentHistory(),
    ],
    ids=lambda document: type(document).__name__,
)
def test_every_record_survives_its_file_and_what_a_later_release_adds(document: BaseModel) -> None:
    written: dict[str, Any] = document.model_dump(mode="json") | {"added_later": 1}
    assert type(document).model_validate(written) == document
