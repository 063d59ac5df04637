"""One side of a training comparison: `python -m benchmarks.programs.train WHAT PATH`; the stopwatch is inside.

`ours` trains as the embedded job does, from the files of a /opt/ml folder to the model. The others take a matrix in
NumPy's own format: scikit-learn reads and fits it; the parts of a wide training find it in memory.
"""

import sys
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.stopwatch import stopwatch
from sagemaker_local.pca_algorithm.__main__ import main as train
from sagemaker_local.pca_algorithm.accumulation import Parallelism, accumulate
from sagemaker_local.pca_algorithm.recordio import iter_features
from sagemaker_local.pca_algorithm.sums import ScatterSums

COMPONENTS = 3
BLOCK_BYTES = 1 << 22


def ours(folder: str) -> None:
    """Train from files, whole."""
    with stopwatch():
        exit_code = train(["train"], {"SAGEMAKER_DATA_PATH": folder})
    if exit_code != 0:
        raise SystemExit(exit_code)


def covariance_eigh(matrix: str) -> None:
    """Read the matrix and fit it, in the double precision that training computes in."""
    from sklearn.decomposition import PCA  # type: ignore[import-untyped]

    with stopwatch():
        PCA(COMPONENTS, svd_solver="covariance_eigh").fit(np.load(matrix).astype(np.float64))


def covariance_eigh_single(matrix: str) -> None:
    """Read the matrix and fit it in the single precision it is stored in."""
    from sklearn.decomposition import PCA

    with stopwatch():
        PCA(COMPONENTS, svd_solver="covariance_eigh").fit(np.load(matrix))


def incremental(matrix: str) -> None:
    """Read the matrix piece by piece and fit it in bounded memory, as training does."""
    from sklearn.decomposition import IncrementalPCA

    with stopwatch():
        IncrementalPCA(COMPONENTS).fit(np.load(matrix, mmap_mode="r"))


def accumulation(matrix: str) -> None:
    """Add up the scatter matrix of blocks that are in memory."""
    rows = np.load(matrix)
    block_rows = max(1, BLOCK_BYTES // rows[0].nbytes)
    blocks = [rows[start : start + block_rows] for start in range(0, len(rows), block_rows)]
    parallelism = Parallelism.of(rows.shape[1], host_count=1)
    with threadpool_limits(parallelism.blas_threads, "blas"), stopwatch():
        accumulate(blocks, lambda _lane: ScatterSums(rows.shape[1], subtract_mean=True), parallelism.lanes)


def product(matrix: str) -> None:
    """Multiply the matrix with itself at once, in the same precision: the machine's own speed."""
    rows = np.load(matrix).astype(np.float64)
    with stopwatch():
        rows.T @ rows


def reading(folder: str) -> None:
    """Read the records of a training folder."""
    with stopwatch(), open(f"{folder}/input/data/train/part-0.pbr", "rb") as file:
        for _block in iter_features(file):
            pass


def loading(matrix: str) -> None:
    """Read the same numbers with NumPy."""
    with stopwatch():
        np.load(matrix)


def decomposition(matrix: str) -> None:
    """Take the eigenvectors of the scatter matrix in one thread, as training does."""
    with threadpool_limits(1, "blas"):
        threaded_decomposition(matrix)


def threaded_decomposition(matrix: str) -> None:
    """Take the eigenvectors of the scatter matrix in as many threads as there are cores."""
    rows = np.load(matrix).astype(np.float64)
    scatter = rows.T @ rows
    with stopwatch():
        np.linalg.eigh(scatter, UPLO="L")


PROGRAMS: dict[str, Callable[[str], None]] = {
    program.__name__: program
    for program in (
        ours,
        covariance_eigh,
        covariance_eigh_single,
        incremental,
        accumulation,
        product,
        reading,
        loading,
        decomposition,
        threaded_decomposition,
    )
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2])
