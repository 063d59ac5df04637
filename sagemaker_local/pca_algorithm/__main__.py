"""`python -m sagemaker_local.pca_algorithm train`: what `docker run <the PCA image> train` does."""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from sagemaker_local.pca_algorithm.environment import TrainingEnvironment, data_path, write_failure
from sagemaker_local.pca_algorithm.errors import AlgorithmError, TrainingError
from sagemaker_local.pca_algorithm.exchange import Exchange
from sagemaker_local.pca_algorithm.metrics_log import MetricsLog
from sagemaker_local.pca_algorithm.training import Training


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Train and return the exit code: 0, or 1, 2 or 3 with the reason in output/failure."""
    if list(arguments) != ["train"]:
        sys.stderr.write(f"Allowed arguments: train. Given: {' '.join(arguments)}\n")
        return 2
    environment = None
    try:
        environment = TrainingEnvironment.load(environ)
        Training(environment, MetricsLog(environment.current_host)).run()
    except TrainingError as error:
        return _fail(data_path(environ), environment, error)
    except Exception as error:  # the service reports a defect of the algorithm as the job's failure, too
        traceback.print_exc()
        failure = AlgorithmError("Unexpected error")
        failure.__cause__ = error
        return _fail(data_path(environ), environment, failure)
    return 0


def _fail(root: Path, environment: TrainingEnvironment | None, error: TrainingError) -> int:
    sys.stderr.write(f"{error.failure_text}\n")
    write_failure(root, error.failure_text)
    if environment is not None:
        Exchange(environment.exchange_dir).publish_failure(environment.current_host, error)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
