"""The table of images is the SageMaker SDK's, region by region and version by version."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.run.images import ACCOUNTS, SKLEARN_VERSIONS, pca_image_uri, sklearn_image_uri

INSTANCE_TYPE = "ml.m5.large"


def table_of_the_sdk(name: str) -> dict[str, Any]:
    pytest.importorskip("sagemaker.core")  # has no release for Python 3.12 and later beside Airflow 3.3
    table: dict[str, Any] = json.loads((files("sagemaker.core") / "image_uri_config" / f"{name}.json").read_text())
    return table


def test_regions_and_versions_are_those_of_the_sdk() -> None:
    assert table_of_the_sdk("pca")["versions"]["1"]["registries"].keys() == ACCOUNTS.keys()
    versions = table_of_the_sdk("sklearn")["training"]["versions"]
    assert list(versions) == list(SKLEARN_VERSIONS)
    for version in versions.values():
        assert version["registries"] == {region: account for region, (_, account) in ACCOUNTS.items()}


def test_addresses_are_those_of_the_sdk() -> None:
    pytest.importorskip("sagemaker.core")
    from sagemaker.core import image_uris

    for region in ACCOUNTS:
        assert pca_image_uri(region) == image_uris.retrieve("pca", region)
        ours = sklearn_image_uri(region, "1.4-2", INSTANCE_TYPE)
        assert ours == image_uris.retrieve("sklearn", region, version="1.4-2", instance_type=INSTANCE_TYPE)
    for version in SKLEARN_VERSIONS:
        theirs = image_uris.retrieve("sklearn", "us-east-1", version=version, instance_type=INSTANCE_TYPE)
        assert sklearn_image_uri("us-east-1", version, INSTANCE_TYPE) == theirs


def test_a_version_that_the_table_does_not_have_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(SettingError) as error:
        sklearn_image_uri("us-east-1", "9.9-9", INSTANCE_TYPE)
    assert "sklearn_version=9.9-9 is none of 0.20.0" in str(error.value)
    assert "1.4-2-py312" in str(error.value)
    assert "Correct sklearn_version, or give processing_image_uri yourself." in str(error.value)


@pytest.mark.parametrize("instance_type", ["ml.m6g.large", "ml.c7gn.4xlarge"])
def test_an_instance_for_which_there_is_no_image_is_refused(instance_type: str) -> None:
    with pytest.raises(SettingError, match=f"1.4-2 has no image for processing_instance_type={instance_type}"):
        sklearn_image_uri("us-east-1", "1.4-2", instance_type)


@pytest.mark.parametrize("instance_type", ["ml.g4dn.xlarge", "ml.g5.xlarge", "ml.p4d.24xlarge", "ml.m5d.large"])
def test_other_letters_are_no_other_processor(instance_type: str) -> None:
    assert sklearn_image_uri("us-east-1", "1.4-2", instance_type).endswith(":1.4-2-cpu-py3")


def test_a_region_without_images_asks_for_the_users_own() -> None:
    with pytest.raises(SettingError, match=r"No PCA image is known in moon-1\. Give training_image_uri yourself"):
        pca_image_uri("moon-1")
    with pytest.raises(SettingError, match=r"No scikit-learn image is known in moon-1\. Give processing_image_uri"):
        sklearn_image_uri("moon-1", "1.4-2", INSTANCE_TYPE)
