"""Short files side by side: one alone keeps a single core busy."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Deque, Iterator, Sequence

import pyarrow as pa

from processing.csv_files import AHEAD_BYTES, BLOCK_BYTES
from processing.input_files import InputFile
from processing.rows import Rows


def batches_of_files(files: Sequence[InputFile]) -> Iterator[tuple[InputFile, Iterator[Rows]]]:
    """Each file and its batches, in order; those that raise do so in their turn.

    While one file is used, the first batches of the short ones after it are made, on all cores. A long file keeps all
    cores busy by itself.
    """
    most_ahead = min(pa.cpu_count() + 1, AHEAD_BYTES // BLOCK_BYTES)
    started: Deque[Future[Iterator[Rows]]] = deque()
    with ThreadPoolExecutor(most_ahead) as pool:
        for number, file in enumerate(files):
            for later in files[number + len(started) : number + most_ahead]:
                if not later.is_short:
                    break
                started.append(pool.submit(begun, later))
            yield file, started.popleft().result() if started else iter(file.batches())


def begun(file: InputFile) -> Iterator[Rows]:
    """The batches of a file, the first of which is there."""
    batches = file.batches()
    return itertools.chain(list(itertools.islice(batches, 1)), batches)
