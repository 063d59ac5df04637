"""A pipeline over the user's own data, as the few lines of a DAG file that they would write themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from quickstart.checked_settings import refuse_own
from quickstart.processes import QuickstartError
from quickstart.raw_data import RawData, read_raw_data

OWN_DAG_ID = "my_data"
OWN_PREFIX = "my_data/"


class OwnPipeline(NamedTuple):
    """The pipeline, before its data is uploaded."""

    data: RawData

    def dag_file(self, raw_data_uri: str) -> str:
        """The text of its DAG file."""
        settings = {"raw_data_uri": raw_data_uri, "endpoint_name": "my-data", **self.data.settings}
        text = "".join(f"    {name!r}: {value!r},\n" for name, value in settings.items())
        call = f"pca_pipeline({OWN_DAG_ID!r}, settings={{\n{text}}})"
        # Airflow looks into files only that hold its name.
        return f"# An Airflow DAG file.\nfrom sagemaker_pca.dags import pca_pipeline\n\n{call}\n"


def own_pipeline(data: Path | None, settings: Mapping[str, Any]) -> OwnPipeline | None:
    """Read the user's data; None without any.

    Raises:
        QuickstartError: when a run would end at the data or the settings
    """
    refuse_own(settings)
    if data is not None:
        return OwnPipeline(read_raw_data(data, settings))
    if settings:
        names, verb = ", ".join(settings), "goes" if len(settings) == 1 else "go"
        raise QuickstartError(
            f"{names} {verb} with DATA, which is missing. Set the sample's pipeline in Airflow's form."
        )
    return None
