"""DAG files as users of the distribution write them: a few lines each."""

from pathlib import Path


def write_dag_file(folder: Path, *calls: str) -> Path:
    """Write a DAG file that makes these calls of `sagemaker_pca.dags` into a folder, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "# An Airflow DAG file.\nfrom sagemaker_pca.dags import *\n\n" + "\n".join(calls) + "\n"
    (folder / "my_pipelines.py").write_text(text, encoding="utf-8")
    return folder
