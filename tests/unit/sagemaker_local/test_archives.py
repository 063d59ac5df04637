"""Archives: what is packed can be unpacked, what is hostile cannot."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from sagemaker_local.archives import pack, unpack
from sagemaker_local.exceptions import JobFailedError

LIMIT = 1_000_000


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_directories_of_all_hosts_are_merged_into_one_archive(tmp_path: Path) -> None:
    for host, names in (("algo-1", ["model", "deep/a"]), ("algo-2", ["model", "b"])):
        for name in names:
            path = tmp_path / host / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(host)
    content = pack([tmp_path / "algo-1", tmp_path / "algo-2"])
    unpack(content, tmp_path / "out", LIMIT)
    found = {path.name: path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"model": "algo-2", "a": "algo-1", "b": "algo-2"}


@pytest.mark.parametrize(
    "content",
    [
        archive_of((tarfile.TarInfo("../escape"), b"x")),
        archive_of((tarfile.TarInfo("a/../../escape"), b"x")),
        archive_of((link("link", "../..", tarfile.SYMTYPE), b""), (tarfile.TarInfo("link/escape"), b"x")),
        archive_of((link("link", "/etc/passwd", tarfile.SYMTYPE), b"")),
        archive_of((link("hard", "../../etc/passwd", tarfile.LNKTYPE), b"")),
        archive_of((link("device", "", tarfile.CHRTYPE), b"")),
        b"",
        b"not an archive",
        gzip.compress(b"not a tar"),
        archive_of((tarfile.TarInfo("a"), b"x" * 5000))[:40],
    ],
    ids=["parent", "dotted", "through-link", "absolute-link", "hard-link", "device", "empty", "text", "gzip", "cut"],
)
def test_hostile_or_broken_archives_are_refused(tmp_path: Path, content: bytes) -> None:
    inside = tmp_path / "deep" / "inside"
    inside.mkdir(parents=True)
    with pytest.raises(JobFailedError, match=r"^ClientError: "):
        unpack(content, inside, LIMIT)
    assert not list(tmp_path.rglob("escape"))


def test_absolute_names_stay_inside(tmp_path: Path) -> None:
    unpack(archive_of((tarfile.TarInfo("/model_algo-1"), b"x")), tmp_path, LIMIT)
    assert (tmp_path / "model_algo-1").read_bytes() == b"x"


def test_bombs_are_refused_before_they_fill_the_disk(tmp_path: Path) -> None:
    bomb = archive_of((tarfile.TarInfo("small"), b"x"), (tarfile.TarInfo("zeros"), b"\0" * 10 * LIMIT))
    assert len(bomb) < 20_000
    with pytest.raises(JobFailedError, match="more than 1000000 bytes"):
        unpack(bomb, tmp_path, LIMIT)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1
    swarm = archive_of(*((tarfile.TarInfo(f"f{number}"), b"") for number in range(10_001)))
    with pytest.raises(JobFailedError, match="10000 files"):
        unpack(swarm, tmp_path, LIMIT)
