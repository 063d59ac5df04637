"""What an Airflow deployment sets for all its runs: its AWS connection, its id, and settings as JSON Variables."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from airflow.sdk import Variable

from sagemaker_pca.exceptions import SettingError

AWS_CONN_ID = "aws_default"
DEPLOYMENT_VARIABLE = "sagemaker_pca_deployment"
# Part of names and tags; short, so that people can read it there.
DEPLOYMENT_ID = re.compile(r"[a-z0-9](-*[a-z0-9]){0,31}")


def deployment_settings() -> dict[str, Any]:
    """The deployment's settings for all DAGs, none where the Variable is not there.

    Raises:
        SettingError: when the Variable is no JSON object, or has a name that is no deployment's setting; and while
            there is a Variable of an earlier release, whose settings would count for nothing without a word.
    """
    # Only when a task runs: the settings of all DAGs are more than one DAG file needs.
    from sagemaker_pca.settings.deployment import GONE_VARIABLES, VARIABLE_NAME, given_settings

    for name, place in GONE_VARIABLES.items():
        if Variable.get(name, default=None) is not None:
            raise SettingError(f"Variable {name} is read no more. {place}", hint=f"Then delete {name}.")
    # Read here, since Airflow takes a Variable that is no JSON for one that is not there.
    return given_settings(Variable.get(VARIABLE_NAME, default=None))


def deployment_id() -> str | None:
    """Id of this Airflow among those that share an AWS account; None before the pipeline's first run.

    Raises:
        SettingError: when somebody gave it one that no name can hold.
    """
    given: str | None = Variable.get(DEPLOYMENT_VARIABLE, default=None)
    if given is not None and not DEPLOYMENT_ID.fullmatch(given):
        raise SettingError(
            f"Variable {DEPLOYMENT_VARIABLE} is {given!r}; it has to be up to 32 lower-case letters, digits and inner "
            "hyphens, such as team-a-prod."
        )
    return given


def made_deployment_id(seed: str) -> str:
    """Likewise, made and kept where there is none yet.

    :param seed: what tasks that make it at the same moment have in common and no other Airflow has: whichever of them
        writes last writes the same
    """
    # Airflow says "not there" of what it could not read, too: an id that is overwritten makes all endpoints foreign.
    known = deployment_id() or deployment_id()
    if known is None:
        known = hashlib.sha256(seed.encode()).hexdigest()[:8]
        Variable.set(DEPLOYMENT_VARIABLE, known, description="Id of this Airflow in names and tags of AWS resources.")
    return known
