"""One host's records into sums on all its cores, while the next records are read."""

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple, Self

from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.sums import ShiftedSums

# Products of fewer columns are too small for BLAS to share among cores: its threads would mostly wait for each other.
_WIDE_COLUMNS = 512
_PENDING_BLOCKS_PER_LANE = 2


class Parallelism(NamedTuple):
    """How one host uses its cores: by sums filled side by side in lanes, or by threads within each BLAS call."""

    lanes: int
    blas_threads: int

    @classmethod
    def of(cls, feature_dim: int, host_count: int) -> Self:
        """Choose for a number of columns; the hosts of an embedded job share one machine."""
        cores = max(1, (os.cpu_count() or 1) // host_count)
        return cls(lanes=cores, blas_threads=1) if feature_dim < _WIDE_COLUMNS else cls(lanes=1, blas_threads=cores)


def accumulate(blocks: Iterable[NDArray[Any]], new_sums: Callable[[int], ShiftedSums], lanes: int) -> ShiftedSums:
    """Return the sums over all blocks (m, d), filled in lanes.

    Block i always goes to lane i modulo `lanes`, so that a run's last digits do not depend on timing.
    """
    sums = [new_sums(lane) for lane in range(lanes)]
    with ExitStack() as stack:
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
