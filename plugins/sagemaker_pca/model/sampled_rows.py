"""The rows that processing hosts kept of what they read, as one even sample of all raw files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.artifact import FloatArray
from sagemaker_pca.model.monitoring import Scores

IntArray = NDArray[np.int64]
# What a host keeps of each row: its values, where it stands, and its scores where the job has a model.
BY_ROW = ("rows", "file_number", "row", "scores")


@dataclass(frozen=True, slots=True, eq=False)
class SampledRows:
    """Rows in raw units, gaps filled, in the order of files and of rows within them; and the first rows of one file.

    :param rows: (n, d)
    :param file: (n,) place of each row's file among `files`
    :param row: (n,) its number among all rows of that file, from 1
    :param leading: (m, d) consecutive rows
    :param leading_row: (m,) their numbers
    :param leading_file: the file that they are of
    :param scores: of the rows under the model that the job had; None where it had none
    """

    rows: FloatArray
    file: IntArray
    row: IntArray
    files: tuple[str, ...]
    leading: FloatArray
    leading_row: IntArray
    leading_file: str
    scores: Scores | None = None

    @classmethod
    def of_hosts(
        cls, documents: Sequence[Mapping[str, Any]], read: Callable[[str], Mapping[str, NDArray[Any]]]
    ) -> SampledRows:
        """The samples of all hosts as one, in which each host counts as much as it has rows.

        One host's sample is held at a time, beside what was chosen of the others'.

        :param documents: the parsed `moments-<host>.json` files
        :param read: the arrays of a host's `sample-<host>.npz`
        Raises:
            InputError: when no host kept any row.
        """
        ordered = sorted(documents, key=lambda document: str(document["host"]))
        sizes = [int(document["sample_rows"]) for document in ordered]
        if not sum(sizes):
            raise InputError("it kept no sample rows.")
        shares = _even_shares([int(document["row_count"]) for document in ordered], sizes)
        files: list[str] = []
        chosen: list[dict[str, NDArray[Any]]] = []
        leading: tuple[FloatArray, IntArray, str] = np.empty((0, 0)), np.empty(0, np.int64), ""
        for document, size, share in zip(ordered, sizes, shares, strict=True):
            names, arrays = [str(file["name"]) for file in document["files"]], read(str(document["host"]))
            places = evenly(size, share)
            chosen.append({name: arrays[name][places] for name in BY_ROW if name in arrays})
            chosen[-1]["file_number"] = chosen[-1]["file_number"] + len(files)
            if not len(leading[0]) and names:
                leading = arrays["leading"], arrays["leading_row"], names[int(arrays["leading_file_number"])]
            files += names
        together = {name: np.concatenate([arrays[name] for arrays in chosen]) for name in BY_ROW if name in chosen[0]}
        order = np.argsort(together["file_number"], kind="stable")
        scores = together["scores"][order] if "scores" in together else None
        return cls(
            rows=together["rows"][order],
            file=together["file_number"][order],
            row=together["row"][order],
            files=tuple(files),
            leading=leading[0],
            leading_row=leading[1],
            leading_file=leading[2],
            # (n, k + 2): projections, T² and Q.
            scores=None if scores is None else Scores(scores[:, :-2], scores[:, -2], scores[:, -1]),
        )


def evenly(size: int, count: int) -> IntArray:
    """(count,) places among `size`, evenly spread and ascending; all of them where that is not more."""
    return np.arange(size) if count >= size else (np.arange(count) * size) // max(count, 1)


def _even_shares(row_counts: Sequence[int], kept: Sequence[int]) -> list[int]:
    """How many rows of each host's sample make a sample of all rows: in proportion to the rows that it stands for.

    Hosts keep as many at most, and all of fewer rows: what the largest sample has is what all together may have.
    """
    wanted, total = max(kept), sum(row_counts)
    if total <= wanted:
        return list(kept)
    # Differences of rounded sums: together they are exactly as many as wanted.
    ends = [round(wanted * end / total) for end in accumulate(row_counts, initial=0)]
    return [min(size, end - start) for size, (start, end) in zip(kept, pairwise(ends), strict=True)]
