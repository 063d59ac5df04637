"""Runs one program and writes what it took: `python -I -S launch.py USAGE_FILE PROGRAM [ARGUMENT ...]`.

A process apart: the kernel counts the memory of whoever starts a program into that program's peak, and this one is
small. Standard library alone, for the same reason.
"""

import json
import os
import signal
import sys
import time

usage_path, *command = sys.argv[1:]
started = time.perf_counter()
process_id = os.posix_spawnp(command[0], command, os.environ)
signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(process_id, number))
_, status, usage = os.wait4(process_id, 0)
taken = {
    "seconds": time.perf_counter() - started,
    "processor_seconds": usage.ru_utime + usage.ru_stime,
    "peak_mb": usage.ru_maxrss * 1024 / 1e6,  # Linux counts in units of 1,024 bytes
}
with open(usage_path, "w", encoding="utf-8") as file:
    json.dump(taken, file)
sys.exit(os.waitstatus_to_exitcode(status))
