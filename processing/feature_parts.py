"""How rows are shared out among features files, which training hosts in turn share out among themselves."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from processing.features import CsvPart, RecordIOPart
from processing.moments import Document, FloatArray


class FeatureWriter:
    """Deals rows out to groups of --part-hosts parts, each part of --part-rows rows.

    Training hosts take parts in turn: a group gives every one of them as many rows, to within one. Rows that would
    leave a part of a last group empty go to the group before, so that no host is left without.
    """

    def __init__(self, folder: Path, host: str, arguments: argparse.Namespace) -> None:
        self.parts: list[Document] = []
        self._folder, self._host, self._arguments = folder, host, arguments
        self._group: list[tuple[CsvPart | RecordIOPart, Document]] = []
        self._dealt = self._group_rows = arguments.part_hosts * arguments.part_rows  # no group has room yet
        self._held: FloatArray = np.empty((len(arguments.feature_columns), 0))

    def write(self, features: FloatArray) -> None:
        """Append features of shape (d, n), opening parts as they fill up."""
        if self._held.shape[1]:
            features = np.concatenate([self._held, features], axis=1)
        while features.shape[1] >= (self._arguments.part_hosts if self._dealt == self._group_rows else 1):
            if self._dealt == self._group_rows:
                self._open_group(self._arguments.part_hosts)
            room = self._group_rows - self._dealt
            self._deal(features[:, :room])
            features = features[:, room:]
        self._held = features

    def close(self) -> None:
        """Deal out what is held back, and finish the last parts."""
        if self._held.shape[1]:
            if not self.parts:
                self._open_group(self._held.shape[1])
            self._deal(self._held)
        self._close_group()

    def _deal(self, features: FloatArray) -> None:
        for number, (part, entry) in enumerate(self._group):
            rows = features[:, (number - self._dealt) % len(self._group) :: len(self._group)]
            if rows.shape[1]:
                part.write(rows)
                entry["rows"] += rows.shape[1]
        self._dealt += features.shape[1]

    def _open_group(self, size: int) -> None:
        self._close_group()
        kind = CsvPart if self._arguments.output_format == "csv" else RecordIOPart
        for _ in range(size):
            name = f"features-{self._host}-{len(self.parts):05d}{kind.suffix}"
            self.parts.append({"name": name, "rows": 0})
            self._group.append((kind(self._folder / name, len(self._arguments.feature_columns)), self.parts[-1]))
        self._dealt = 0

    def _close_group(self) -> None:
        for part, entry in self._group:
            part.close()
            entry["bytes"] = (self._folder / entry["name"]).stat().st_size
        self._group = []
