"""Imports what loads Airflow's plugins, then the plugin; reports what each took."""

import time

from benchmarks.stopwatch import report

if __name__ == "__main__":
    started = time.perf_counter()
    import airflow.plugins_manager  # noqa: F401

    before = time.perf_counter()
    import sagemaker_pca.plugin  # noqa: F401

    report(airflow_seconds=before - started, plugin_seconds=time.perf_counter() - before)
