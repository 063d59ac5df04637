"""The data channels of a training job: their configuration, and their records as blocks of features."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.content_type import ContentType
from sagemaker_local.pca_algorithm.csv_matrix import iter_csv
from sagemaker_local.pca_algorithm.environment import TrainingEnvironment
from sagemaker_local.pca_algorithm.errors import CustomerError
from sagemaker_local.pca_algorithm.recordio import iter_features

RECORDIO_TYPES = ("application/x-recordio-protobuf", "application/x-labeled-vector-protobuf", "protobuf")
_CSV_TYPE = "text/csv"
_REQUIRED_CHANNEL = "train"
_CHANNELS = (_REQUIRED_CHANNEL, "test")
_INPUT_MODES = ("File", "FastFile", "Pipe")


@dataclass(frozen=True)
class Channel:
    """One channel: its files on this host and how they are read."""

    name: str
    content_type: ContentType | None
    files: tuple[Path, ...]

    @classmethod
    def load_all(cls, environment: TrainingEnvironment) -> dict[str, Self]:
        """Return the channels by name; raises CustomerError for what the algorithm does not accept."""
        if _REQUIRED_CHANNEL not in environment.channels:
            raise CustomerError(f"Missing required channel: {_REQUIRED_CHANNEL}")
        for name in environment.channels:
            if name not in _CHANNELS:
                raise CustomerError(f"Extraneous channel found: {name}")
        return {
            name: cls(name, _content_type(name, configuration), tuple(environment.channel_files(name)))
            for name, configuration in environment.channels.items()
        }

    @property
    def byte_count(self) -> int:
        """Size of the channel's files on this host."""
        return sum(path.stat().st_size for path in self.files)

    def blocks(self, feature_dim: int) -> Iterator[NDArray[Any]]:
        """Yield the features in blocks (m, feature_dim); raises CustomerError where the data are not as configured."""
        for path in self.files:
            try:
                yield from self._read(path, feature_dim)
            except ValueError as error:
                raise CustomerError(f"{self._unreadable} {self._verify_content_type}") from error

    def not_finite(self, has_nan: bool) -> CustomerError:
        """Return the error for NaN or, without them, infinite values among the features."""
        values = "missing (NaN) values" if has_nan else "infinite floating point values"
        return CustomerError(f"{self._unreadable} Found {values}. Please remove any {values} in the input data.")

    def _read(self, path: Path, feature_dim: int) -> Iterator[NDArray[Any]]:
        if self.content_type is None or self.content_type.media_type in RECORDIO_TYPES:
            with path.open("rb") as file:
                yield from iter_features(file, feature_dim)
            return
        label_size = self.content_type.label_size(default=1)
        for block in iter_csv(path, label_size):
            if block.shape[1] != feature_dim:
                raise ValueError(
                    f"{path.name} has {block.shape[1]} features after {label_size} label column(s), "
                    f"feature_dim is {feature_dim}"
                )
            yield block

    @property
    def _unreadable(self) -> str:
        return f"Unable to read data channel '{self.name}'."

    @property
    def _verify_content_type(self) -> str:
        if self.content_type is None:
            return "Please verify the correct data channel configuration is provided."
        return (
            f"Requested content-type is '{self.content_type}'. "
            "Please verify the data matches the requested content-type."
        )


def _content_type(name: str, configuration: Mapping[str, Any]) -> ContentType | None:
    text = configuration.get("ContentType")
    content_type = ContentType.parse(text) if text else None
    is_readable = content_type is None or content_type.media_type in (*RECORDIO_TYPES, _CSV_TYPE)
    is_wrapped = configuration.get("RecordWrapperType", "None") != "None"
    if not is_readable or is_wrapped or configuration.get("TrainingInputMode", "File") not in _INPUT_MODES:
        raise CustomerError(
            f"Channel configuration for '{name}' channel is not supported: {json.dumps(dict(configuration))}"
        )
    return content_type
