"""Several hosts, two jobs, and what stands in the end."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_pca.model.moments import Moments
from tests.processing_job import Job

COLUMNS = "a,b,c"


def recordings(count: int = 5) -> dict[str, str]:
    generator, files = np.random.default_rng(11), {}
    for number in range(count):
        rows = np.round(generator.normal([1e4, -3, 0.005], [1, 50, 1e-4], (200 + 50 * number, 3)), 7).tolist()
        cells = [["" if generator.random() < 0.01 else repr(cell) for cell in row] for row in rows]
        files[f"recording-{number}.csv"] = "\n".join(["a,b,c", *map(",".join, cells), ""])
    return files


def make_hosts(folder: Path, count: int) -> list[Job]:
    """Jobs of one cluster, files handed out as ShardedByS3Key does: one after the other."""
    names = [f"algo-{number + 1}" for number in range(count)]
    hosts = [Job(folder / f"{count} hosts" / name, name, names) for name in names]
    for number, (name, text) in enumerate(recordings().items()):
        hosts[number % count].add(name, text)
    return hosts


def run_all(hosts: list[Job], **options: Any) -> None:
    """Every host in its turn; where the options ask for means of the whole, a profile job before them."""
    if len(hosts) > 1 and (options.get("scaling") == "standardize" or options.get("missing_values") == "mean"):
        profiles = hosts[0].folder.parent / "profiles"
        profiles.mkdir()
        for host in hosts:
            assert host.run(COLUMNS, profile_only=True, **options) == 0
            assert host.parts() == []
            shutil.move(host.stats_dir / f"moments-{host.host}.json", profiles)
        options["moments_dir"] = profiles
    for host in hosts:
        assert host.run(COLUMNS, **options) == 0


def merged(hosts: list[Job]) -> Moments:
    return Moments.from_documents([host.moments() for host in hosts], {host.host: host.scatter() for host in hosts})


def features_by_file(hosts: list[Job]) -> dict[str, NDArray[np.float32]]:
    found: dict[str, NDArray[np.float32]] = {}
    for host in hosts:
        files = host.moments()["files"]
        stops = np.cumsum([file["rows"] for file in files])[:-1]
        found |= dict(zip([file["name"] for file in files], np.split(host.features(), stops), strict=True))
    return found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"missing_values": "mean"},
        {"scaling": "standardize"},
        {"scaling": "standardize", "missing_values": "mean"},
        {"part_rows": 100},
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [2, 5])
def test_features_and_moments_do_not_depend_on_the_number_of_hosts(
    tmp_path: Path, count: int, options: dict[str, Any]
) -> None:
    one, several = make_hosts(tmp_path, 1), make_hosts(tmp_path, count)
    run_all(one, **options)
    run_all(several, **options)

    whole, parts = merged(one), merged(several)
    assert parts.row_count == whole.row_count == 1500
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(parts.squared_deviations, whole.squared_deviations, rtol=1e-9)
    assert parts.scatter is not None
    assert whole.scatter is not None
    np.testing.assert_allclose(parts.scatter, whole.scatter, rtol=1e-9, atol=1e-9 * np.abs(whole.scatter).max())
    np.testing.assert_array_equal(parts.null_count, whole.null_count)
    if whole.scale is not None:
        assert parts.scale is not None
        np.testing.assert_allclose(parts.scale, whole.scale, rtol=1e-12)
    expected, found = features_by_file(one), features_by_file(several)
    assert expected.keys() == found.keys()
    for name, features in expected.items():
        np.testing.assert_array_equal(found[name], features)


def test_every_pass_over_the_rows_logs_its_own_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_all(make_hosts(tmp_path, 1), scaling="standardize")
    passes = [line.split(":")[0] for line in capsys.readouterr().out.splitlines() if " rows/s, " in line]
    assert passes == ["profile 100%", "features 100%"]


def test_part_names_of_different_hosts_differ(tmp_path: Path) -> None:
    hosts = make_hosts(tmp_path, 5)
    run_all(hosts)
    names = [path.name for host in hosts for path in (*host.parts(), *host.stats_dir.iterdir())]
    assert len(names) == len(set(names)) == 15


def test_a_host_without_files_succeeds_with_zero_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    busy, idle = (Job(tmp_path / name, name, ["algo-1", "algo-2"]) for name in ("algo-1", "algo-2"))
    busy.add("r.csv", recordings()["recording-0.csv"])
    idle.raw.rmdir()
    run_all([busy, idle])
    assert idle.parts() == []
    assert idle.moments()["row_count"] == 0
    assert merged([busy, idle]).row_count == 200
    assert "no input file: more hosts than files\nfeatures 100%: 0 rows" in capsys.readouterr().out


@pytest.mark.parametrize("options", [{"scaling": "standardize"}, {"missing_values": "mean"}], ids=str)
def test_several_hosts_need_a_profile_where_the_whole_counts(tmp_path: Path, options: dict[str, str]) -> None:
    host = make_hosts(tmp_path, 2)[0]
    assert host.run(COLUMNS, **options) == 1
    assert "on 2 hosts need the moments of all hosts. Run a --profile-only job first" in host.message()
    assert host.left_files() == []


def test_a_profile_of_other_hosts_or_columns_is_refused(tmp_path: Path) -> None:
    hosts, profiles = make_hosts(tmp_path, 2), tmp_path / "profiles"
    profiles.mkdir()
    for host in hosts:
        assert host.run(COLUMNS, profile_only=True) == 0
    shutil.copy(hosts[0].stats_dir / "moments-algo-1.json", profiles)
    assert hosts[0].run(COLUMNS, scaling="standardize", moments_dir=profiles) == 1
    assert "holds moments of algo-1, not of every host of one profile job" in hosts[0].message()

    shutil.copy(hosts[1].stats_dir / "moments-algo-2.json", profiles)
    assert hosts[0].run("a,b", scaling="standardize", moments_dir=profiles) == 1
    assert "feature_columns differs from this job's" in hosts[0].message()


def test_files_of_different_kinds_on_different_hosts_are_refused_by_every_host(tmp_path: Path) -> None:
    hosts, profiles = make_hosts(tmp_path, 2), tmp_path / "profiles"
    hosts[0].add("recording-0.csv", "c,b,a\n1,2,3\n")
    for name in ("recording-2.csv", "recording-4.csv"):
        (hosts[0].raw / name).unlink()
    profiles.mkdir()
    for host in hosts:
        assert host.run(COLUMNS, profile_only=True) == 0
        shutil.copy(host.stats_dir / f"moments-{host.host}.json", profiles)
    for host in hosts:
        assert host.run(COLUMNS, scaling="standardize", moments_dir=profiles) == 1
        assert "recording-1.csv has another header than recording-0.csv: column 1 is 'a' there" in host.message()


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    host = make_hosts(tmp_path, 1)[0]
    run_all([host], part_rows=100)
    run_all([host], output_format="recordio")
    assert host.left_files() == ["features-algo-1-00000.pbr", "moments-algo-1.json", "scatter-algo-1.npy"]


def test_the_manifest_is_written_last(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.add("r.csv", "a,b\n1,2\n")
    order: list[str] = []
    replace = os.replace

    def record(source: Path, target: Path) -> None:
        order.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", record)
    assert job.run(sample_rows=1) == 0
    assert order == ["features-algo-1-00000.csv", "scatter-algo-1.npy", "sample-algo-1.npz", "moments-algo-1.json"]
    assert json.loads((job.stats_dir / "moments-algo-1.json").read_text())["row_count"] == 1
