"""Training on one host: channels into sums, sums of all hosts into the model, and its score on the test channel."""

import json
import time
from functools import partial

import numpy as np

from sagemaker_local.pca_algorithm.accumulation import accumulate, lane_count
from sagemaker_local.pca_algorithm.channels import Channel
from sagemaker_local.pca_algorithm.environment import TrainingEnvironment
from sagemaker_local.pca_algorithm.errors import CustomerError
from sagemaker_local.pca_algorithm.exchange import Exchange
from sagemaker_local.pca_algorithm.hyperparameters import DEFAULT_CONFIGURATION, Hyperparameters
from sagemaker_local.pca_algorithm.metrics_log import MetricsLog
from sagemaker_local.pca_algorithm.model_file import write_model
from sagemaker_local.pca_algorithm.sums import Components, NotFiniteError, ScatterSums, ShiftedSums, SketchSums


def train(environment: TrainingEnvironment, log: MetricsLog) -> None:
    """Train on this host's share and, on the leader, write the model of all hosts; raises TrainingError."""
    _log_configuration(environment, log)
    hyperparameters = Hyperparameters.parse(environment.hyperparameters)
    channels = Channel.load_all(environment)
    log.write("Create Store: dist_sync")
    log.initialized()
    sums = _sum_up(channels["train"], hyperparameters, environment, log)
    if environment.exchange_dir is not None and len(environment.hosts) > 1:
        exchange = Exchange(environment.exchange_dir)
        if not environment.is_leader:
            exchange.publish_sums(environment.current_host, sums.state())
            return
        for state in exchange.collect_sums(environment.hosts[1:]):
            sums.merge_state(state)
    if sums.count == 0:
        raise CustomerError("Unable to read data channel 'train'. No records were found in any of its files.")
    started = time.time()
    components = sums.components(hyperparameters.num_components)
    log.elapsed("finalize.time", started)
    write_model(environment.model_path, components)
    _score(channels.get("test"), components, log)
    log.totals()


def _log_configuration(environment: TrainingEnvironment, log: MetricsLog) -> None:
    given = dict(environment.hyperparameters)
    log.write(f"Reading default configuration from default-conf.json: {json.dumps(DEFAULT_CONFIGURATION)}")
    log.write(f"Reading provided configuration from /opt/ml/input/config/hyperparameters.json: {json.dumps(given)}")
    log.write(f"Final configuration: {json.dumps(DEFAULT_CONFIGURATION | given)}")


def _sum_up(
    channel: Channel, hyperparameters: Hyperparameters, environment: TrainingEnvironment, log: MetricsLog
) -> ShiftedSums:
    """Return the sums of this host's records; a host may have none where there are more hosts than objects."""
    started = time.time()
    log.data_iterator("init_train_data_iter", started, batches=0, records=0)
    feature_dim = hyperparameters.feature_dim
    new_sums = partial(_new_sums, hyperparameters, environment.hosts.index(environment.current_host))
    # The hosts of an embedded job share this machine.
    lanes = lane_count(feature_dim, len(environment.hosts))
    try:
        sums = accumulate(channel.blocks(feature_dim), new_sums, lanes)
    except NotFiniteError as error:
        raise channel.not_finite(has_nan=error.has_nan) from None
    if sums.count:
        log.write(f"{feature_dim} feature(s) found in 'data'.")
    if 0 < sums.count < hyperparameters.mini_batch_size:
        # The SDK warns that training fails in this case; the service's own message is not public.
        raise CustomerError(
            f"mini_batch_size ({hyperparameters.mini_batch_size}) must not be greater than "
            f"the number of records per instance ({sums.count})"
        )
    batches = -(-sums.count // hyperparameters.mini_batch_size)
    log.epoch(started, batches, sums.count, channel.byte_count)
    return sums


def _new_sums(hyperparameters: Hyperparameters, host_index: int, lane: int) -> ShiftedSums:
    feature_dim, subtract_mean = hyperparameters.feature_dim, hyperparameters.subtract_mean
    if not hyperparameters.is_randomized:
        return ScatterSums(feature_dim, subtract_mean)
    sketch_rows = hyperparameters.num_components + hyperparameters.extra_components
    # The service has no seed hyperparameter; fixed seeds make runs repeatable.
    return SketchSums(feature_dim, subtract_mean, sketch_rows, seed=(host_index, lane))


def _score(channel: Channel | None, components: Components, log: MetricsLog) -> None:
    """Log the mean squared distance of the test records from their reconstruction.

    The service's own line for PCA is not public; this is the one of its siblings. Only the leader has the model, so
    its share of the channel is what is scored.
    """
    if channel is None:
        log.write("Test data is not provided.")
        return
    distance, count = 0.0, 0
    for block in channel.blocks(len(components.vectors)):
        if not np.isfinite(block).all():
            raise channel.not_finite(has_nan=bool(np.isnan(block).any()))
        centred = np.subtract(block, 0.0 if components.mean is None else components.mean, dtype=np.float64)
        residual = centred - (centred @ components.vectors) @ components.vectors.T
        distance += float(np.square(residual).sum())
        count += len(block)
    if count:
        log.test_score(distance / count)
