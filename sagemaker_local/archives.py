"""model.tar.gz and output.tar.gz: packing, and unpacking what may be hostile."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from sagemaker_local.exceptions import JobFailedError
from sagemaker_local.object_store import regular_files

_MAX_MEMBERS = 10_000


def pack(directories: Iterable[Path]) -> bytes:
    """Return one gzipped tar of several directories' files; of equal names the last directory's wins."""
    members = {path.relative_to(directory): path for directory in directories for path in regular_files(directory)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, path in sorted(members.items()):
            archive.add(path, arcname=name.as_posix(), recursive=False)
    return buffer.getvalue()


def unpack(archive_bytes: bytes, directory: Path, max_bytes: int) -> None:
    """Unpack a gzipped tar; raises JobFailedError for what is none, leaves the directory, or grows beyond a limit."""
    total_bytes = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive_bytes), mode="r:gz") as archive:
            for count, member in enumerate(archive, start=1):
                total_bytes += member.size
                if total_bytes > max_bytes or count > _MAX_MEMBERS:
                    raise JobFailedError(
                        f"ClientError: The model archive holds more than {max_bytes} bytes or {_MAX_MEMBERS} files."
                    )
                archive.extract(member, directory, filter="data")
    except tarfile.FilterError as error:
        raise JobFailedError(f"ClientError: The model archive is not safe to unpack: {error}") from error
    except (tarfile.TarError, OSError, EOFError) as error:
        raise JobFailedError(f"ClientError: The model archive is not a valid tar.gz file: {error}") from error
