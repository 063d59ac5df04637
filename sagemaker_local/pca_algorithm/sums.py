"""What a host accumulates over its records, and the components that follow from it.

Both modes sum over rows that are shifted by the mean of the first block: with the raw x^T x, a column whose mean is a
million times its deviation would lose all its digits in the subtraction of n * mean^T mean.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

# One BLAS call works on this many bytes of rows: few enough for a core's cache while columns are few, and with more
# columns so many rows that adding to the (d, d) sum costs little beside the product.
_NARROW_BYTES, _WIDE_BYTES = 1 << 20, 1 << 26
_ROWS_PER_COLUMN = 8


@dataclass(frozen=True)
class Components:
    """Singular values (k,) ascending, components (d, k) in the same order, mean (d,) or None where not subtracted."""

    singular_values: Matrix
    vectors: Matrix
    mean: Matrix | None


class NotFiniteError(Exception):
    """A row holds NaN, or values that are infinite themselves or when squared."""

    def __init__(self, has_nan: bool) -> None:
        super().__init__("NaN" if has_nan else "infinite")
        self.has_nan = has_nan


class ShiftedSums(ABC):
    """Row count and sum of the shifted rows; subclasses add what their mode needs."""

    def __init__(self, feature_dim: int, subtract_mean: bool) -> None:
        self.feature_dim = feature_dim
        self.subtract_mean = subtract_mean
        self.count = 0
        self.shift: Matrix = np.zeros(feature_dim)
        self.total: Matrix = np.zeros(feature_dim)
        by_bytes = max(_ROWS_PER_COLUMN * feature_dim, _NARROW_BYTES // (8 * feature_dim))
        self._rows = np.empty((max(1, min(by_bytes, _WIDE_BYTES // (8 * feature_dim))), feature_dim))
        self._filled = 0

    @np.errstate(invalid="ignore", over="ignore")
    def add(self, block: NDArray[Any]) -> None:
        """Add rows (m, d) of any number type."""
        if self.count == 0 and self.subtract_mean:
            self.shift = _finite(block.mean(axis=0, dtype=np.float64), block)
        self.count += len(block)
        while len(block):
            taken = block[: len(self._rows) - self._filled]
            np.subtract(taken, self.shift, out=self._rows[self._filled : self._filled + len(taken)])
            self._filled += len(taken)
            block = block[len(taken) :]
            if self._filled == len(self._rows):
                self.flush()

    @np.errstate(invalid="ignore", over="ignore")
    def flush(self) -> None:
        """Bring buffered rows into the sums."""
        rows, self._filled = self._rows[: self._filled], 0
        if len(rows):
            self.total += _finite(np.ones(len(rows)) @ rows, rows)
            self._accumulate(rows)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the sums as named arrays, for another process; all rows must have been flushed."""
        return {"count": np.array([self.count]), "shift": self.shift, "total": self.total}

    def merge_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Add the `state` of another host, brought to this host's shift."""
        count = int(state["count"][0])
        if self.count == 0:
            self.shift = state["shift"]
        distance = state["shift"] - self.shift
        self._merge(state, count, distance)
        self.count += count
        self.total += state["total"] + count * distance

    @property
    def mean(self) -> Matrix:
        """Mean of the rows (d,), in their own units."""
        return self.shift + self.total / self.count

    @abstractmethod
    def components(self, num_components: int) -> Components:
        """Return the leading components."""

    @abstractmethod
    def _accumulate(self, rows: Matrix) -> None: ...

    @abstractmethod
    def _merge(self, state: Mapping[str, NDArray[Any]], count: int, distance: Matrix) -> None: ...


class ScatterSums(ShiftedSums):
    """Regular mode: the scatter matrix (d, d) of the shifted rows."""

    def __init__(self, feature_dim: int, subtract_mean: bool) -> None:
        super().__init__(feature_dim, subtract_mean)
        self.scatter: Matrix = np.zeros((feature_dim, feature_dim))

    def components(self, num_components: int) -> Components:
        """Take `eigh` of the lower triangle and its last columns untouched: the service's order and signs."""
        scatter = self.scatter
        if self.subtract_mean:
            scatter = scatter - np.outer(self.total, self.total / self.count)
        eigenvalues, vectors = np.linalg.eigh(scatter, UPLO="L")
        singular_values = np.sqrt(np.maximum(eigenvalues[-num_components:], 0.0))
        return Components(singular_values, vectors[:, -num_components:], self.mean if self.subtract_mean else None)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the sums as named arrays, for another process; all rows must have been flushed."""
        return super().state() | {"scatter": self.scatter}

    def _accumulate(self, rows: Matrix) -> None:
        self.scatter += _finite(rows.T @ rows, rows)

    def _merge(self, state: Mapping[str, NDArray[Any]], count: int, distance: Matrix) -> None:
        self.scatter += state["scatter"]
        cross = np.outer(state["total"] + count / 2 * distance, distance)
        self.scatter += cross
        self.scatter += cross.T


class SketchSums(ShiftedSums):
    """Randomized mode: the rows multiplied from the left by random signs, (l, d), as the developer guide tells it."""

    def __init__(self, feature_dim: int, subtract_mean: bool, sketch_rows: int, seed: Sequence[int]) -> None:
        super().__init__(feature_dim, subtract_mean)
        self.sketch: Matrix = np.zeros((sketch_rows, feature_dim))
        self.sign_total: Matrix = np.zeros(sketch_rows)
        self._random = np.random.default_rng(seed)

    def components(self, num_components: int) -> Components:
        """Take the SVD of the centred sketch.

        The guide's sign matrix is not scaled, which makes the sketch's singular values about sqrt(l) times those of
        the data; whether the service divides is not public. Dividing keeps both modes comparable.
        """
        sketch = self.sketch
        if self.subtract_mean:
            sketch = sketch - np.outer(self.sign_total, self.total / self.count)
        _, values, vectors = np.linalg.svd(sketch / np.sqrt(len(sketch)), full_matrices=False)
        ascending = slice(num_components - 1, None, -1)
        return Components(values[ascending], vectors[ascending].T, self.mean if self.subtract_mean else None)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the sums as named arrays, for another process; all rows must have been flushed."""
        return super().state() | {"sketch": self.sketch, "sign_total": self.sign_total}

    def _accumulate(self, rows: Matrix) -> None:
        signs = self._random.integers(0, 2, (len(self.sketch), len(rows)), np.int8).astype(np.float64) * 2 - 1
        self.sketch += signs @ rows
        self.sign_total += signs.sum(axis=1)

    def _merge(self, state: Mapping[str, NDArray[Any]], count: int, distance: Matrix) -> None:
        self.sketch += state["sketch"] + np.outer(state["sign_total"], distance)
        self.sign_total += state["sign_total"]


def _finite(sums: Matrix, rows: NDArray[Any]) -> Matrix:
    """Return sums over the rows, or say which kind of value spoiled them."""
    if not np.isfinite(sums).all():
        raise NotFiniteError(has_nan=bool(np.isnan(rows).any()))
    return sums
