"""Errors as they stand in the log of a real task, those of this package and others."""

from __future__ import annotations

import re

import pytest

from tests.own_dags import write_dag_file
from tests.pipeline_process import dags_test_process

pytestmark = pytest.mark.e2e

# `airflow dags test` has no process for each task: of the first one the plugin hears after its templates.
FAILING_DAG = """
from airflow.sdk import DAG, BaseOperator, task

from sagemaker_pca.exceptions import InputError, SettingError
from sagemaker_pca.task_states import record_failure


def refuse(context, jinja_env):
    raise InputError("The template cannot be made.", hint="Clear stage_inputs.")


class Templated(BaseOperator):
    template_fields = ("value",)
    value = staticmethod(refuse)


@task
def first():
    pass


@task
def expected():
    try:
        int("x")
    except ValueError as error:
        raise SettingError("scaling=big is none.", hint="Set it to none.", link="https://log.example/") from error


@task
def unexpected():
    raise ValueError("nobody thought of this")


with DAG("failing", default_args={"on_failure_callback": record_failure}):
    first() >> [expected(), unexpected(), Templated(task_id="templated")]
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The log of a run whose tasks fail, each in its own way."""
    process = dags_test_process(write_dag_file(tmp_path_factory.mktemp("dags"), FAILING_DAG))
    exit_code, log = process.run(["dags", "test", "failing"], {})
    assert exit_code != 0
    return log


def test_an_expected_error_is_its_sentence_its_hint_and_its_link_a_line_each(log: str) -> None:
    assert re.search(r"\[error    \] scaling=big is none\.\nSet it to none\.\nhttps://log\.example/ ", log)


def test_an_expected_error_in_a_template_is_told_once_and_in_words_too(log: str) -> None:
    assert re.search(r"\[error    \] The template cannot be made\.\nClear stage_inputs\. ", log)
    assert log.count("The template cannot be made.") == 1
    assert "Exception rendering Jinja template" not in log


def test_an_unexpected_error_alone_keeps_its_traceback(log: str) -> None:
    assert log.count("Traceback (most recent call last)") == 1
    assert re.search(r"Task failed with exception.*\nTraceback(.*\n)+ValueError: nobody thought of this", log)
