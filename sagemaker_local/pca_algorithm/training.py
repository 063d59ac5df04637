"""Training on one host: channels into sums, sums of all hosts into the model, and its score on the test channel."""

import json
import time

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from sagemaker_local.pca_algorithm.accumulation import Parallelism, accumulate
from sagemaker_local.pca_algorithm.channels import Channel
from sagemaker_local.pca_algorithm.environment import TrainingEnvironment
from sagemaker_local.pca_algorithm.errors import CustomerError
from sagemaker_local.pca_algorithm.exchange import Exchange
from sagemaker_local.pca_algorithm.hyperparameters import DEFAULT_CONFIGURATION, Hyperparameters
from sagemaker_local.pca_algorithm.metrics_log import MetricsLog
from sagemaker_local.pca_algorithm.model_file import write_model
from sagemaker_local.pca_algorithm.sums import Components, NotFiniteError, ScatterSums, ShiftedSums, SketchSums


class Training:
    """One host's part in a training job; every step raises TrainingError where the job has to fail."""

    def __init__(self, environment: TrainingEnvironment, log: MetricsLog) -> None:
        self._environment = environment
        self._log = log
        self._log_configuration()
        self._hyperparameters = Hyperparameters.parse(environment.hyperparameters)
        self._channels = Channel.load_all(environment)
        self._parallelism = Parallelism.of(self._hyperparameters.feature_dim, len(environment.hosts))

    def run(self) -> None:
        """Sum up this host's records and, on the leader, write the model of all hosts."""
        self._log.write("Create Store: dist_sync")
        self._log.initialized()
        with threadpool_limits(self._parallelism.blas_threads, "blas"):
            sums = self._sum_up()
            if self._environment.is_leader:
                self._finish(sums)
            else:
                self._exchange.publish_sums(self._environment.current_host, sums.state())

    @property
    def _exchange(self) -> Exchange:
        return Exchange(self._environment.exchange_dir)

    def _log_configuration(self) -> None:
        given = dict(self._environment.hyperparameters)
        for what, configuration in (
            ("Reading default configuration from default-conf.json", DEFAULT_CONFIGURATION),
            ("Reading provided configuration from /opt/ml/input/config/hyperparameters.json", given),
            ("Final configuration", DEFAULT_CONFIGURATION | given),
        ):
            self._log.write(f"{what}: {json.dumps(configuration)}")

    def _sum_up(self) -> ShiftedSums:
        """Return the sums of this host's records; there are none where the job has more hosts than objects."""
        channel, hyperparameters = self._channels["train"], self._hyperparameters
        started = time.time()
        self._log.data_iterator("init_train_data_iter", started, batches=0, records=0)
        blocks = channel.blocks(hyperparameters.feature_dim)
        try:
            sums = accumulate(blocks, self._new_sums, self._parallelism.lanes)
        except NotFiniteError as error:
            raise channel.not_finite(has_nan=error.has_nan) from None
        if sums.count:
            self._log.write(f"{hyperparameters.feature_dim} feature(s) found in 'data'.")
        if 0 < sums.count < hyperparameters.mini_batch_size:
            # The SDK warns that training fails in this case; the service's own message is not public.
            raise CustomerError(
                f"mini_batch_size ({hyperparameters.mini_batch_size}) must not be greater than "
                f"the number of records per instance ({sums.count})"
            )
        batches = -(-sums.count // hyperparameters.mini_batch_size)
        self._log.epoch(started, batches, sums.count, channel.byte_count)
        return sums

    def _new_sums(self, lane: int) -> ShiftedSums:
        hyperparameters = self._hyperparameters
        feature_dim, subtract_mean = hyperparameters.feature_dim, hyperparameters.subtract_mean
        if not hyperparameters.is_randomized:
            return ScatterSums(feature_dim, subtract_mean)
        sketch_rows = hyperparameters.num_components + hyperparameters.extra_components
        # The service has no seed hyperparameter; fixed seeds make runs repeatable.
        seed = (self._environment.host_index, lane)
        return SketchSums(feature_dim, subtract_mean, sketch_rows, seed)

    def _finish(self, sums: ShiftedSums) -> None:
        """Merge the other hosts' sums, write the model and score it."""
        for state in self._exchange.collect_sums(self._environment.hosts[1:]):
            sums.merge_state(state)
        if sums.count == 0:
            raise CustomerError("Unable to read data channel 'train'. No records were found in any of its files.")
        started = time.time()
        # A decomposition is many small steps. Where other programs are busy, too, threads that wait for each other at
        # every step make it three times as long.
        with threadpool_limits(1, "blas"):
            components = sums.components(self._hyperparameters.num_components)
        self._log.elapsed("finalize.time", started)
        write_model(self._environment.model_path, components)
        if "test" in self._channels:
            self._score(self._channels["test"], components)
        else:
            self._log.write("Test data is not provided.")
        self._log.totals()

    def _score(self, channel: Channel, components: Components) -> None:
        """Log the mean squared distance of the test records from their reconstruction.

        The service's own line for PCA is not public; this is the one of its siblings. Only the leader has the model,
        so its share of the channel is what is scored.
        """
        mean = 0.0 if components.mean is None else components.mean
        distance, count = 0.0, 0
        for block in channel.blocks(self._hyperparameters.feature_dim):
            if not np.isfinite(block).all():
                raise channel.not_finite(has_nan=bool(np.isnan(block).any()))
            centred = np.subtract(block, mean, dtype=np.float64)
            residual = centred - (centred @ components.vectors) @ components.vectors.T
            distance += float(np.square(residual).sum())
            count += len(block)
        if count:
            self._log.test_score(distance / count)
