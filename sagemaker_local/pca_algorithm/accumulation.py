"""One host's records into sums on all its cores, while the next records are read."""

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from sagemaker_local.pca_algorithm.sums import ShiftedSums

# Products of fewer columns are too small for BLAS to share among cores: its threads would mostly wait for each other.
_WIDE_COLUMNS = 512
_PENDING_BLOCKS_PER_LANE = 2


def lane_count(feature_dim: int, hosts_on_this_machine: int) -> int:
    """Return how many sums to fill side by side: one per core while columns are few, else BLAS has the cores."""
    cores = os.cpu_count() or 1
    return max(1, cores // hosts_on_this_machine) if feature_dim < _WIDE_COLUMNS else 1


def accumulate(blocks: Iterable[NDArray[Any]], new_sums: Callable[[int], ShiftedSums], lanes: int) -> ShiftedSums:
    """Return the sums over all blocks (m, d), filled in lanes with a BLAS thread each where there are several.

    Block i always goes to lane i modulo `lanes`, so that a run's last digits do not depend on timing.
    """
    sums = [new_sums(lane) for lane in range(lanes)]
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1 if lanes > 1 else None, "blas"))
        workers = [stack.enter_context(ThreadPoolExecutor(1)) for _ in sums]
        pending: deque[Future[None]] = deque()
        for index, block in enumerate(blocks):
            pending.append(workers[index % lanes].submit(sums[index % lanes].add, block))
            if len(pending) > _PENDING_BLOCKS_PER_LANE * lanes:
                pending.popleft().result()
        pending.extend(worker.submit(part.flush) for worker, part in zip(workers, sums, strict=True))
        for future in pending:
            future.result()
    for part in sums[1:]:
        sums[0].merge_state(part.state())
    return sums[0]
