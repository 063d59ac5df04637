"""The rows that processing hosts kept of what they read, as one even sample of all raw files. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.artifact import FloatArray
from sagemaker_pca.model.monitoring import Scores

IntArray = NDArray[np.int64]


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
        cls, documents: Sequence[Mapping[str, Any]], kept: Mapping[str, Mapping[str, NDArray[Any]]]
    ) -> SampledRows:
        """The samples of all hosts as one, in which each host counts as much as it has rows.

        :param documents: the parsed `moments-<host>.json` files
        :param kept: by host the arrays of its `sample-<host>.npz`
        Raises:
            InputError: when a host's sample is missing, or no host kept any row.
        """
        ordered = sorted(documents, key=lambda document: str(document["host"]))
        if missing := [str(document["host"]) for document in ordered if str(document["host"]) not in kept]:
            raise InputError(f"The sample of {', '.join(missing)} is missing. Run the processing job again.")
        samples = [kept[str(document["host"])] for document in ordered]
        sizes = [len(sample["rows"]) for sample in samples]
        if not sum(sizes):
            raise InputError("The processing job kept no sample rows. Run it again.")
        files = [[str(file["name"]) for file in document["files"]] for document in ordered]
        before = np.cumsum([0, *map(len, files)])
        shares = _even_shares([int(document["row_count"]) for document in ordered], sizes)
        chosen = [evenly(size, share) for size, share in zip(sizes, shares, strict=True)]
        places = range(len(samples))
        file = np.concatenate([samples[place]["file_number"][chosen[place]] + before[place] for place in places])
        leading = max(places, key=lambda place: len(samples[place]["leading"]))
        order = np.argsort(file, kind="stable")
        return cls(
            rows=np.concatenate([samples[place]["rows"][chosen[place]] for place in places])[order],
            file=file[order],
            row=np.concatenate([samples[place]["row"][chosen[place]] for place in places])[order],
            files=tuple(name for names in files for name in names),
            leading=samples[leading]["leading"],
            leading_row=samples[leading]["leading_row"],
            leading_file=files[leading][0] if files[leading] else "",
            scores=_scores([samples[place].get("scores") for place in places], chosen, order),
        )


def evenly(size: int, count: int) -> IntArray:
    """(count,) places among `size`, evenly spread and ascending; all of them where that is not more."""
    return np.arange(size) if count >= size else (np.arange(count) * size) // max(count, 1)


def _scores(kept: Sequence[FloatArray | None], chosen: Sequence[IntArray], order: IntArray) -> Scores | None:
    """The statistics of the chosen rows: each host wrote an array (n, k + 2), projections, T² and Q."""
    given = [scores[places] for scores, places in zip(kept, chosen, strict=True) if scores is not None]
    if len(given) < len(kept):
        return None
    together = np.concatenate(given)[order]
    return Scores(together[:, :-2], together[:, -2], together[:, -1])


def _even_shares(row_counts: Sequence[int], kept: Sequence[int]) -> list[int]:
    """How many rows of each host's sample make a sample of all rows: in proportion to the rows that it stands for.

    Hosts keep as many at most, and all of fewer rows: what the largest sample has is what all together may have.
    """
    wanted, total = max(kept), sum(row_counts)
    if total <= wanted:
        return list(kept)
    exact = [wanted * count / total for count in row_counts]
    return [min(size, round(share)) for size, share in zip(kept, exact, strict=True)]
