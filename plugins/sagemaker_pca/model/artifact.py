"""The PCA model as the built-in algorithm stores it: artifact in and out, projection, explained variance."""

import gzip
import io
import posixpath
import tarfile
import zlib
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.ndarray_file import read_ndarrays, write_ndarrays

FloatArray = NDArray[np.float64]

_MODEL_FILE = "model_algo-1"
# Ten thousand columns and components make 400 MB; an archive that unpacks to more than this is no model.
_MAX_UNPACKED_BYTES = 1 << 30
_GZIP_WINDOW = zlib.MAX_WBITS | 16
# The service works in float32: singular values below this share of the largest are noise and may not be sorted.
_NOISE_SHARE = 1e-3


@dataclass(frozen=True)
class PcaModel:
    """Mean (d,), singular values (k,) ascending, and components (d, k) in the same order: the largest comes last.

    Singular values are those of the centred training data. Numbers may be NaN or infinite, as trained; shapes are
    checked on construction and raise InputError.
    """

    mean: FloatArray
    singular_values: FloatArray
    components: FloatArray

    def __post_init__(self) -> None:
        d, k = self._checked_shape()
        if self.mean.shape != (d,):
            raise InputError(f"mean has shape {self.mean.shape}, components have {d} rows. Give one mean per feature.")
        if self.singular_values.shape != (k,):
            raise InputError(
                f"singular_values have shape {self.singular_values.shape}, components have {k} columns. "
                "Give one singular value per component."
            )
        if (np.diff(self.singular_values) < -_NOISE_SHARE * self.singular_values.max()).any():
            raise InputError(
                f"singular_values {self.singular_values.tolist()} do not ascend. "
                "Order components as the built-in algorithm does, the largest last."
            )

    @classmethod
    def from_artifact(cls, data: bytes) -> Self:
        """Read the bytes of a model.tar.gz, in memory and bounded in size; raises InputError for any other content."""
        content = _read_model_file(data)
        try:
            arrays = {name: array.astype(np.float64) for name, array in read_ndarrays(content).items()}
        except ValueError as error:
            raise InputError(f"{_MODEL_FILE} in the artifact is not readable: {error}") from error
        if missing := {"s", "v"} - arrays.keys():
            raise InputError(f"{_MODEL_FILE} lacks {sorted(missing)}, it has {list(arrays)}. Is it a PCA artifact?")
        components = arrays["v"]
        # Training with subtract_mean=false stores no mean, and nothing is subtracted then.
        mean = arrays["mean"].reshape(-1) if "mean" in arrays else np.zeros(len(components))
        return cls(mean=mean, singular_values=arrays["s"].reshape(-1), components=components)

    def as_stored(self) -> Self:
        """Return the model with its numbers rounded to float32, as the artifact holds them and an endpoint serves."""
        parts = {"mean": self.mean, "singular_values": self.singular_values, "components": self.components}
        with np.errstate(
            over="ignore"
        ):  # what float32 cannot hold is infinite in the artifact too, and refused as such
            return replace(self, **{name: part.astype(np.float32).astype(np.float64) for name, part in parts.items()})

    def to_artifact(self) -> bytes:
        """Return a model.tar.gz in float32 that the built-in image serves; the same model gives the same bytes."""
        arrays = {"s": self.singular_values, "v": self.components, "mean": self.mean[np.newaxis]}
        content = write_ndarrays({name: array.astype(np.float32) for name, array in arrays.items()})
        member = tarfile.TarInfo(_MODEL_FILE)
        member.size, member.mtime = len(content), 0
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            tar.addfile(member, io.BytesIO(content))
        return gzip.compress(archive.getvalue(), mtime=0)

    def project(self, rows: FloatArray) -> FloatArray:
        """Return the projections (n, k) of rows (n, d) in raw units."""
        rows = np.asarray(rows, np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            raise InputError(
                f"rows have shape {rows.shape}, expected (n, {len(self.mean)}). Give every feature column."
            )
        projections: FloatArray = (rows - self.mean) @ self.components
        return projections

    def rows_about_mean(self, count: int) -> FloatArray:
        """Return rows (count, d) in raw units to ask an endpoint for when no data is at hand, always the same ones.

        They lie about the mean, each column as far out as the components say that it varies, or by 1 where they say
        nothing: a model that differs anywhere projects them otherwise.
        """
        spread = np.linalg.norm(self.components * self.singular_values, axis=1)
        spread[~(spread > 0)] = 1.0
        noise = np.random.default_rng(0).standard_normal((count, len(self.mean)))
        rows: FloatArray = self.mean + spread * noise
        return rows

    def float32_tolerance(self, rows: FloatArray) -> FloatArray:
        """Return the largest differences (n, k) from `project` that float32 arithmetic explains.

        The container reads values, mean and components as float32: each product carries a relative error of a few eps,
        and the sum over d products adds up at worst d of them (Higham, Accuracy and Stability, section 3.1).
        """
        tolerance: FloatArray = (np.abs(rows) + np.abs(self.mean)) @ np.abs(self.components)
        tolerance *= float(np.finfo(np.float32).eps) * (rows.shape[1] + 4)
        return tolerance

    def explained_variance_ratio(self, total_squared_deviations: float) -> FloatArray:
        """Return each component's share (k,) of the training data's squared deviations, NaN where these are none."""
        total = total_squared_deviations if total_squared_deviations > 0 else np.nan
        ratio: FloatArray = self.singular_values**2 / total
        return ratio

    def with_scaling_folded_in(self, mean: FloatArray, scale: FloatArray) -> Self:
        """Return the model for raw units x of one trained on z = (x - mean) / scale, mean and scale (d,)."""
        for name, values in (("mean", mean), ("scale", scale)):
            if values.shape != self.mean.shape:
                raise InputError(f"{name} has shape {values.shape}, the model has {len(self.mean)} features.")
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise InputError(f"scale {scale.tolist()} holds values that are not positive. Use 1 for constant columns.")
        return replace(self, mean=mean + scale * self.mean, components=self.components / scale[:, np.newaxis])

    def largest_principal_angle(self, other: "PcaModel") -> float:
        """Return the largest angle, in degrees, between the spans of two models' components.

        With different numbers of components it is measured within the smaller span. Small angles are taken from
        sines, as cosines cannot tell them apart (Björck and Golub 1973).
        """
        if len(self.mean) != len(other.mean):
            raise InputError(f"The models have {len(self.mean)} and {len(other.mean)} features. Compare equal columns.")
        small, large = sorted((self.components, other.components), key=lambda components: components.shape[1])
        small_basis, large_basis = np.linalg.qr(small)[0], np.linalg.qr(large)[0]
        cosines = large_basis.T @ small_basis
        sine = np.linalg.norm(small_basis - large_basis @ cosines, ord=2)
        cosine = np.linalg.svd(cosines, compute_uv=False).min()
        return float(np.degrees(np.arctan2(sine, cosine)))

    def _checked_shape(self) -> tuple[int, int]:
        if self.components.ndim != 2 or not 0 < self.components.shape[1] <= self.components.shape[0]:
            raise InputError(
                f"components have shape {self.components.shape}, expected (features, components) with "
                "1 to as many components as features."
            )
        d, k = self.components.shape
        return d, k


def _read_model_file(data: bytes) -> bytes:
    """Return the one file of the archive; directories beside it are passed over, anything else is refused."""
    try:
        with tarfile.open(fileobj=io.BytesIO(_gunzip(data)), mode="r:") as tar:
            members = [member for member in tar if not member.isdir()]
            names = [posixpath.normpath(member.name) for member in members]
            if names != [_MODEL_FILE]:
                raise InputError(f"The artifact holds {names[:5]}, expected the single file {_MODEL_FILE}.")
            # A sparse member may claim any size without taking room in the archive.
            is_plain = members[0].isreg() and not members[0].issparse()
            file = tar.extractfile(members[0]) if is_plain else None
            if file is None:
                raise InputError(f"{_MODEL_FILE} in the artifact is a link or a special file, expected a plain one.")
            return file.read()
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"The artifact is not a readable tar archive: {error}") from error


def _gunzip(data: bytes) -> bytes:
    decompressor = zlib.decompressobj(_GZIP_WINDOW)
    try:
        content = decompressor.decompress(data, _MAX_UNPACKED_BYTES)
    except zlib.error as error:
        raise InputError(f"The artifact is not gzip-compressed: {error}. Give the bytes of a model.tar.gz.") from error
    if decompressor.unconsumed_tail:
        raise InputError(f"The artifact unpacks to more than {_MAX_UNPACKED_BYTES:,} bytes. Is it a PCA artifact?")
    if not decompressor.eof:
        raise InputError(f"The artifact ends after {len(data):,} bytes inside its compressed data. It is truncated.")
    return content
