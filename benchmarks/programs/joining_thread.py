"""Runs the processing script here and reports what of its processor time its first thread took: the script's arguments.

Threads beside it parse the text; the first one joins what they parsed, sums it up and writes it.
"""

from __future__ import annotations

import sys
import time

from benchmarks.stopwatch import report
from processing.__main__ import NoPandas, main

if __name__ == "__main__":
    sys.meta_path.insert(0, NoPandas)
    joining, all_threads = time.thread_time(), time.process_time()
    if main(sys.argv[1:]) != 0:
        raise SystemExit(1)
    report(joining_seconds=time.thread_time() - joining, processor_seconds=time.process_time() - all_threads)
