"""The model as it lies in the container: `model_algo-1`, an MXNet NDArray file with s, v and mean in float32."""

from pathlib import Path

import numpy as np

from sagemaker_local.pca_algorithm.ndarray_file import read_arrays, write_arrays
from sagemaker_local.pca_algorithm.sums import Components, Matrix

MODEL_FILE_NAME = "model_algo-1"


def write_model(path: Path, components: Components) -> None:
    """Write s (k,), v (d, k) and, where it was subtracted, mean (1, d), in this order."""
    arrays = {"s": components.singular_values, "v": components.vectors}
    if components.mean is not None:
        arrays["mean"] = components.mean[np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(write_arrays({name: array.astype(np.float32) for name, array in arrays.items()}))


def read_model(path: Path) -> Components:
    """Read a model file in float64; raises ValueError where the arrays do not make a model."""
    arrays = {name: array.astype(np.float64) for name, array in read_arrays(path.read_bytes()).items()}
    if missing := {"s", "v"} - arrays.keys():
        raise ValueError(f"arrays {sorted(missing)} are missing")
    vectors, mean = arrays["v"], arrays.get("mean")
    if vectors.ndim != 2 or arrays["s"].size != vectors.shape[1]:
        raise ValueError(f"v of shape {vectors.shape} does not match s of shape {arrays['s'].shape}")
    if mean is not None and mean.size != len(vectors):
        raise ValueError(f"mean of shape {mean.shape} does not match v of shape {vectors.shape}")
    return Components(arrays["s"].reshape(-1), vectors, _flat(mean))


def _flat(mean: Matrix | None) -> Matrix | None:
    return None if mean is None else mean.reshape(-1)
