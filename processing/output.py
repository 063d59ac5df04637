"""What stands in the output folders: nothing by its name before it is whole, and the manifest last."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
from pathlib import Path
from typing import Any, Callable, Iterator


@contextlib.contextmanager
def staging_folder(parent: Path, host: str) -> Iterator[Path]:
    """A folder for parts until all of them are whole; gone in the end, whatever happens."""
    folder = parent / f".partial-{host}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_output(arguments: argparse.Namespace, host: str) -> None:
    """Remove what an earlier run of this host left, the manifest first."""
    arguments.stats_dir.mkdir(parents=True, exist_ok=True)
    old = [arguments.stats_dir / name for name in (f"moments-{host}.json", f"scatter-{host}.npy", f"sample-{host}.npz")]
    for folder, kind in ((arguments.features_dir, "features"), (arguments.scores_dir, "scores")):
        old += folder.glob(f"{kind}-{host}-*") if folder else ()
    for path in old:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file that has its name only once it is whole."""
    partial = path.with_name(f".partial-{path.name}")
    write(partial)
    os.replace(partial, path)
