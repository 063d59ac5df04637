"""Which images can run, and as what."""

import sys

import pytest

from sagemaker_local import images
from sagemaker_local.exceptions import UnsupportedError

SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


@pytest.mark.parametrize("program", ["python3", "python", "/usr/bin/python3", "/miniconda3/bin/python3.9"])
def test_the_containers_python_is_this_python(program: str) -> None:
    command = images.processing_command(SCIKIT_LEARN, [program, "a.py"], ["--x"])
    assert command == [sys.executable, "a.py", "--x"]


def test_other_programs_run_as_they_are() -> None:
    assert images.processing_command(SCIKIT_LEARN, ["bash", "-c", "true"], []) == ["bash", "-c", "true"]


@pytest.mark.parametrize(
    "image",
    [
        "382416733822.dkr.ecr.us-east-1.amazonaws.com/pca:1",
        "438346466558.dkr.ecr.eu-west-1.amazonaws.com/pca:latest",
        "390948362332.dkr.ecr.cn-north-1.amazonaws.com.cn/pca",
    ],
)
def test_the_built_in_pca_of_every_region_trains(image: str) -> None:
    assert images.training_command(image)[-1] == "train"


@pytest.mark.parametrize(
    "image",
    [
        "pca:1",
        "x/pca:1",
        "382416733822.dkr.ecr.us-east-1.amazonaws.com/pca:2",
        SCIKIT_LEARN.replace("scikit-learn", "x"),
    ],
)
def test_other_images_are_refused_with_what_can_run(image: str) -> None:
    with pytest.raises(UnsupportedError, match="it runs the built-in algorithm pca:1"):
        images.training_command(image)
