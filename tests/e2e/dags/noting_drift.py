"""A notifier that leaves the DAG's name in a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def note(context: Any) -> None:
    """Write the DAG's name to the file that the environment names."""
    Path(os.environ["NOTED_DRIFT"]).write_text(context["dag"].dag_id)
